"""Answer requests from recordings, in place of ``HTTPAdapter.send``, which everything that requests sends must pass.

A request without a recording raises and is never sent. What the adapter would ask for again is asked for again, but
without its waits: time does not pass in a recording.

vcrpy's own replay patches connection classes instead, and takes the patch off, process-wide, whenever it makes a real
connection object. With 8 threads 696 of 960 requests went to the real server, and the tests passed all the same. One
patch, put on before the threads start and taken off after them, has no such window.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import RetryError
from urllib3 import HTTPHeaderDict, HTTPResponse, Retry
from urllib3.exceptions import MaxRetryError

from recorded_pages.cassettes import Recording, load_recordings, request_key


class NoRecordingError(Exception):
    """A request that no cassette answers.

    Not a requests exception, on purpose: code that turns network trouble into a result must not take a missing
    recording for network trouble.
    """

    def __init__(self, *, method: str, url: str, nearest: Iterable[str]) -> None:
        self.method, self.url, self.nearest = method, url, tuple(nearest)
        recorded = "".join(f"\n  {request}" for request in self.nearest) or " nothing like it"
        super().__init__(
            f"No recorded page answers {method} {url}, and replay sends nothing to the network. "
            f"Nearest recorded:{recorded}\n"
            "Record the page (python -m recorded_pages.record), or run with real pages instead of cassettes."
        )


class RecordedPages:
    """The recordings of a folder, and which of them were played; safe to use from many threads."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._lock = threading.Lock()
        self._plays: dict[tuple[str, str], int] = {}
        self._by_request: dict[tuple[str, str], list[Recording]] = {}
        for recording in recordings:
            self._by_request.setdefault((recording.method, recording.url), []).append(recording)

    def play(self, method: str, url: str) -> Recording:
        """Return the next recording of a request; after its last one, the first again."""
        key = request_key(method, url)
        with self._lock:
            recordings = self._by_request.get(key)
            if recordings is None:
                raise NoRecordingError(method=key[0], url=key[1], nearest=self._nearest(key))
            plays = self._plays.get(key, 0)
            self._plays[key] = plays + 1
        return recordings[plays % len(recordings)]

    @property
    def played(self) -> int:
        """How many requests were answered."""
        with self._lock:
            return sum(self._plays.values())

    @property
    def unplayed(self) -> list[Recording]:
        """The recordings that answered nothing yet."""
        with self._lock:
            return [
                recording
                for key, recordings in self._by_request.items()
                for recording in recordings[self._plays.get(key, 0) :]
            ]

    def _nearest(self, key: tuple[str, str]) -> list[str]:
        return get_close_matches(" ".join(key), [" ".join(known) for known in self._by_request], n=3, cutoff=0.5)


def install(folder: Path, *, pass_through_hosts: Collection[str] = ()) -> RecordedPages:
    """Answer everything that requests sends from a folder of cassettes, for the rest of the process."""
    pages = RecordedPages(load_recordings(folder))
    _put_on(pages, frozenset(pass_through_hosts))
    return pages


@contextmanager
def replay(folder: Path, *, pass_through_hosts: Collection[str] = ()) -> Iterator[RecordedPages]:
    """Answer everything that requests sends from a folder of cassettes, until the block ends."""
    before = HTTPAdapter.send
    pages = install(folder, pass_through_hosts=pass_through_hosts)
    try:
        yield pages
    finally:
        HTTPAdapter.send = before  # type: ignore[method-assign]  # gives back what was there


def _put_on(pages: RecordedPages, pass_through_hosts: frozenset[str]) -> None:
    send_really: Callable[..., Response] = HTTPAdapter.send

    def send(adapter: HTTPAdapter, request: PreparedRequest, *args: object, **kwargs: object) -> Response:
        url = request.url or ""
        if urlsplit(url).hostname in pass_through_hosts:
            return send_really(adapter, request, *args, **kwargs)
        response = adapter.build_response(request, _answer(pages, request.method or "GET", url, adapter.max_retries))
        stream = args[0] if args else kwargs.get("stream", False)
        if not stream:
            response.content  # noqa: B018  # reads the body, as requests does for a request that is not streamed
        return response

    HTTPAdapter.send = send  # type: ignore[method-assign, assignment]  # the seam that this module stands on


def _answer(pages: RecordedPages, method: str, url: str, retries: Retry) -> HTTPResponse:
    """Return the answer that is left after the adapter's retries, as urllib3 would."""
    while True:
        answer = _raw_response(pages.play(method, url))
        if not retries.is_retry(method, answer.status, has_retry_after="Retry-After" in answer.headers):
            return answer
        try:
            retries = retries.increment(method, url, response=answer)
        except MaxRetryError as error:
            if retries.raise_on_status:
                raise RetryError(error) from error
            return answer


def _raw_response(recording: Recording) -> HTTPResponse:
    return HTTPResponse(
        body=io.BytesIO(b"" if recording.method == "HEAD" else recording.body),
        headers=HTTPHeaderDict(recording.headers),
        status=recording.status,
        reason=recording.reason,
        preload_content=False,
        request_method=recording.method,
        request_url=recording.url,
    )
