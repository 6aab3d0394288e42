"""From an address to the first bytes of its page, within bounds of time, size and redirects.

Nothing is called that ``url_policy`` refuses, on any hop. What a site or the network can do wrong comes back as
``NoTitle`` with a stable code; only a bug raises.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPException, RemoteDisconnected, responses
from typing import Any, Self, TypeVar
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry
from urllib3 import exceptions as urllib3_errors

from title_outcome import NoTitle
from url_policy import UrlPolicy

USER_AGENT = "durable-functions-quickstart-python-azd/1.0 (reads page titles)"
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "text/html,application/xhtml+xml", "Accept-Encoding": "gzip"}
_HTML_TYPES = frozenset({"", "text/html", "application/xhtml+xml"})
_ENCODINGS = frozenset({"", "deflate", "gzip", "identity", "x-gzip"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES = 16 * 1024

T = TypeVar("T")
Reader = Callable[[Iterable[bytes], str | None], T]
"""Takes a page's bytes, as many as it needs, and its Content-Type."""


class PageRetry(Retry):
    """urllib3's Retry; that alone would read an answer to its end, however long it is, before it asks again."""

    def increment(self, *args: Any, **kwargs: Any) -> Self:
        """Count an attempt, and leave its answer."""
        if response := kwargs.get("response"):
            response.close()
        return super().increment(*args, **kwargs)


