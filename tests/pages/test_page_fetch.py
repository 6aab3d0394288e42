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

import pytest

from page_fetch import USER_AGENT, FetchLimits, PageFetcher
from page_retry import Retries
from page_title import article_title, read_title
from recorded_pages import NoRecordingError, replay
from recorded_pages.local_site import LocalSite, SiteMap
from title_outcome import NoTitle, found_title
from url_policy import UrlPolicy

HOST = "learn.microsoft.com"
POLICY = UrlPolicy.from_setting(HOST)
PAGE = f"https://{HOST}/page"
# Many threads share the answers of one cassette, so one fetch may meet "429, then 200" several times.
IMPATIENT = Retries(most=20, sleep=lambda _: None)
NEVER = Retries(most=0)


def fetcher_of(site: LocalSite, limits: FetchLimits | None = None, retries: Retries | None = None) -> PageFetcher:
    return PageFetcher(POLICY, limits=limits, retries=retries or IMPATIENT, resolve=site.resolve, ca_file=site.ca_file)


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
    retries: Retries = NEVER,
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
            fetcher.close()


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
    fetcher.close()

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
    fetcher = PageFetcher(POLICY, resolve=local_site.resolve)

    assert title_or_code(fetcher, PAGE) == "tls_error"


def test_site_with_the_certificate_of_another_name_is_not_read(local_site: LocalSite) -> None:
    policy = UrlPolicy.from_setting("docs.python.org")
    fetcher = PageFetcher(policy, resolve=local_site.resolve, ca_file=local_site.ca_file)

    assert title_or_code(fetcher, "https://docs.python.org/3/") == "tls_error"


def test_site_that_nobody_serves_is_a_failed_connection(local_site: LocalSite) -> None:
    with LocalSite(HOST, BaseHTTPRequestHandler) as gone:
        pass

    assert title_or_code(PageFetcher(POLICY, resolve=gone.resolve, retries=NEVER), PAGE) == "connection_failed"


def test_name_that_does_not_resolve_has_its_own_code(no_network: list[str]) -> None:
    def nowhere(host: str, port: int) -> tuple[str, int]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    assert title_or_code(PageFetcher(POLICY, resolve=nowhere), PAGE) == "name_not_found"


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

    assert code_of(found) == "too_large"


def test_broken_compression_has_its_own_code() -> None:
    assert (
        code_of(fetch_from(lambda handler: send(handler, 200, b"no gzip", Content_Encoding="gzip"))) == "bad_encoding"
    )


def test_page_that_breaks_off_has_its_own_code() -> None:
    found = fetch_from(lambda handler: send(handler, 200, b"<title>Half", Content_Length="1000"))

    assert code_of(found) == "connection_broken"


@pytest.mark.parametrize("part", ["headers", "body", "body without length"])
def test_page_that_drips_ends_at_the_deadline(part: str) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        start = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
        handler.wfile.write(start if part == "headers" else start + b"Connection: close\r\n")
        if part == "body":
            handler.wfile.write(b"Content-Length: 100000\r\n")
        handler.wfile.write(b"X-Slow: " if part == "headers" else b"\r\n<title>")
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


def test_failures_that_pass_are_tried_again_and_the_site_chooses_the_wait() -> None:
    waits: list[float] = []
    answers: Iterator[Callable[[BaseHTTPRequestHandler], object]] = iter(
        [
            lambda handler: send(handler, 503),
            lambda handler: send(handler, 429, Retry_After="3"),
            lambda handler: handler.connection.close(),
            lambda handler: send(handler, 200, b"<title>At last</title>"),
        ]
    )

    found = fetch_from(lambda handler: next(answers)(handler), retries=Retries(sleep=waits.append, spread=lambda: 1.0))

    assert found == "At last"
    assert waits == [0.5, 3.25, 2.0]


@pytest.mark.parametrize(("status", "requests"), [(429, 4), (502, 4), (503, 4), (504, 4), (400, 1), (404, 1), (500, 1)])
def test_only_failures_that_may_pass_are_tried_again_and_only_three_times(status: int, requests: int) -> None:
    asked: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(status)
        send(handler, status)

    found = fetch_from(answer, retries=Retries(sleep=lambda _: None))

    assert (code_of(found), len(asked)) == (f"http_{status}", requests)


@pytest.mark.parametrize("retry_after", ["86400", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_site_that_asks_for_a_day_is_not_asked_again(retry_after: str) -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        send(handler, 429, Retry_After=retry_after)

    found = fetch_from(answer, retries=Retries())

    assert (code_of(found), len(asked)) == ("http_429", 1)
    assert isinstance(found, NoTitle)
    assert "429 Too Many Requests and asks to wait" in found.reason


def test_connection_is_kept_for_the_next_page_after_every_short_answer(site_map: SiteMap) -> None:
    clients: set[object] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            clients.add(self.client_address)
            page = pages.get(self.path) or pages["*"]
            send(self, page.status, page.body, **{name.replace("-", "_"): text for name, text in page.headers.items()})

        def log_message(self, format: str, *args: object) -> None:
            pass

    pages = {path: page for path, (page, *_) in site_map.pages.items()}

    with LocalSite(HOST, Handler) as site:
        fetcher = fetcher_of(site)
        found = [title_or_code(fetcher, f"https://{HOST}{path}") for path in pages if path != "*"]
        fetcher.close()

    assert len(found) == len(site_map.pages) - 1
    assert {"http_404", "http_429", "http_500", "no_title", "not_html"} < set(found)
    assert len(clients) == 1


def test_one_host_gets_no_more_requests_at_once_than_the_setting_says() -> None:
    lock = threading.Lock()
    running: list[int] = [0]
    most: list[int] = [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.02)  # what the server takes to answer, so that requests meet
            with lock:
                running[0] -= 1
            send(self, 200, b"<title>Busy</title>")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with LocalSite(HOST, Handler) as site, ThreadPoolExecutor(32) as threads:
        fetcher = PageFetcher(POLICY, requests_per_host=3, resolve=site.resolve, ca_file=site.ca_file)
        found = set(threads.map(lambda _: title_or_code(fetcher, PAGE), range(60)))
        fetcher.close()

    assert (found, most) == ({"Busy"}, [3])


def test_waiting_for_a_turn_is_bounded_and_not_counted_as_the_pages_time() -> None:
    limits = FetchLimits(total_seconds=1.0, turn_seconds=30)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)  # what the server takes to answer
        send(handler, 200, b"<title>Slow</title>")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with LocalSite(HOST, Handler) as site, ThreadPoolExecutor(6) as threads:
        patient = PageFetcher(POLICY, limits=limits, requests_per_host=1, resolve=site.resolve, ca_file=site.ca_file)
        found = list(threads.map(lambda _: title_or_code(patient, PAGE), range(6)))
        limits = FetchLimits(turn_seconds=0.05)
        hasty = PageFetcher(POLICY, limits=limits, requests_per_host=1, resolve=site.resolve, ca_file=site.ca_file)
        codes = set(threads.map(lambda _: title_or_code(hasty, PAGE), range(6)))

    assert found == ["Slow"] * 6
    assert codes == {"Slow", "host_busy"}


def test_name_that_takes_for_ever_to_resolve_ends_at_the_deadline() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> tuple[str, int]:
        release.wait(20)
        raise OSError("nobody waits for this any more")

    started = time.monotonic()
    fetcher = PageFetcher(POLICY, limits=FetchLimits(connect_seconds=10, total_seconds=0.3), resolve=resolve)
    code = title_or_code(fetcher, PAGE)
    release.set()

    assert code == "timeout"
    assert time.monotonic() - started < 3


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
