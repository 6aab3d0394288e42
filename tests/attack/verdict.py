"""What became of everything that was asked for: nothing may be lost, and nothing counted twice.

Invariant: only what was accepted must have happened; what is unsure may have; of both nothing may have happened twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from attack.load import KINDS, Load, Sent, Started

__all__ = ["Verdict", "judge"]


@dataclass(slots=True)
class Verdict:
    """Counts, and what is wrong in words."""

    started: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    applied: int = 0
    unsure: int = 0
    wrong: list[str] = field(default_factory=list)


def judge(loads: Sequence[Load], statuses: Mapping[str, str | None], noted: Mapping[str, Mapping[str, int]]) -> Verdict:
    """Compare.

    Args:
        loads: What was asked for.
        statuses: The runtime status of each instance; None, or left out, where there is none.
        noted: For each ledger, how often it applied each token.
    """
    verdict = Verdict()
    allowed: dict[tuple[str, str], tuple[int, int]] = {}
    for one in (one for load in loads for one in load.started):
        status = statuses.get(one.instance_id)
        verdict.started[one.sent.value] += 1
        verdict.ended[status or "none"] += 1
        is_sure = _judge_instance(one, status, verdict.wrong)
        verdict.wrong += [
            f"instance {child} is {statuses.get(child) or 'gone'}, and its parent has ended"
            for child in one.instance_ids[1:]
            if is_sure and statuses.get(child) != "Completed"
        ]
        allowed |= {(one.ledger, token): (int(is_sure), 1) for token in one.tokens()}
    for token, (ledger, sent) in ((token, sent) for load in loads for token, sent in load.signals.items()):
        allowed[ledger, token] = (int(sent is Sent.ACCEPTED), int(sent is not Sent.NEVER))
    verdict.expected = sum(least for least, _ in allowed.values())
    verdict.unsure = sum(most - least for least, most in allowed.values())
    found = {(ledger, token): times for ledger, tokens in noted.items() for token, times in tokens.items()}
    verdict.applied = sum(found.values())
    for key in allowed.keys() | found.keys():
        least, most = allowed.get(key, (0, 0))
        if not least <= (times := found.get(key, 0)) <= most:
            verdict.wrong.append(f"ledger {key[0]} applied {key[1]} {times} times, and not {least} to {most} times")
    return verdict


def _judge_instance(one: Started, status: str | None, wrong: list[str]) -> bool:
    """Whether all of its tokens must have been noted."""
    end = KINDS[one.kind][0]
    if status == end:
        return True
    if one.purged is not Sent.NEVER and status is None:
        return True  # It had ended before.
    may_wait = one.may_stay and status == "Running"
    may_be_none = one.sent is not Sent.ACCEPTED and status is None
    if not (may_wait or may_be_none):
        wrong.append(f"instance {one.instance_id} ({one.sent.value}) is {status or 'gone'}, and not {end}")
    return False
