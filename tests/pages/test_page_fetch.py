"""Fetching pages: from the local site over real TLS, from cassettes, and from servers that misbehave."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest
from urllib3 import Retry
from urllib3 import exceptions as urllib3_errors

from page_fetch import RETRIES, USER_AGENT, FetchLimits, PageFetcher
from page_title import article_title, read_title
from recorded_pages import NoRecordingError, replay
from recorded_pages.local_site import LocalSite, SiteMap
from recorded_pages.loopback_adapter import LoopbackAdapter
from title_outcome import NoTitle, found_title
from url_policy import UrlPolicy

HOST = "learn.microsoft.com"
POLICY = UrlPolicy.from_setting(HOST)
PAGE = f"https://{HOST}/page"
# Many threads share the answers of one cassette, so one fetch may meet "429, then 200" several times.
IMPATIENT = RETRIES.new(total=20, backoff_factor=0, backoff_jitter=0, retry_after_max=0)
NEVER = RETRIES.new(total=0)


def fetcher_of(site: LocalSite, limits: FetchLimits | None = None, retries: Retry = IMPATIENT) -> PageFetcher:
    fetcher = PageFetcher(POLICY, limits=limits)
    fetcher.session.mount("https://", site.adapter(max_retries=retries))
    return fetcher


def titles_of(cassettes: Path) -> dict[str, str | None]:
    titles: dict[str, str | None] = json.loads((cassettes / "titles.json").read_text(encoding="utf-8"))
    return titles


def title_or_code(fetcher: PageFetcher, url: str) -> str:
    found = fetcher.fetch(url, read_title)
    outcome = found if isinstance(found, NoTitle) else found_title(article_title(found))
    return outcome.code if isinstance(outcome, NoTitle) else outcome.title


def fetch_from(
    answer: Callable[[BaseHTTPRequestHandler], object],
    limits: FetchLimits | None = None,
    retries: Retry = NEVER,
) -> str | NoTitle:
    """Fetch one page from a TLS server that answers as it is told."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with LocalSite(HOST, Handler) as site:
        fetcher = fetcher_of(site, limits, retries)
        try:
            return fetcher.fetch(PAGE, read_title)
        finally:
            fetcher.session.close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Type": "text/html", "Content_Length": str(len(body)), **headers}.items():
        if value:
            handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def code_of(found: str | NoTitle) -> str:
    assert isinstance(found, NoTitle)
    return found.code


def test_fetcher_reads_the_local_site_over_tls(local_site: LocalSite, site_map: SiteMap) -> None:
    fetcher = fetcher_of(local_site)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda page: title_or_code(fetcher, page.url), site_map.recorded))
    fetcher.session.close()

    assert found == [page.title or page.code for page in site_map.recorded]


def test_fetcher_reads_recorded_titles_with_32_threads(
    cassettes: Path, site_map: SiteMap, no_network: list[str]
) -> None:
    fetcher = PageFetcher(POLICY, retries=IMPATIENT)
    titles = titles_of(cassettes)
    # Where the live site was recorded, its titles are in the file; what is only here is known from the site map.
    expected = [titles[page.url] or page.code for page in site_map.recorded]

    with replay(cassettes) as pages, ThreadPoolExecutor(32) as threads:
        found = list(threads.map(lambda page: title_or_code(fetcher, page.url), list(site_map.recorded) * 8))

    assert found == expected * 8
    assert (no_network, pages.unplayed) == ([], [])


def test_missing_recording_is_not_mistaken_for_a_page_without_title(cassettes: Path, no_network: list[str]) -> None:
    with replay(cassettes), pytest.raises(NoRecordingError):
        PageFetcher(POLICY).fetch(PAGE, read_title)


def test_site_with_an_unknown_certificate_is_not_read(local_site: LocalSite) -> None:
    fetcher = PageFetcher(POLICY)
    fetcher.session.mount("https://", LoopbackAdapter({HOST: local_site.address}))

    assert title_or_code(fetcher, PAGE) == "tls_error"


def test_site_with_the_certificate_of_another_name_is_not_read(local_site: LocalSite) -> None:
    fetcher = PageFetcher(UrlPolicy.from_setting("docs.python.org"))
    adapter = LoopbackAdapter({"docs.python.org": local_site.address}, ca_file=local_site.ca_file)
    fetcher.session.mount("https://", adapter)

    assert title_or_code(fetcher, "https://docs.python.org/3/") == "tls_error"


