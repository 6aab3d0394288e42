"""Fetch pages from hostile servers in a process of its own, and say what became of them and what it cost.

Role: the measured process of ``test_hostile_servers``: only the app's own code, and what it needs, is in its memory.
Called by: ``test_hostile_servers``, with a JSON object as its argument.
Calls: ``page_fetch`` and ``page_title``, as the activity does.
Invariant: a host leads where the argument says, and no other host anywhere.
"""

from __future__ import annotations

import functools
import json
import resource
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from page_fetch import FetchLimits, PageFetcher
from page_retry import Retries
from page_title import read_title
from title_outcome import NoTitle, found_title
from url_policy import UrlPolicy


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Fetch the URLs of each batch at once; return outcomes, durations and the peak of memory."""
    addresses = {host: (ip, port) for host, (ip, port) in order["addresses"].items()}

    def resolve(host: str, port: int) -> tuple[str, int]:
        if host not in addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such host here")
        return addresses[host]

    before = _peak()
    outcomes: dict[str, tuple[str, float]] = {}
    for batch in order["batches"]:
        fetcher = PageFetcher(
            UrlPolicy.from_setting(",".join(addresses)),
            limits=FetchLimits(connect_seconds=3.0, read_seconds=3.0, total_seconds=batch["total_seconds"]),
            retries=Retries(first_seconds=0.05),
            resolve=resolve,
            ca_file=Path(order["ca_file"]),
        )
        with ThreadPoolExecutor(order["threads"]) as threads:
            outcomes |= zip(batch["urls"], threads.map(functools.partial(_fetch, fetcher), batch["urls"]), strict=True)
        fetcher.close()
    return {"outcomes": outcomes, "peak_at_start": before, "peak": _peak()}


def _fetch(fetcher: PageFetcher, url: str) -> tuple[str, float]:
    started = time.monotonic()
    found = fetcher.fetch(url, read_title)
    outcome = found if isinstance(found, NoTitle) else found_title(found)
    result = outcome.code if isinstance(outcome, NoTitle) else outcome.title
    return result, time.monotonic() - started


def _peak() -> int:
    """Return the most memory that this process ever used, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: what getrusage says there began before this program did, in its parent
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
