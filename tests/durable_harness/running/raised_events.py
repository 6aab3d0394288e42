"""External events that a test raises while an orchestration runs to its end.

Invariant: an event's value goes through JSON, as it would on its way through HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from durable_engine import EventRaised, OrchestrationInstance, compact_json
from durable_harness.core import arguments
from durable_harness.core.errors import UnusedWarning, WrongArgumentError
from durable_harness.core.virtual_clock import to_ticks
from durable_harness.core.warned import warn_test
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.worker.sdk_types import df_dumps

__all__ = ["Raised", "Sender", "announce", "check_events", "event_text", "raised", "waited_for", "warn_of_unheard"]

Sender = Literal["client", "http"]
"""Who raises an event: the SDK's client, or anybody else over HTTP."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An external event that a test raises: at any time after the start, or so long after it."""

    name: str
    value: object
    after: timedelta | float | None
    by: Sender = "client"


def raised(name: str, value: object = None, *, after: timedelta | float | None = None, by: Sender = "client") -> Raised:
    """An external event that comes while an orchestration runs to its end.

    Args:
        name: The event's name.
        value: What it carries, anything that JSON can say.
        after: The virtual time from the start, in seconds where it is a number. Without it the event comes when nothing
            else is left to happen, and ``explore`` lets it come at any time.
        by: Who raises it. ``client`` is the SDK's client, which sends JSON within a JSON string: the orchestrator gets
            the text, and has to call ``json.loads``. ``http`` is any other HTTP caller, whose value arrives as it is.

    Raises:
        WrongArgumentError: One of these is of a wrong kind.
    """
    arguments.text(name, "an event's name")
    arguments.one_of(by, "by", get_args(Sender))
    if after is not None:
        arguments.delay(after, "after")
    event_text(value, by)
    return Raised(name, value, after, by)


def event_text(value: object, by: Sender) -> str:
    """An event's stored input: JSON, as whoever raises it sends it."""
    if by == "client":
        return compact_json(arguments.json_text(value, "an event's value", json.dumps))
    return compact_json(json.loads(arguments.json_text(value, "an event's value", df_dumps)))


def check_events(events: object) -> None:
    """Refuse what is not a list of events.

    Raises:
        WrongArgumentError: It is something else, or holds something else.
    """
    if isinstance(events, str) or not isinstance(events, Iterable):
        raise WrongArgumentError(f"events is a list of raised(...), not {arguments.shown(events)}.")
    for event in events:
        if not isinstance(event, Raised):
            raise WrongArgumentError(
                f"events holds {arguments.shown(event)}, which is no event: events=[raised({event!r:.60})]."
            )


def announce(hub: TaskHub, instance: HubInstance, event: Raised) -> None:
    """Put an event on its way to an instance."""
    due_at = None if event.after is None else hub.clock.now + to_ticks(event.after)
    hub.arrivals.add(
        OrchestrationInstance(instance_id=instance.instance_id, execution_id=None),
        event=EventRaised(timestamp=due_at or hub.clock.now, name=event.name, input=event_text(event.value, event.by)),
        due_at=due_at,
        is_raised=True,
    )


def waited_for(hub: TaskHub) -> frozenset[str]:
    """The names of all events that any orchestration of a hub has ever waited for."""
    return frozenset(name for one in hub.instances.values() for name in one.replayer.waited)


def warn_of_unheard(waited: Set[str], events: Iterable[Raised]) -> None:
    """Say which events nobody has ever waited for, as a warning for the line of the test."""
    for name in dict.fromkeys(event.name for event in events):
        if name not in waited:
            heard = ", ".join(map(repr, sorted(waited))) or "none"
            hint = arguments.did_you_mean(name, waited)
            text = f"Nobody has waited for the event {name!r}.{hint} Waited for: {heard}."
            warn_test(text, UnusedWarning)
