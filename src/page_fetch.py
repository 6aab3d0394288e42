"""From a URL to the bytes of its page.

Role: fetch one page within limits of time, size, redirects and requests at once, calling only what the policy allows.
Called by: ``fetch_title``, from many threads at once.
Calls: ``url_policy`` before every hop, ``page_turns``, ``page_retry``, ``page_connection`` for the transport,
``page_failures`` for what went wrong, and the reader that it is given.
Invariant: what a page or the network can do wrong comes back as ``NoTitle`` with a stable code; only a bug raises.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from page_addresses import NotPublicError, Resolver
from page_allowance import Allowance
from page_connection import PageAdapter
from page_failures import FetchError, failure_of, status_failure
from page_retry import Retries, seconds_asked_for
from page_turns import HostTurns, NoTurnError, requests_per_host
from title_outcome import NoTitle
from url_policy import UrlPolicy

USER_AGENT = "durable-functions-quickstart-python-azd/1.0 (reads page titles)"
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_ENCODINGS = frozenset({"", "deflate", "gzip", "identity", "x-gzip"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "text/html,application/xhtml+xml", "Accept-Encoding": "gzip"}

T = TypeVar("T")
Reader = Callable[[Iterable[bytes], str | None], T]
"""Takes a page's chunks, as many as it needs, and its Content-Type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much one page may cost."""

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 30.0
    """From the first request on, redirects and retries included; waiting for a turn at a host does not count."""
    turn_seconds: float = 120.0
    header_bytes: int = 256 * 1024
    max_bytes: int = 2 * 1024 * 1024
    """Counted after decompression, so that a small download cannot fill the memory."""
    max_redirects: int = 5
    chunk_bytes: int = 2 * 1024
    """Small, because the client waits until so much is there, and a title often stands in the first hundred bytes."""
    rest_bytes: int = 64 * 1024
    rest_seconds: float = 0.25
    """What may be spent on the rest of a page whose title is known, to keep its connection for the next page."""


