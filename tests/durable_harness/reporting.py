"""What the report of a failing test shows of its orchestrations: timelines as text, and as pages where asked for.

Invariant: nothing here raises: what cannot be shown is said in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from durable_harness.harness import Harness
from durable_harness.running.run_result import Run

__all__ = ["sections"]

_MOST_TIMELINES = 5


def sections(
    test: str, harnesses: Sequence[Harness], error: BaseException | None, folder: str | None
) -> Iterator[tuple[str, str]]:
    """Title and text of each section; ``folder`` is where HTML pages are written, None for nowhere.

    The run that failed comes first, whichever schedule of the test it was; then the instances of the test's harnesses.
    """
    failing = getattr(error, "run", None)
    runs = [failing] if isinstance(failing, Run) else []
    try:
        runs += [run for harness in harnesses for run in harness.runs()]
    except Exception as trouble:  # a report must not end the session
        yield "timelines", f"not available: {type(trouble).__name__}: {trouble}"
    for run in runs[:_MOST_TIMELINES]:
        try:
            text = str(run.timeline())
            if folder:
                text += f"\n\nwritten to {_write(Path(folder), test, run)}"
        except Exception as trouble:
            text = f"no timeline: {trouble}"
        yield f"timeline of {run.instance_id}", text
    if len(runs) > _MOST_TIMELINES:
        yield "timelines", f"{len(runs) - _MOST_TIMELINES} more instances are not shown"


def _write(folder: Path, test: str, run: Run) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (re.sub(r"[^\w.-]+", "_", f"{test}-{run.instance_id}") + ".html")
    path.write_text(run.timeline().html(), encoding="utf-8")
    return path
