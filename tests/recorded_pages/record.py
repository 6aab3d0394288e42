"""Record the cassettes: ``python -m recorded_pages.record``, from the live site, or ``--from-local``.

Role: fetch each page of ``site.json`` through requests and vcrpy, and keep the conversation as a cassette.
Called by: people, when pages are added or have changed (``tox run -e record``); never by a test, but for its own.
Calls: ``local_site`` for pages made here; the result is read back through ``cassettes`` before it counts.
Invariant: one thread, one cassette at a time (vcrpy mixes cassettes up otherwise); of an answer's headers only those
are kept that say something about the page, so no cookie, date or trace of one machine gets into a file.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import certifi
import requests
import vcr
from bs4 import BeautifulSoup

from recorded_pages.cassettes import load_recordings
from recorded_pages.local_site import LocalSite, RecordedRequest, SiteMap, site_handler

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
    parser.add_argument("--ca-file", type=Path, default=Path(certifi.where()), help="authorities of the live site")
    options = parser.parse_args(arguments)

    site = SiteMap.load(options.pages)
    titles = _titles_of(options.to)
    if options.from_local:
        with LocalSite(site.host, site_handler(site)) as server, _site_is_at(site.host, server.address):
            for page in site.recorded:
                _record(page, options.to, ca_file=server.ca_file)
                titles[page.url] = page.title
    else:
        for page in site.recorded:
            if page.is_on_live_site:
                titles[page.url] = _title_of(_record(page, options.to, ca_file=options.ca_file))
            else:
                print(f"kept     {page.cassette}: the live site has no such page")
    _write_titles({page.url: titles.get(page.url) for page in site.recorded}, options.to)
    print(f"{len(load_recordings(options.to))} requests in {len(site.recorded)} cassettes in {options.to}")
    return 0


def _record(page: RecordedRequest, folder: Path, *, ca_file: Path) -> requests.Response:
    file = folder / f"{page.cassette}.yaml"
    file.unlink(missing_ok=True)
    recorder = vcr.VCR(
        record_mode=vcr.mode.NEW_EPISODES,
        filter_headers=["cookie", "connection", "accept-encoding"],
        before_record_response=_with_few_headers,
        decode_compressed_response=True,
        record_on_exception=False,
    )
    with recorder.use_cassette(str(file)), requests.Session() as session:
        session.trust_env = False
        session.headers["User-Agent"] = "page-recorder"
        response = session.get(page.url, verify=str(ca_file), timeout=30)
        for _ in range(1, page.times):  # what asks again asks where the redirects led
            response = session.get(response.url, verify=str(ca_file), timeout=30)
    print(f"recorded {page.cassette}: {response.status_code}")
    return response


@contextmanager
def _site_is_at(host: str, address: tuple[str, int]) -> Iterator[None]:
    """Lead the site's name to the local server, and every other name nowhere, for this process."""
    resolve_really: Callable[..., object] = socket.getaddrinfo

    def resolve(name: object, port: object, *args: object, **kwargs: object) -> object:
        if name != host:
            raise socket.gaierror(f"The recorder calls only {host}, not {name}.")
        return resolve_really(*address, *args, **kwargs)

    with patch("socket.getaddrinfo", resolve):
        yield


def _with_few_headers(response: dict[str, Any]) -> dict[str, Any]:
    headers = {name: values for name, values in response["headers"].items() if name.lower() in _KEPT_HEADERS}
    return {**response, "headers": headers}


def _title_of(response: requests.Response) -> str | None:
    """Read the article's title with another parser than the app's, so that the two check each other."""
    if response.status_code != requests.codes.ok:
        return None
    title = BeautifulSoup(response.content, "html5lib").title
    return " ".join(title.get_text().split()).removesuffix(_SITE_SUFFIX) if title else None


def _titles_of(folder: Path) -> dict[str, str | None]:
    file = folder / "titles.json"
    titles: dict[str, str | None] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return titles


def _write_titles(titles: dict[str, str | None], folder: Path) -> None:
    text = json.dumps(titles, indent=2, ensure_ascii=False)
    (folder / "titles.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
