"""What can be done to an instance or an entity: when, with which fields, what happens then, and by which request.

Each act is a request to the management API, and nothing else: the same that its curl line sends.
Invariant: rules and refusals are the API's; nothing is decided here that it decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from durable_engine import FINAL_STATUSES, split_entity_id

if TYPE_CHECKING:
    from durable_host.task_hub.tables.instance_rows import InstanceRow

__all__ = ["ACTS", "START", "Act", "Call", "Field", "acts_on"]

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to the management API; ``path`` is below its own."""

    method: str = "POST"
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an act's form; ``kind`` is text, json or flag."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    is_required: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act. ``happens`` says before, and ``done`` after, what it does."""

    key: str
    title: str
    happens: str
    done: str
    call: Callable[[str, Values], Call]
    fields: tuple[Field, ...] = ()
    is_danger: bool = False
    applies: Callable[[InstanceRow], bool] = lambda row: True


def acts_on(row: InstanceRow) -> tuple[Act, ...]:
    """The acts that make sense for an instance as it stands."""
    is_entity = row.instance_id.startswith("@")
    return tuple(act for act in ACTS.values() if (act.key in _ON_ENTITIES if is_entity else act.applies(row)))


def _lives(row: InstanceRow) -> bool:
    return row.runtime_status not in FINAL_STATUSES


def _path(instance_id: str, *rest: str) -> str:
    return "/instances/" + "/".join(quote(part, safe="") for part in (instance_id, *rest))


def _with_reason(verb: str) -> Callable[[str, Values], Call]:
    return lambda instance_id, values: Call(
        path=_path(instance_id, verb), query=(("reason", values["reason"]),) if values.get("reason") else ()
    )


def _raise_event(instance_id: str, values: Values) -> Call:
    return Call(
        path=_path(instance_id, "raiseEvent", values.get("name", "")), body=values.get("data", "").strip() or "null"
    )


def _restart(instance_id: str, values: Values) -> Call:
    keeps_id = "true" if values.get("same_id") else "false"
    is_new = "false" if keeps_id == "true" else "true"
    return Call(path=_path(instance_id, "restart"), query=(("restartWithNewInstanceId", is_new),))


def _purge(instance_id: str, values: Values) -> Call:
    return Call(method="DELETE", path=_path(instance_id))


def _signal(instance_id: str, values: Values) -> Call:
    name, key = split_entity_id(instance_id)
    path = f"/entities/{quote(name, safe='')}" + (f"/{quote(key, safe='')}" if key else "")
    return Call(path=path, query=(("op", values.get("operation", "")),), body=_twice(values.get("data", "")))


def _start(instance_id: str, values: Values) -> Call:
    path = f"/orchestrators/{quote(values.get('name', ''), safe='')}"
    if values.get("instance"):
        path += f"/{quote(values['instance'], safe='')}"
    return Call(path=path, body=_twice(values.get("data", "")))


def _twice(text: str) -> str | None:
    """An input as the SDK's client sends it, JSON in JSON: that is what its ``get_input`` takes apart again."""
    return json.dumps(text.strip()) if text.strip() else None


_REASON: Final = Field(name="reason", label="Reason", hint="Optional; it is kept in the history.")
_ON_ENTITIES: Final = ("signal", "purge")

ACTS: Final[Mapping[str, Act]] = {
    act.key: act
    for act in (
        Act(
            key="raise-event",
            title="Raise event",
            happens="Sends the event. If the instance waits for an event of this name, it goes on with this value; "
            "if it does not yet, the event is kept until it does.",
            done="The event is on its way.",
            call=_raise_event,
            fields=(
                Field(name="name", label="Name of the event", is_required=True),
                Field(name="data", label="Value", kind="json", default="null"),
            ),
            applies=_lives,
        ),
        Act(
            key="signal",
            title="Signal",
            happens="Sends the operation to the entity, one way: there is no answer. An entity that does not exist yet "
            "comes to be.",
            done="The signal is on its way.",
            call=_signal,
            fields=(
                Field(name="operation", label="Operation", is_required=True),
                Field(name="data", label="Input", kind="json", hint="Optional."),
            ),
            applies=lambda row: False,
        ),
        Act(
            key="suspend",
            title="Suspend",
            happens="The instance stops before its next step. Activities that run now run to their end; their results, "
            "and events, are kept until it is resumed.",
            done="The instance is about to be suspended.",
            call=_with_reason("suspend"),
            fields=(_REASON,),
            applies=lambda row: _lives(row) and row.runtime_status != "Suspended",
        ),
        Act(
            key="resume",
            title="Resume",
            happens="The instance goes on, with everything that has come meanwhile.",
            done="The instance is about to go on.",
            call=_with_reason("resume"),
            fields=(_REASON,),
            applies=lambda row: row.runtime_status == "Suspended",
        ),
        Act(
            key="rewind",
            title="Rewind",
            happens="Takes the failures out of the history and tries them again, in the sub-orchestrations that failed "
            "as well. What has succeeded is kept and is not run again.",
            done="The instance is about to run again from before its failure.",
            call=_with_reason("rewind"),
            fields=(_REASON,),
            applies=lambda row: row.runtime_status == "Failed",
        ),
        Act(
            key="restart",
            title="Restart",
            happens="Starts the orchestration once more with the same input.",
            done="The orchestration is started again.",
            call=_restart,
            fields=(
                Field(
                    name="same_id",
                    label="Under the same id",
                    kind="flag",
                    hint="The new run then takes the place of this one, whose history is lost. Without it, the new run "
                    "gets an id of its own.",
                ),
            ),
        ),
        Act(
            key="terminate",
            title="Terminate",
            happens="Ends the instance now, as Terminated. Activities that run are not stopped, but nobody will look "
            "at their results; sub-orchestrations run on.",
            done="The instance is about to end.",
            call=_with_reason("terminate"),
            fields=(_REASON,),
            is_danger=True,
            applies=_lives,
        ),
        Act(
            key="purge",
            title="Purge",
            happens="Removes the instance from the task hub, with its history, its input and its output. This cannot "
            "be undone. Its sub-orchestrations stay.",
            done="The instance is removed.",
            call=_purge,
            is_danger=True,
            applies=lambda row: not _lives(row),
        ),
    )
}
START: Final = Act(
    key="start",
    title="Start an orchestration",
    happens="Starts a new instance.",
    done="The orchestration is started.",
    call=_start,
    fields=(
        Field(name="name", label="Orchestration", is_required=True),
        Field(name="instance", label="Instance id", hint="Optional; without it the instance gets a new id."),
        Field(name="data", label="Input", kind="json", hint="Optional."),
    ),
)
