"""What may differ from the recording where something is done twice: every message is promised at least once, not once.

Turns an outcome that a repetition explains into the recorded one; any other outcome stays what it is, and then
differs.
Invariant: nothing is excused that the crash at this very point does not explain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from takeover.left_run import LeftRun, Outcome, Repeat

__all__ = ["without_repetitions"]

Excuse = Callable[[Outcome, Outcome], Outcome]


def without_repetitions(run: LeftRun, recorded: Outcome, ours: Outcome) -> Outcome:
    """Our outcome, as it would have been had nothing been done twice."""
    if run.is_row_behind:
        # The row is made good from the history, which does not have the custom status.
        ours = replace(ours, custom_status=recorded.custom_status)
    if run.rewind_cut_short is not None and ours.status == "Terminated":
        return recorded
    if run.scenario == "terminate":
        ours = _ended_later(recorded, ours)
    for repeat in run.repeats:
        ours = _EXCUSES.get((run.scenario, repeat), _no_excuse)(recorded, ours)
    return ours


def _no_excuse(_: Outcome, ours: Outcome) -> Outcome:
    return ours


def _ended_later(recorded: Outcome, ours: Outcome) -> Outcome:
    """It was terminated later in its life than the recorded one, or too late: by its client, or because the dead host
    held the message for a while."""
    if ours.status == "Completed" and "SubOrchestrationInstanceCompleted" in ours.kinds:
        return recorded
    return replace(ours, kinds=recorded.kinds) if recorded.kinds.keys() <= ours.kinds.keys() else ours


def _counted_again(recorded: Outcome, ours: Outcome) -> Outcome:
    """The entity adds 5, then 3, and either or both again. The answers to both calls come, too."""
    output = ours.output
    if isinstance(output, list) and output and output[0] in (8, 8 + 5, 8 + 3, 8 + 5 + 3):
        output = [8, *output[1:]]
    return replace(ours, output=output, kinds=_with_more(recorded, ours, "EventRaised"))


def _noted_again(recorded: Outcome, ours: Outcome) -> Outcome:
    """The entity notes 0 to 9, then 100 and 101, and tells how many notes it then has."""
    output = ours.output
    if isinstance(output, list) and len(output) == 3:
        first, (one, other, *rest), last = output
        once = list(dict.fromkeys(first))
        if sorted(once) == list(range(10)) and max(map(first.count, once)) <= 2 and one < other <= len(first) + 4:
            output = [recorded.output[0], [11, 12, *rest], last]
    return replace(ours, output=output, kinds=_with_more(recorded, ours, "EventRaised"))


def _tried_again(recorded: Outcome, ours: Outcome) -> Outcome:
    """The activity succeeds from its second or third run on and gives the number of the run: one more was made."""
    output = ours.output
    match recorded.output, output:
        case [kept, int(runs)], [same, int(more)] if same == kept and more in (runs, runs + 1):
            output = recorded.output
        case int(runs), int(more) if more in (runs, runs + 1):
            output = recorded.output
    same_kinds = {kind.replace("TaskFailed", "GenericEvent") for kind in ours.kinds} <= {
        *recorded.kinds,
        "GenericEvent",
    }
    return replace(ours, output=output, kinds=recorded.kinds if same_kinds else ours.kinds)


def _paused_again(recorded: Outcome, ours: Outcome) -> Outcome:
    """The output of an instance that is terminated without a reason is the reason of its last pause or resumption."""
    return replace(ours, output=recorded.output if ours.output in ("pause", "go on") else ours.output)


def _with_more(recorded: Outcome, ours: Outcome, kind: str) -> Mapping[str, int]:
    rest: dict[str, Any] = {name: count for name, count in ours.kinds.items() if name != kind}
    if rest == {name: count for name, count in recorded.kinds.items() if name != kind}:
        return recorded.kinds
    return ours.kinds


_EXCUSES: Final[Mapping[tuple[str, Repeat], Excuse]] = {
    ("entity_calls", "sent"): _counted_again,
    ("entity_batch", "sent"): _noted_again,
    ("retry_succeeds", "sent"): _tried_again,
    ("retry_succeeds", "run"): _tried_again,
    ("rewind", "sent"): _tried_again,
    ("rewind", "run"): _tried_again,
    ("rewind", "received"): _tried_again,
    ("live_ops", "received"): _paused_again,
}
