"""Benchmarks of pages: from bytes to a title, and from URLs to titles.

What the app's own code takes, beside what most programs would do in its place. Goals: ``title_from_bytes`` at least 50
times faster than its peer, and a ratio above 1 for the other rows, the two with the limits of what is possible aside.
Every title that is measured is compared with the right one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import requests
from bs4 import BeautifulSoup
from selectolax.lexbor import LexborHTMLParser

from bench.page_server import HOST, TITLE, learn_like_page
from bench.table import Row
from page_fetch import PageFetcher
from page_title import SITE_SUFFIX, article_title, document_title, read_title
from recorded_pages.loopback_adapter import LoopbackAdapter
from title_outcome import NoTitle
from url_policy import UrlPolicy

__all__ = ["BENCHMARKS", "rows"]

_THREADS = 16
_PAGES = 200
_TITLE_ELEMENT = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    address: tuple[str, int]
    ca_file: Path

    def fetcher(self) -> PageFetcher:
        """Return a fetcher that finds the app's default host here."""
        fetcher = PageFetcher(UrlPolicy.from_setting(HOST))
        fetcher.session.mount("https://", LoopbackAdapter({HOST: self.address}, ca_file=self.ca_file))
        return fetcher

    def peer_url(self, path: str) -> str:
        """Return the URL by which a client without resolver finds a page."""
        return f"https://localhost:{self.address[1]}{path}"


def title_from_bytes(quick: bool) -> Row:
    """The title of a page of 150 KB; the peer is what most programs write."""
    page = learn_like_page()
    return _beside(quick, "title_from_bytes", 'BeautifulSoup(page, "html.parser").title', lambda: _html_parser(page))


def title_from_bytes_beside_lexbor(quick: bool) -> Row:
    """The same beside an HTML parser in C that reads the whole page: one limit."""
    page = learn_like_page()

    def lexbor() -> str:
        title = LexborHTMLParser(page).css_first("title")
        return title.text() if title is not None else ""

    return _beside(quick, "title_from_bytes_beside_lexbor", "lexbor", lexbor)


def title_from_bytes_beside_search(quick: bool) -> Row:
    """The same beside a search that knows nothing of HTML: the other limit."""
    page = learn_like_page()

    def search() -> str:
        found = _TITLE_ELEMENT.search(page)
        return found[1].decode().replace("&amp;", "&") if found else ""

    return _beside(quick, "title_from_bytes_beside_search", "re.search", search)


def bytes_per_page(quick: bool) -> Row:
    """What is taken of the body of one page that is not compressed; the peer takes it all."""
    return _bytes("bytes_per_page", "/plain", quick)


def bytes_per_compressed_page(quick: bool) -> Row:
    """The same for a compressed page: decompressed bytes on both sides."""
    return _bytes("bytes_per_compressed_page", "/page", quick)


def fetch_200_pages(quick: bool) -> Row:
    """Pages to titles with 16 threads; the peer has the same threads, pages and server."""
    count = 40 if quick else _PAGES
    with _server() as server, ThreadPoolExecutor(_THREADS) as threads:
        fetcher = server.fetcher()

        def ours(number: int) -> str:
            found = fetcher.fetch(f"https://{HOST}/page/{number}", read_title)
            return found.code if isinstance(found, NoTitle) else article_title(found)

        def peer(number: int) -> str:
            response = requests.get(server.peer_url(f"/page/{number}"), verify=str(server.ca_file), timeout=60)
            return article_title(_html_parser(response.content))

        seconds = _seconds(lambda: threads.map(ours, range(count)))
        peer_seconds = _seconds(lambda: threads.map(peer, range(count)))
        fetcher.session.close()
    scale = _PAGES / count
    return Row(
        name="fetch_200_pages",
        value=seconds * scale,
        unit="s",
        peer="requests.get + html.parser",
        peer_value=peer_seconds * scale,
        ratio=peer_seconds / seconds,
    )


BENCHMARKS: dict[str, Callable[[bool], Row]] = {
    benchmark.__name__: benchmark
    for benchmark in (
        title_from_bytes,
        title_from_bytes_beside_lexbor,
        title_from_bytes_beside_search,
        bytes_per_page,
        bytes_per_compressed_page,
        fetch_200_pages,
    )
}


def rows(quick: bool = False) -> list[Row]:
    """Measure all of them."""
    return [benchmark(quick) for benchmark in BENCHMARKS.values()]


def _beside(quick: bool, name: str, peer_name: str, peer: Callable[[], str]) -> Row:
    page = learn_like_page()
    value = _median_ms(lambda: document_title(page, "text/html"), times=20 if quick else 200)
    peer_value = _median_ms(peer, times=3 if quick else 15)
    return Row(name=name, value=value, unit="ms", peer=peer_name, peer_value=peer_value, ratio=peer_value / value)


def _bytes(name: str, path: str, quick: bool) -> Row:
    taken: list[int] = []

    def read(chunks: Iterable[bytes], content_type: str | None) -> str | NoTitle:
        def counted() -> Iterator[bytes]:
            for chunk in chunks:
                taken.append(len(chunk))
                yield chunk

        return read_title(counted(), content_type)

    count = 5 if quick else 20
    with _server() as server:
        fetcher = server.fetcher()
        for _ in range(count):
            _require_title(fetcher.fetch(f"https://{HOST}{path}", read))
        fetcher.session.close()
        response = requests.get(server.peer_url(path), verify=str(server.ca_file), timeout=60)
        _require_title(_html_parser(response.content))
    whole = len(response.content)
    value = sum(taken) / count
    return Row(name=name, value=value, unit="bytes", peer="requests.get", peer_value=whole, ratio=whole / value)


def _html_parser(page: bytes) -> str:
    title = BeautifulSoup(page, "html.parser").title
    return title.get_text() if title is not None else ""


def _median_ms(run: Callable[[], str], *, times: int) -> float:
    durations = []
    for _ in range(times):
        started = perf_counter()
        title = run()
        durations.append(perf_counter() - started)
        _require_title(title)
    return median(durations) * 1000


def _seconds(run: Callable[[], Iterable[str]]) -> float:
    started = perf_counter()
    titles = list(run())
    seconds = perf_counter() - started
    if set(titles) != {TITLE}:
        raise AssertionError(f"Fetched {sorted(set(titles))!r:.500}, but the page's title is {TITLE!r}.")
    return seconds


def _require_title(title: str | NoTitle) -> None:
    if title != TITLE + SITE_SUFFIX:
        raise AssertionError(f"Found {title!r}, but the page's title is {TITLE + SITE_SUFFIX!r}.")


@contextmanager
def _server() -> Iterator[_Server]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.page_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # both are pipes
        assert process.stdin is not None
        try:
            where = json.loads(process.stdout.readline())
            yield _Server(address=(where["address"][0], where["address"][1]), ca_file=Path(where["ca_file"]))
        finally:
            process.stdin.close()
            process.wait(30)
