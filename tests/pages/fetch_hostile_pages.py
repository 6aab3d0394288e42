"""Fetch pages from hostile servers in a process of its own, and say what became of them and what it cost.

The measured process of ``test_hostile_servers``: only the app's own code, and what it needs, is in its memory.
"""

from __future__ import annotations

import functools
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from page_fetch import RETRIES, FetchLimits, PageFetcher
from page_title import read_title
from recorded_pages.loopback_adapter import LoopbackAdapter
from title_outcome import NoTitle, found_title
from url_policy import UrlPolicy


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Fetch all URLs at once; return outcomes, durations and the peak of memory."""
    addresses = {host: (ip, port) for host, (ip, port) in order["addresses"].items()}
    adapter = LoopbackAdapter(
        addresses, ca_file=Path(order["ca_file"]), max_retries=RETRIES.new(total=1, retry_after_max=1)
    )
    fetcher = PageFetcher(
        UrlPolicy.from_setting(",".join(addresses)),
        limits=FetchLimits(connect_seconds=3.0, read_seconds=3.0, total_seconds=order["total_seconds"]),
    )
    fetcher.session.mount("https://", adapter)
    with ThreadPoolExecutor(order["threads"]) as threads:
        found = list(threads.map(functools.partial(_fetch, fetcher), order["urls"]))
    fetcher.session.close()
    return {"outcomes": dict(zip(order["urls"], found, strict=True)), "peak": _peak()}


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