def test_site_that_nobody_serves_is_a_failed_connection(local_site: LocalSite) -> None:
    with LocalSite(HOST, BaseHTTPRequestHandler) as gone:
        pass

    fetcher = PageFetcher(POLICY)
    fetcher.session.mount("https://", LoopbackAdapter({HOST: gone.address}))

    assert title_or_code(fetcher, PAGE) == "connection_failed"


def test_name_that_does_not_resolve_has_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*args: object, **kwargs: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)

    assert title_or_code(PageFetcher(POLICY, retries=NEVER), PAGE) == "name_not_found"


def test_url_that_the_policy_refuses_is_never_called(no_network: list[str]) -> None:
    assert title_or_code(PageFetcher(POLICY), "https://169.254.169.254/") == "host_not_allowed"
    assert no_network == []


def test_request_names_the_project_and_sends_no_cookie_back() -> None:
    seen: list[dict[str, str]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append(dict(handler.headers.items()))
        if len(seen) == 1:
            send(handler, 302, Location="/next", Set_Cookie="a=b; Path=/")
        else:
            send(handler, 200, b"<title>Next</title>")

    assert fetch_from(answer) == "Next"
    assert [(headers["User-Agent"], "Cookie" in headers) for headers in seen] == [(USER_AGENT, False)] * 2


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("https://169.254.169.254/latest/meta-data", "host_not_allowed"),
        ("https://localhost/", "host_not_allowed"),
        ("//example.com/", "host_not_allowed"),
        ("http://learn.microsoft.com/", "not_https"),
        ("file:///etc/passwd", "not_https"),
        ("https://learn.microsoft.com:8443/", "port_not_allowed"),
        ("https://user@learn.microsoft.com/", "userinfo_not_allowed"),
        ("https://[::1", "bad_redirect"),
        ("/page", "too_many_redirects"),
    ],
)
def test_redirect_that_may_not_be_followed_says_why(location: str, code: str) -> None:
    found = fetch_from(lambda handler: send(handler, 302, Location=location))

    assert code_of(found) == code
    assert isinstance(found, NoTitle)
    assert "redirect" in found.reason


def test_five_redirects_are_followed() -> None:
    hops = iter(range(5))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if (hop := next(hops, None)) is None:
            send(handler, 200, b"<title>Arrived</title>")
        else:
            send(handler, (301, 302, 303, 307, 308)[hop], Location=f"/hop/{hop}")

    assert fetch_from(answer) == "Arrived"


@pytest.mark.parametrize("status", [304, 400, 403, 404, 410, 429, 500, 503, 599])
def test_answer_that_is_no_page_has_the_code_of_its_status(status: int) -> None:
    found = fetch_from(lambda handler: send(handler, status))

    assert code_of(found) == f"http_{status}"


@pytest.mark.parametrize("content_type", ["application/json", "text/plain; charset=utf-8", "image/svg+xml", "nonsense"])
def test_page_that_is_not_html_is_not_parsed(content_type: str) -> None:
    found = fetch_from(lambda handler: send(handler, 200, b"<title>No</title>", Content_Type=content_type))

    assert code_of(found) == "not_html"


@pytest.mark.parametrize("content_type", ["", "text/html", "TEXT/HTML;charset=UTF-8", "application/xhtml+xml"])
def test_page_that_is_html_or_says_nothing_is_parsed(content_type: str) -> None:
    assert fetch_from(lambda handler: send(handler, 200, b"<title>Yes</title>", Content_Type=content_type)) == "Yes"


def test_compressed_page_is_read() -> None:
    body = gzip.compress(b"<title>Zipped</title>")

    assert fetch_from(lambda handler: send(handler, 200, body, Content_Encoding="gzip")) == "Zipped"


def test_compression_bomb_stops_at_the_cap() -> None:
    body = gzip.compress(b" " * 50_000_000)

    found = fetch_from(
        lambda handler: send(handler, 200, body, Content_Encoding="gzip"), FetchLimits(max_bytes=100_000)
    )

    assert found == NoTitle(code="too_large", reason="the page is larger than 100,000 bytes")


