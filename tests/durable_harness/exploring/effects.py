"""What a schedule has done besides its ending: calls, custom statuses, states of entities.

As values that can be compared: a part of the state where a test looks at effects, and what two endings differ in.
Invariant: schedules that pruning takes for equal have equal effects; where instances are told apart by order and time
too (``across``), that order is in them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from durable_engine import TICKS_PER_SECOND, TimerFired
from durable_harness.hub.arrivals import Call
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.run_result import entity_states
from durable_harness.running.telling import call_text, instance_text

_MILLISECOND: Final = TICKS_PER_SECOND // 1_000

__all__ = ["call_lines", "changes", "effects_of"]


def effects_of(hub: TaskHub, *, across: bool) -> Hashable:
    """Everything that a test may see of a schedule so far."""
    calls: dict[str, list[Hashable]] = {}
    for call in hub.calls:
        calls.setdefault(call.instance_id, []).append(_seen(call, across=across))
    instances = tuple(
        (
            one.instance_id,
            one.name,
            changes(one),
            tuple(calls.get(one.instance_id, ())),
            len(one.earlier),
            _fired(one),
            _ended(one, across),
        )
        for _, one in sorted(hub.instances.items())
        if not one.is_entity
    )
    return instances, entity_states(hub), tuple(hub.facts.answered) if hub.answers.may_remember else ()


def _ended(instance: HubInstance, across: bool) -> int | None:
    """When an instance ended: seen of what the test has started itself, and of others where it sees across."""
    is_first = instance.started is None or instance.started.parent is None
    return instance.updated_at // _MILLISECOND if instance.is_completed and (across or is_first) else None


def _seen(call: Call, *, across: bool) -> Hashable:
    has_ended = call.ended_after is not None
    outcome = str(call.outcome and (call.outcome.error or call.outcome.result)) if has_ended else None
    ended_after = call.ended_after if across or call.ended_after is None else call.ended_after[0]
    begun_after = call.begun_after if across else call.begun_after[0]
    when = call.scheduled_at // _MILLISECOND if across else None
    own = call.name, repr(call.input), call.attempt, call.execution_id
    return own, call.runs, outcome, begun_after, ended_after, when


def _fired(instance: HubInstance) -> Hashable:
    """Which timers of which execution have fired."""
    histories = enumerate([*instance.earlier, instance.history])
    return tuple((place, one.timer_id) for place, own in histories for one in own if isinstance(one, TimerFired))


def changes(instance: HubInstance) -> tuple[str | None, ...]:
    """The custom statuses that an instance has had, one after the other."""
    statuses = instance.statuses
    return tuple(status for place, status in enumerate(statuses) if place == 0 or status != statuses[place - 1])


def call_lines(hub: TaskHub) -> Iterator[str]:
    """One line for each call: what it gave, how often it ran, and what had not ended when it began."""
    calls: dict[str, list[Call]] = {}
    for call in hub.calls:
        calls.setdefault(call.instance_id, []).append(call)
    for instance_id, own in sorted(calls.items()):
        for number, call in enumerate(own):
            before = [
                one for one in own[:number] if one.ended_after is None or one.ended_after[0] > call.begun_after[0]
            ]
            facts = [f"attempt {call.attempt}"] if call.attempt > 1 else []
            facts += [f"ran {call.runs} times"] if call.runs > 1 else []
            facts += [f"began before {', '.join(map(call_text, before))} had ended"] if before else []
            facts += ["has not ended"] if call.ended_after is None else []
            caller = instance_text(hub, instance_id)
            yield f"{caller}: {call_text(call)}{': ' if facts else ''}{'; '.join(facts)}"