RETRIES = PageRetry(
    total=3,
    other=0,  # what fails neither to connect nor to answer will fail again: a wrong certificate, for one
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=("GET",),
    backoff_factor=0.5,
    backoff_jitter=0.5,
    backoff_max=10,
    retry_after_max=10,
    raise_on_status=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much one page may cost."""

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 30.0
    """When these are over, no further request and no further read begins."""
    max_bytes: int = 1024 * 1024
    """Counted after decompression, so that a small download cannot fill the memory. ``read_title`` takes less."""
    max_redirects: int = 5


class PageFetcher:
    """Fetches pages over kept connections; one per worker, shared by its threads.

    How many pages a worker asks for at once, and so how polite the app is to a site, is set by
    ``maxConcurrentActivityFunctions`` in host.json.
    """

    def __init__(self, policy: UrlPolicy, *, limits: FetchLimits | None = None, retries: Retry = RETRIES) -> None:
        self.policy = policy
        self.limits = limits or FetchLimits()
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy, no .netrc: what is called depends on the policy alone
        self.session.headers.clear()
        self.session.headers.update(_HEADERS)
        self.session.mount("https://", HTTPAdapter(pool_maxsize=32, max_retries=retries))

    def fetch(self, url: str, read: Reader[T]) -> T | NoTitle:
        """Fetch a page and hand it to ``read``.

        With the limits and retries above it takes 140 seconds at most: the last request begins within 30, and its four
        attempts take 20 each (5 to connect, 5 for TLS, 10 until the answer begins) with waits of 10 between them. A
        body is read within the 30 seconds or not at all, a last read of 10 aside. The HTTP client does not bound the
        time to look up a name, tries each address of a name for 5 seconds, and bounds headers that come byte by byte
        for each read alone.

        Args:
            url: Where to begin; redirects are followed.
            read: Takes as much of the page as it needs. A connection is kept for the next page if it takes all.

        Returns:
            What ``read`` returns, or why there is no page. The codes are those of ``url_policy`` and http_<status>,
            bad_encoding, bad_headers, bad_redirect, connection_broken, connection_failed, fetch_failed, name_not_found,
            not_html, not_http, timeout, tls_error, too_large and too_many_redirects.
        """
        ends_at = time.monotonic() + self.limits.total_seconds
        try:
            return self._follow(url, read, ends_at)
        except _FetchError as error:
            return NoTitle(code=error.code, reason=error.reason)
        except urllib3_errors.ProtocolError:  # of a body: requests wraps those that come before it
            return NoTitle(code="connection_broken", reason="the connection broke before the page was complete")
        except (requests.RequestException, urllib3_errors.HTTPError) as error:
            return _failure(error)

    def _follow(self, url: str, read: Reader[T], ends_at: float) -> T:
        hop = url
        for _ in range(self.limits.max_redirects + 1):
            with self._answer(hop, ends_at, is_redirect=hop is not url) as response:
                location = response.headers.get("Location")
                if response.status_code not in _REDIRECTS or location is None:
                    _require_page(response)
                    return read(self._chunks(response, ends_at), response.headers.get("Content-Type"))
                response.raw.read1(_CHUNK_BYTES)  # all of a short body, which leaves the connection to the next hop
            hop = _join(hop, location)
        raise _FetchError("too_many_redirects", f"the page redirects more than {self.limits.max_redirects} times")

    def _answer(self, url: str, ends_at: float, *, is_redirect: bool) -> requests.Response:
        self._check(url, is_redirect=is_redirect)
        request = self.session.prepare_request(requests.Request("GET", url))
        # Checked again as requests understood it: what counts is the URL that is really called.
        self._check(request.url, is_redirect=is_redirect)
        if time.monotonic() > ends_at:
            raise _FetchError("timeout", "the page did not come in time")
        # Not session.send, which reads the whole body of a redirect, however long that is.
        adapter = self.session.get_adapter(url)
        return adapter.send(request, stream=True, timeout=(self.limits.connect_seconds, self.limits.read_seconds))

    def _check(self, url: str | None, *, is_redirect: bool) -> None:
        if refusal := self.policy.refuse(url):
            reason = f"it redirects to {url!r:.200}, but {refusal.reason}" if is_redirect else refusal.reason
            raise _FetchError(refusal.code, reason)

    def _chunks(self, response: requests.Response, ends_at: float) -> Iterator[bytes]:
        size = 0
        while True:
            if time.monotonic() > ends_at:
                raise _FetchError("timeout", "the page did not come in time")
            # Unlike requests' iter_content, this returns what has arrived, and waits only while that is nothing.
            chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
            if not chunk:
                return
            size += len(chunk)
            if size > self.limits.max_bytes:
                raise _FetchError("too_large", f"the page is larger than {self.limits.max_bytes:,} bytes")
            yield chunk


@functools.cache
def worker_fetcher(title_hosts: str | None) -> PageFetcher:
    """Return this worker's fetcher for the app setting ``TITLE_HOSTS``."""
    return PageFetcher(UrlPolicy.from_setting(title_hosts))


class _FetchError(Exception):
    """Ends a fetch with an outcome; never leaves this module."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def _require_page(response: requests.Response) -> None:
    """Raise unless an answer is a page of HTML that can be decompressed."""
    status = response.status_code
    if not 200 <= status < 300:
        raise _FetchError(f"http_{status}", f"the site answered {status} {responses.get(status, '')}".rstrip())
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in _HTML_TYPES:
        raise _FetchError("not_html", f"the page is {media_type:.100}, not HTML")
    for encoding in response.headers.get("Content-Encoding", "").split(","):
        if encoding.strip().lower() not in _ENCODINGS:
            reason = f"the page is compressed as {encoding.strip():.100}, which was not asked for"
            raise _FetchError("bad_encoding", reason)


def _join(url: str, location: str) -> str:
    try:
        # http.client reads header bytes as Latin-1; what servers mean is UTF-8.
        return urljoin(url, location.encode("latin-1").decode("utf-8", "replace"))
    except ValueError as error:
        raise _FetchError("bad_redirect", f"it redirects to {location!r:.200}, which is no URL") from error


# What the HTTP client raises, and the code and sentence that it becomes; the first that fits counts. No text of the
# libraries is passed on, since it holds addresses and object ids.
_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (urllib3_errors.NameResolutionError, "name_not_found", "the site's name could not be resolved"),
    (urllib3_errors.NewConnectionError, "connection_failed", "the connection to the site failed"),
    ((requests.Timeout, urllib3_errors.TimeoutError), "timeout", "the page did not come in time"),
    (urllib3_errors.SSLError, "tls_error", "no secure connection to the site could be made"),
    (urllib3_errors.DecodeError, "bad_encoding", "the page's compression is broken"),
    ((requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema), "bad_url", "the URL cannot be requested"),
    (RemoteDisconnected, "connection_failed", "the connection to the site failed"),
    (BadStatusLine, "not_http", "the site's answer is not HTTP"),
    (HTTPException, "bad_headers", "the site's headers are too many, too long or broken"),
    (requests.ConnectionError, "connection_failed", "the connection to the site failed"),
)


def _failure(error: Exception) -> NoTitle:
    causes = list(_causes(error))
    for kinds, code, reason in _FAILURES:
        if any(isinstance(cause, kinds) for cause in causes):
            return NoTitle(code=code, reason=reason)
    return NoTitle(code="fetch_failed", reason=f"the page could not be fetched ({type(error).__name__})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those in it, which the libraries keep as its cause or among its arguments."""
    while error is not None:
        yield error
        inner = (error.__cause__, *error.args)
        error = next((cause for cause in inner if isinstance(cause, BaseException)), None)
