"""Decisions of a history and of a replay, held against each other beyond what the host compares.

What differs between one recorded decision and the one that today's code makes under the same id; each of them as a
line of text.
Invariant: an input that the host did not store (its default) is unknown, and never a difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from durable_engine.checking.report import DifferenceKind
from durable_engine.model.dotnet_json import compact_json, parsed_json
from durable_engine.model.events import EventSent, SubOrchestrationInstanceCreated, TaskScheduled, TimerCreated
from durable_engine.model.ticks import Ticks, ticks_to_text
from durable_engine.orchestration.execution import Decision
from durable_engine.orchestration.nondeterminism import Scheduled

__all__ = ["field_differences", "line_of", "plain_input", "shortened"]

# What a history was exported through may have cut times to microseconds, as Python's datetime does.
_TIME_GRAIN: Final[Ticks] = 10
_LONGEST: Final = 160


def field_differences(
    recorded: Scheduled, decision: Decision, *, slack: Ticks = 0
) -> Iterator[tuple[DifferenceKind, str, str]]:
    """What differs between two decisions of one kind and name: kind, recorded, replayed.

    ``slack`` is how far a due time may lie off because the episode's clock is not known exactly.
    """
    replayed = decision.event
    match recorded, replayed:
        case TimerCreated(), TimerCreated():
            if abs(recorded.fire_at - replayed.fire_at) >= _TIME_GRAIN + slack:
                yield DifferenceKind.DUE_TIME, line_of(recorded), line_of(replayed)
        case TaskScheduled(), TaskScheduled():
            yield from _input_differences(recorded, decision)
        case SubOrchestrationInstanceCreated(), SubOrchestrationInstanceCreated():
            if recorded.instance_id != replayed.instance_id:
                yield DifferenceKind.INSTANCE_ID, line_of(recorded), line_of(replayed)
            yield from _input_differences(recorded, decision)
        case EventSent(), EventSent():
            yield from _request_differences(recorded, replayed)
        case _:
            return


def line_of(event: Scheduled, input: str | None = None) -> str:
    """The decision as one line; ``input`` is the text that only the message carries, where it is to be shown."""
    if isinstance(event, EventSent):
        input = _request(event).get("input")
    text = _words(event)
    return text if input is None else f"{text} with {shortened(plain_input(input))}"


def _words(event: Scheduled) -> str:
    match event:
        case TaskScheduled():
            return f"activity {event.name!r}"
        case TimerCreated():
            return f"timer due {ticks_to_text(event.fire_at)}"
        case SubOrchestrationInstanceCreated():
            return f"sub-orchestration {event.name!r} as {event.instance_id!r}"
        case EventSent():
            request = _request(event)
            verb = "signal" if request.get("signal") else "call"
            return f"{verb} {request.get('op', event.name)!r} of {event.instance_id!r}"


def plain_input(text: str) -> str:
    """An input as its caller wrote it, without the array and the second encoding that it travels in."""
    value = parsed_json(text)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    while isinstance(value, str):
        inner = parsed_json(value)
        if inner == value:
            break
        value = inner
    return compact_json(value)


def shortened(text: str) -> str:
    """The text in one line, cut in the middle where it is long."""
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 40]} ... {text[-35:]}"


def _input_differences(
    recorded: TaskScheduled | SubOrchestrationInstanceCreated, decision: Decision
) -> Iterator[tuple[DifferenceKind, str, str]]:
    if recorded.input is None or decision.input is None or _same_json(recorded.input, decision.input):
        return
    yield DifferenceKind.INPUT, line_of(recorded, recorded.input), line_of(decision.event, decision.input)


def _request_differences(recorded: EventSent, replayed: EventSent) -> Iterator[tuple[DifferenceKind, str, str]]:
    lines = line_of(recorded), line_of(replayed)
    old, new = _request(recorded), _request(replayed)
    if recorded.instance_id != replayed.instance_id:
        yield (DifferenceKind.INSTANCE_ID, *lines)
    elif (old.get("op"), old.get("signal")) != (new.get("op"), new.get("signal")):
        yield (DifferenceKind.OPERATION, *lines)
    elif not _same_json(old.get("input"), new.get("input")):
        yield (DifferenceKind.INPUT, *lines)


def _request(event: EventSent) -> dict[str, Any]:
    value = parsed_json(event.input)
    return value if isinstance(value, dict) else {}


def _same_json(one: str | None, other: str | None) -> bool:
    return one == other or _canonical(one) == _canonical(other)


def _canonical(text: str | None) -> str:
    return json.dumps(parsed_json(text), sort_keys=True)
