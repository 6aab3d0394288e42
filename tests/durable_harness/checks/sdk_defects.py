"""The SDK's known defects, met: each named, with the shape that avoids it.

Looks at the worker after an episode and says which defects of azure-functions-durable 1.7 the run has met. Those that
show on the host half (events given twice, ids that part) are the engine's notices.
Invariant: nothing is avoided or repaired: the run does what Azure does, and the warning says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from durable_harness.hub.instance import HubInstance

__all__ = ["DEFECTS", "defects_met"]

DEFECTS: Final = {
    "nested_compound": "a child of a nested task_all failed before another one succeeded, and the SDK completes the "
    "failed task_all again. It ends with 'Parent Task -1 does not have pending sub-task' and answers no actions, which "
    "the host reports as non-determinism. It depends on the order. Let the activities within nested task_all or "
    "task_any return errors as values.",
    "failed_turned_succeeded": "a task_all that had failed became succeeded when its last child did, and was yielded "
    "again: it gives a list with the exception in it instead of raising. Never look at a task_all again after it has "
    "failed.",
    "empty_task_all": "context.task_all([]) gives None, not an empty list. Ask whether there are tasks before.",
    "task_in_two_compounds": "a task is in two of {name} and the like: only the compound that was made last hears of "
    "its end, and the other never completes. Put each task into one compound.",
    "falsy_custom_status": "the custom status {name} is falsy, and the SDK leaves it out: clients see none. Use a "
    "value that is true.",
    "after_continue_as_new": "{name} was asked for after continue_as_new, and the SDK drops it. Return right after "
    "continue_as_new.",
    "recursion": "the SDK resumes tasks that are done already by recursion, and about 1,000 in a row are too deep. "
    "Take their results from task_all instead of yielding them one by one.",
}
"""What happens, and what to do, by code."""


def defects_met(instance: HubInstance) -> Iterator[tuple[str, str]]:
    """Code and text of each defect that this instance has met in its last episode."""
    answer = instance.replayer.answer
    if answer is not None and (answer.raised is not None or answer.error is not None):
        text = answer.raised.message if answer.raised else answer.error or ""
        if "does not have pending sub-task" in text:
            yield _met(instance, "nested_compound")
        if "maximum recursion depth exceeded" in text:
            yield _met(instance, "recursion")
    for code, name in instance.replayer.oddities.items():
        yield _met(instance, code, name)


def _met(instance: HubInstance, code: str, name: str = "") -> tuple[str, str]:
    return code, f"{instance.instance_id!r} ({instance.name}): {DEFECTS[code].format(name=name)}"
