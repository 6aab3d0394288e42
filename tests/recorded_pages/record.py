"""Record the cassettes: ``python -m recorded_pages.record``, from the live site, or ``--from-local``.

One thread, one cassette at a time: vcrpy mixes cassettes up otherwise. Of an answer's headers only those are kept that
say something about the page, so no cookie, date or trace of one machine gets into a file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import vcr
from requests.adapters import HTTPAdapter
from selectolax.lexbor import LexborHTMLParser
from vcr.request import Request

from recorded_pages.cassettes import load_recordings
from recorded_pages.local_site import LocalSite, RecordedRequest, SiteMap, site_handler
from recorded_pages.loopback_adapter import LoopbackAdapter

_ROOT = Path(__file__).parents[2]
_KEPT_HEADERS = frozenset({"content-language", "content-type", "location", "retry-after"})
_SITE_SUFFIX = " | Microsoft Learn"


def main(arguments: list[str] | None = None) -> int:
    """Record every page and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m recorded_pages.record", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--from-local", action="store_true", help="record from a local server with the pages of --pages"
    )
    parser.add_argument("--pages", type=Path, default=_ROOT / "fixtures" / "html", help="folder with site.json")
    parser.add_argument("--to", type=Path, default=_ROOT / "fixtures" / "cassettes", help="folder for the cassettes")
    parser.add_argument("--ca-file", type=Path, help="authorities of the live site, instead of the public ones")
    options = parser.parse_args(arguments)

    site = SiteMap.load(options.pages)
    titles = _titles_of(options.to)
    if options.from_local:
        with LocalSite(site.host, site_handler(site)) as server:
            for page in site.recorded:
                _record(page, options.to, server.adapter())
                titles[page.url] = page.title
    else:
        for page in site.recorded:
            if page.is_on_live_site:
                titles[page.url] = _title_of(_record(page, options.to, HTTPAdapter(), options.ca_file))
            else:
                print(f"kept     {page.cassette}: the live site has no such page")
    _write_titles({page.url: titles.get(page.url) for page in site.recorded}, options.to)
    print(f"{len(load_recordings(options.to))} requests in {len(site.recorded)} cassettes in {options.to}")
    return 0


def _record(
    page: RecordedRequest, folder: Path, adapter: HTTPAdapter, ca_file: Path | None = None
) -> requests.Response:
    file = folder / f"{page.cassette}.yaml"
    file.unlink(missing_ok=True)
    recorder = vcr.VCR(
        record_mode=vcr.mode.NEW_EPISODES,
        filter_headers=["cookie", "connection", "accept-encoding"],
        before_record_request=_under_its_name(page, adapter),
        before_record_response=_with_few_headers,
        decode_compressed_response=True,
        record_on_exception=False,
    )
    with recorder.use_cassette(str(file)), requests.Session() as session:
        session.trust_env = False
        session.headers["User-Agent"] = "page-recorder"
        session.verify = True if ca_file is None else str(ca_file)
        session.mount("https://", adapter)
        response = session.get(page.url, timeout=30)
        for _ in range(1, page.times):  # what asks again asks where the redirects led
            response = session.get(response.url, timeout=30)
    print(f"recorded {page.cassette}: {response.status_code}")
    return response


def _under_its_name(page: RecordedRequest, adapter: HTTPAdapter) -> Callable[[Request], Request]:
    """Name the site in what is recorded, and not the server on loopback that stands for it."""

    def renamed(request: Request) -> Request:
        if isinstance(adapter, LoopbackAdapter):
            request.uri = urlsplit(request.uri)._replace(netloc=urlsplit(page.url).netloc).geturl()
        return request

    return renamed


def _with_few_headers(response: dict[str, Any]) -> dict[str, Any]:
    headers = {name: values for name, values in response["headers"].items() if name.lower() in _KEPT_HEADERS}
    return {**response, "headers": headers}


def _title_of(response: requests.Response) -> str | None:
    """Read the article's title with another parser than the app's, so that the two check each other."""
    if response.status_code != requests.codes.ok:
        return None
    title = LexborHTMLParser(response.content).css_first("title")
    return " ".join(title.text().split()).removesuffix(_SITE_SUFFIX) if title else None


def _titles_of(folder: Path) -> dict[str, str | None]:
    file = folder / "titles.json"
    titles: dict[str, str | None] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return titles


def _write_titles(titles: dict[str, str | None], folder: Path) -> None:
    text = json.dumps(titles, indent=2, ensure_ascii=False)
    (folder / "titles.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