class _PageSession(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Hide redirects from requests: it would read a redirect's whole body, however long, before going on."""
        return None


class PageFetcher:
    """Fetches pages over kept connections; one per worker, shared by its threads."""

    def __init__(
        self,
        policy: UrlPolicy,
        *,
        limits: FetchLimits | None = None,
        retries: Retries | None = None,
        requests_per_host: int | None = None,
        resolve: Resolver | None = None,
        ca_file: Path | None = None,
        connections: int = 32,
    ) -> None:
        self.policy = policy
        self.limits = limits or FetchLimits()
        self.retries = retries or Retries()
        self.turns = HostTurns() if requests_per_host is None else HostTurns(requests_per_host)
        self.session = _PageSession()
        self.session.trust_env = False  # No proxy, no .netrc: a proxy would resolve names where no rule of ours holds.
        self.session.headers.clear()
        self.session.headers.update(_HEADERS)
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.session.adapters.clear()
        adapter = PageAdapter(
            connections=connections,
            read_seconds=self.limits.read_seconds,
            public_only=policy.any_public_host,
            resolve=resolve,
            ca_file=ca_file,
        )
        self.session.mount("https://", adapter)

    def fetch(self, url: str, read: Reader[T]) -> T | NoTitle:
        """Fetch a page and hand it to ``read``; return what that returns, or why the page cannot be read."""
        with Allowance(self.limits.total_seconds).entered() as allowance:
            try:
                return _Fetch(self, read, allowance).follow(url)
            except FetchError as error:
                return error.outcome

    def close(self) -> None:
        """Close all kept connections."""
        self.session.close()


@functools.cache
def worker_fetcher(title_hosts: str | None, per_host: str | None) -> PageFetcher:
    """Return this worker's fetcher for the app settings ``TITLE_HOSTS`` and ``TITLE_REQUESTS_PER_HOST``."""
    return PageFetcher(UrlPolicy.from_setting(title_hosts), requests_per_host=requests_per_host(per_host))


class _Fetch(Generic[T]):
    """One fetch on its way: hop after hop, attempt after attempt."""

    def __init__(self, fetcher: PageFetcher, read: Reader[T], allowance: Allowance) -> None:
        self._fetcher, self._limits = fetcher, fetcher.limits
        self._read, self._allowance = read, allowance
        self._attempts = 0

    def follow(self, url: str) -> T:
        """Follow redirects to the page, and return what was read from it."""
        hop = url
        for _ in range(self._limits.max_redirects + 1):
            request = self._prepare(hop, is_redirect=hop is not url)
            location = self._in_turn(request)
            if not isinstance(location, _Location):
                return location
            hop = location.after(hop)
        raise FetchError("too_many_redirects", f"the page redirects more than {self._limits.max_redirects} times")

    def _prepare(self, url: str, *, is_redirect: bool) -> requests.PreparedRequest:
        self._check(url, is_redirect=is_redirect)
        try:
            prepared = self._fetcher.session.prepare_request(requests.Request("GET", url))
        except requests.RequestException as error:
            raise failure_of(error, self._allowance) from error
        # Checked again as requests understood it: what counts is the URL that is really called.
        self._check(prepared.url, is_redirect=is_redirect)
        return prepared

    def _check(self, url: str | None, *, is_redirect: bool) -> None:
        if refusal := self._fetcher.policy.refuse(url):
            reason = f"it redirects to {url!r:.200}, but {refusal.reason}" if is_redirect else refusal.reason
            raise FetchError(refusal.code, reason)

    def _in_turn(self, request: requests.PreparedRequest) -> T | _Location:
        """Make one hop, with as many attempts as it needs. The turn is kept while waiting: a busy host gets a pause."""
        host = urlsplit(request.url or "").hostname or ""
        with ExitStack() as turn:
            try:
                with self._allowance.paused():
                    turn.enter_context(self._fetcher.turns.take(host, seconds=self._limits.turn_seconds))
            except NoTurnError as error:
                raise FetchError("host_busy", "the host was busy with other pages for too long") from error
            while True:
                self._attempts += 1
                try:
                    return self._attempt(request)
                except FetchError as error:
                    self._wait_or_give_up(error)

    def _wait_or_give_up(self, error: FetchError) -> None:
        retries = self._fetcher.retries
        wait = retries.wait_before(self._attempts, error.outcome.code, error.retry_after)
        if wait is None or wait >= self._allowance.seconds:
            raise error
        retries.sleep(wait)

    def _attempt(self, request: requests.PreparedRequest) -> T | _Location:
        limits, allowance = self._limits, self._allowance
        allowance.expect(limits.header_bytes)
        is_body = False
        try:
            timeout = (limits.connect_seconds, limits.read_seconds)
            send = self._fetcher.session.send
            with send(request, stream=True, allow_redirects=False, timeout=timeout) as response:
                is_body = True
                allowance.expect(limits.max_bytes + limits.rest_bytes)
                chunks = self._chunks(response)
                result: T | _Location | FetchError | None = _answer_without_page(response)
                if result is None:
                    result = self._read(chunks, response.headers.get("Content-Type"))
                self._finish(response, chunks)
                if isinstance(result, FetchError):
                    raise result
                return result
        except NotPublicError as error:
            raise FetchError("address_not_public", "the host leads to an address that is not public") from error
        except requests.RequestException as error:
            raise failure_of(error, allowance, is_body=is_body) from error

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        size = 0
        for chunk in response.iter_content(self._limits.chunk_bytes):
            size += len(chunk)
            if size > self._limits.max_bytes:
                raise FetchError("too_large", f"the page is larger than {self._limits.max_bytes:,} bytes")
            yield chunk
        if self._allowance.is_over:  # A page that ends when its connection ends looks complete after it was cut.
            raise FetchError("timeout", "the page did not come in time")

    def _finish(self, response: requests.Response, chunks: Iterator[bytes]) -> None:
        """Read a short rest, which keeps the connection; leave a long one, which closes it."""
        announced = response.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced[:12]) > self._limits.rest_bytes:
            return
        self._allowance.expect(self._limits.rest_bytes)
        with suppress(requests.RequestException, FetchError), self._allowance.at_most(self._limits.rest_seconds):
            for _ in chunks:
                pass


@dataclass(frozen=True, slots=True)
class _Location:
    header: str

    def after(self, url: str) -> str:
        """Return the URL of the next hop."""
        try:
            # http.client reads header bytes as Latin-1; what servers mean is UTF-8.
            return urljoin(url, self.header.encode("latin-1").decode("utf-8", "replace"))
        except ValueError as error:
            raise FetchError("bad_redirect", f"it redirects to {self.header!r:.200}, which is no URL") from error


def _answer_without_page(response: requests.Response) -> _Location | FetchError | None:
    """Return where else the page is, or why it cannot be read; None for an HTML page that can be decompressed."""
    location = response.headers.get("Location")
    if response.status_code in _REDIRECTS and location is not None:
        return _Location(location)
    if not 200 <= response.status_code < 300:
        return status_failure(response.status_code, seconds_asked_for(response.headers.get("Retry-After")))
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type and media_type not in _HTML_TYPES:
        return FetchError("not_html", f"the page is {media_type:.100}, not HTML")
    for encoding in response.headers.get("Content-Encoding", "").split(","):
        if encoding.strip().lower() not in _ENCODINGS:
            reason = f"the page is compressed as {encoding.strip():.100}, which was not asked for"
            return FetchError("bad_encoding", reason)
    return None
