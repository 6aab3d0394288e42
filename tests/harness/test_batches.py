"""The host's README shows how to do thousands of things in batches: its example, run with ten thousand addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from durable_harness import Harness

PAGE = Path(__file__).parents[1] / "durable_host" / "README.md"
COUNT = 10_000


def test_ten_thousand_titles_are_fetched_in_batches_and_come_in_order() -> None:
    namespace: dict[str, Any] = {}
    (example,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
        if "BATCH" in block
    ]
    exec(compile(example, str(PAGE), "exec"), namespace)
    urls = [f"https://{number}.example" for number in range(COUNT)]
    harness = Harness(namespace["app"])
    harness.answer("fetch_title", lambda url: f"title of {url}")

    result = harness.run("fetch_many", urls)

    assert result.output == [f"title of {url}" for url in urls]
    assert len(result.sub_orchestrations) == COUNT // namespace["BATCH"]