def test_broken_compression_has_its_own_code() -> None:
    assert (
        code_of(fetch_from(lambda handler: send(handler, 200, b"no gzip", Content_Encoding="gzip"))) == "bad_encoding"
    )


def test_page_that_breaks_off_has_its_own_code() -> None:
    found = fetch_from(lambda handler: send(handler, 200, b"<title>Half", Content_Length="1000"))

    assert code_of(found) == "connection_broken"


@pytest.mark.parametrize("part", ["body", "body without length"])
def test_page_that_drips_ends_at_the_deadline(part: str) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n")
        if part == "body":
            handler.wfile.write(b"Content-Length: 100000\r\n")
        handler.wfile.write(b"\r\n<title>")
        while not stop.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    started = time.monotonic()
    found = fetch_from(drip, FetchLimits(read_seconds=5, total_seconds=0.5))
    stop.set()

    assert code_of(found) == "timeout"
    assert time.monotonic() - started < 3


def test_silent_page_ends_at_the_read_timeout() -> None:
    stop = threading.Event()

    found = fetch_from(lambda handler: stop.wait(3), FetchLimits(read_seconds=0.2, total_seconds=10))
    stop.set()

    assert code_of(found) == "timeout"


def test_failures_that_pass_are_tried_again_and_the_site_chooses_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=waits.append, time=time.time))
    answers: Iterator[Callable[[BaseHTTPRequestHandler], object]] = iter(
        [
            lambda handler: send(handler, 503),
            lambda handler: send(handler, 429, Retry_After="3"),
            lambda handler: handler.connection.close(),
            lambda handler: send(handler, 200, b"<title>At last</title>"),
        ]
    )

    found = fetch_from(lambda handler: next(answers)(handler), retries=RETRIES.new(backoff_jitter=0))

    assert found == "At last"
    assert waits == [3, 2.0]


def test_waits_between_attempts_are_spread_so_that_fetches_do_not_march() -> None:
    retries = RETRIES.increment("GET", "/", error=urllib3_errors.ProtocolError()).increment(
        "GET", "/", error=urllib3_errors.ProtocolError()
    )

    waits = {retries.get_backoff_time() for _ in range(20)}

    assert len(waits) > 1
    assert all(1.0 <= wait <= 1.5 for wait in waits)


@pytest.mark.parametrize(("status", "requests"), [(429, 4), (502, 4), (503, 4), (504, 4), (400, 1), (404, 1), (500, 1)])
def test_only_failures_that_may_pass_are_tried_again_and_only_three_times(status: int, requests: int) -> None:
    asked: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(status)
        send(handler, status)

    found = fetch_from(answer, retries=IMPATIENT.new(total=RETRIES.total))

    assert (code_of(found), len(asked)) == (f"http_{status}", requests)


@pytest.mark.parametrize("retry_after", ["86400", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_site_that_asks_for_a_day_is_given_ten_seconds(monkeypatch: pytest.MonkeyPatch, retry_after: str) -> None:
    waits: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=waits.append, time=time.time))

    found = fetch_from(lambda handler: send(handler, 429, Retry_After=retry_after), retries=RETRIES)

    assert code_of(found) == "http_429"
    assert waits == [10, 10, 10]


def test_connection_is_kept_over_redirects_and_after_a_page_that_was_read_to_its_end() -> None:
    clients: list[object] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            clients.append(self.client_address)
            if self.path == "/arrived":
                send(self, 200, b"<p>No title here")
            else:
                send(self, 302, b"moved", Location="/arrived")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with LocalSite(HOST, Handler) as site:
        fetcher = fetcher_of(site)
        codes = [title_or_code(fetcher, f"https://{HOST}/{number}") for number in range(3)]
        fetcher.session.close()

    assert codes == ["no_title"] * 3
    assert len(clients) == 6
    assert len(set(clients)) == 1


def test_reading_stops_as_soon_as_the_title_is_certain() -> None:
    sent: list[int] = [0]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n")
        handler.wfile.write(b"Content-Length: 100000000\r\n\r\n<title>Early</title>")
        try:
            while sent[0] < 100_000_000:
                sent[0] += handler.wfile.write(b"x" * 100_000)
        except OSError:
            return

    assert fetch_from(answer) == "Early"
    assert sent[0] < 20_000_000  # what fits into the buffers between two sockets
