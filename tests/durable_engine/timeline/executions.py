"""Several executions of one instance: what stands above each, and which are shown where there are many.

Continue-as-new begins a new history; people want to see what came before it.
Invariant: the first execution and the last ones are always shown, and what is left out is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from durable_engine.timeline.model import TimelineModel
from durable_engine.timeline.scale import duration_text

__all__ = ["execution_words", "shown_executions"]


def shown_executions(models: Sequence[TimelineModel], *, most: int) -> Iterator[tuple[int, TimelineModel | None]]:
    """The numbers and models of the executions to be shown; a number with None is how many are left out there."""
    left_out = max(0, len(models) - most)
    for number, model in enumerate(models, start=1):
        if number == 1 or number > 1 + left_out:
            yield number, model
        elif number == 2:
            yield left_out, None


def execution_words(number: int, models: Sequence[TimelineModel]) -> str:
    """Which of the executions this is, and when it began."""
    after = models[number - 1].start.at - models[0].start.at
    return f"execution {number} of {len(models)}{f', begun after {duration_text(after)}' if after else ''}"
