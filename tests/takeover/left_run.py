"""One run of a real host, cut off after so many of its steps: what it left, what is still to be asked, how it must end.

The expectations of the takeover suite.
Invariant: what is expected is what the recorded run came to. Where a crash at this point lets the real engine itself
do something twice (it promises every message at least once), ``repeats`` says so, and ``repeated`` what may differ.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from durable_engine import Ticks
from engine.tokens import with_tokens, without_stacks
from takeover.filled_run import run_that_died
from takeover.hub_state import HISTORY, INSTANCES, WORK_ITEMS, Delete, HubState, Put, Step, Write
from takeover.recorded_requests import RunNames
from takeover.recorded_run import batch_rows

__all__ = ["LeftRun", "Operation", "Outcome", "Repeat", "lasting_name", "outcome_of"]

Row = Mapping[str, Any]
Repeat = Literal["sent", "run", "received"]

_UNNAMED_CHILD: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(:\d+)")
_BOUNDARIES: Final = ("OrchestratorStarted", "OrchestratorCompleted")
_RESULTS: Final = ("TaskCompleted", "TaskFailed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the recorded client asked of an instance, and the status in which the instance then was."""

    instance_id: str
    kind: str
    name: str | None
    data: str | None
    when: str
    after_event: bool
    """Whether the client had raised an event just before, which then was in the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an instance stands: its row, and the kinds of events in its history, each event counted once."""

    name: str
    status: str
    output: Any
    custom_status: str | None
    kinds: Mapping[str, int]


class LeftRun:
    """A scenario that a host began so that it got as far as ``steps_done`` by the moment ``died_at``."""

    def __init__(self, scenario: str, names: RunNames, *, steps_done: int, died_at: Ticks) -> None:
        self.scenario, self.names, self.steps_done = scenario, names, steps_done
        self.steps: list[Step] = run_that_died(scenario, names, steps_done=steps_done, died_at=died_at)
        self.state = HubState.after(self.steps[:steps_done])

    @property
    def label(self) -> str:
        """Where the run was cut off."""
        what = self.steps[self.steps_done - 1].label if self.steps_done else "nothing"
        return f"{self.scenario} after {self.steps_done} of {len(self.steps)} steps, the last being: {what}"

    @cached_property
    def starts(self) -> list[Put]:
        """The messages by which clients started instances."""
        return [put for put in self._client_puts(self.steps) if put.kind == "ExecutionStarted"]

    @cached_property
    def unpromised(self) -> list[Put]:
        """The starts that no client was told of: the row had not been written."""
        return [put for put in self.starts if self.state.instance(put.instance_id) is None]

    @cached_property
    def open_operations(self) -> list[Operation]:
        """What clients had not asked for yet, in their order."""
        done = len([put for put in self._client_puts(self.steps[: self.steps_done]) if put.kind != "ExecutionStarted"])
        return list(self._operations())[done:]

    @cached_property
    def rewind_cut_short(self) -> Operation | None:
        """The rewind whose client died when the history and the row were changed, and the message not sent."""
        for operation in self.open_operations:
            row = self.state.instance(operation.instance_id) or {}
            events = [event["EventType"] for event in self._history(operation.instance_id) if "EventType" in event]
            if row.get("RuntimeStatus") == "Pending" and "GenericEvent" in events:
                return operation
        return None

    @cached_property
    def repeats(self) -> frozenset[Repeat]:
        """What is done a second time after a crash at this point, by the real engine as by ours.

        ``sent``: messages of an episode that is not in the history. ``run``: activities whose work item was not deleted
        after their result was sent. ``received``: messages of an episode that is in the history.
        """
        found: dict[Repeat, set[str]] = {"sent": set(), "run": set(), "received": set()}
        for step in self.steps[: self.steps_done]:
            if isinstance(step, Put) and step.kind in _RESULTS:
                found["run"].add(step.instance_id)
            elif isinstance(step, Put) and step.sender_id:
                found["sent"].add(step.sender_id)
            elif isinstance(step, Write) and batch_rows(step):
                found["sent"].discard(step.partition_key)
                found["received"].add(step.partition_key)
            elif isinstance(step, Delete):
                instance = self._put(step.key).instance_id
                found["run" if self._put(step.key).queue == WORK_ITEMS else "received"].discard(instance)
        return frozenset(repeat for repeat, instances in found.items() if instances)

    @cached_property
    def is_row_behind(self) -> bool:
        """Whether a history has ended and its instance's row does not say so: what the row alone has is lost."""
        ended = {
            partition
            for (table, partition, _), row in self.state.rows.items()
            if table == HISTORY and row.get("EventType") == "ExecutionCompleted"
        }
        return any("CompletedTime" not in (self.state.instance(instance) or {}) for instance in ended)

    def activity_runs(self, name: str) -> int:
        """How often the dead host had run an activity to its end, which is when its result was sent."""
        items = [
            (put.instance_id, put.event["EventId"])
            for put in self.steps
            if isinstance(put, Put) and put.queue == WORK_ITEMS and put.event["Name"] == name
        ]
        results = [put for put in self.steps[: self.steps_done] if isinstance(put, Put) and put.kind in _RESULTS]
        return sum((put.instance_id, put.event["TaskScheduledId"]) in items for put in results)

    @cached_property
    def outcomes(self) -> dict[str, Outcome]:
        """How each instance, entity and child of the recorded run stood in the end."""
        state = HubState.after(self.steps)
        found = {}
        for table, instance, _ in state.rows:
            if table == INSTANCES:
                row = {column: _with_blob(state, cell) for column, cell in state.rows[table, instance, ""].items()}
                history = state.partition(HISTORY, instance)
                found[lasting_name(instance, history)] = outcome_of(row, history)
        return found

    def _put(self, key: str) -> Put:
        return next(step for step in self.steps if isinstance(step, Put) and step.key == key)

    def _history(self, instance_id: str) -> list[dict[str, Any]]:
        return self.state.partition(HISTORY, instance_id)

    def _operations(self) -> Iterator[Operation]:
        state = HubState()
        raised: set[str] = set()
        for step in self.steps:
            if isinstance(step, Put) and not step.sender_id and step.kind != "ExecutionStarted":
                event, instance = step.event, step.instance_id
                row = state.instance(instance) or {}
                yield Operation(
                    instance_id=instance,
                    kind=step.kind,
                    name=event.get("Name"),
                    data=next((event[name] for name in ("Reason", "Data", "Input") if name in event), None),
                    when="Failed" if step.kind == "GenericEvent" else str(row.get("RuntimeStatus")),
                    after_event=instance in raised,
                )
                (raised.add if step.kind == "EventRaised" else raised.discard)(instance)
            state.apply(step)

    @staticmethod
    def _client_puts(steps: Iterable[Step]) -> list[Put]:
        return [step for step in steps if isinstance(step, Put) and not step.sender_id]


def lasting_name(instance_id: str, history: Iterable[Row]) -> str:
    """The instance's id; of a child that is named after its parent's execution, the parent's id and the number.

    A parent that was started anew has another execution, and so have its children other ids.
    """
    unnamed = _UNNAMED_CHILD.fullmatch(instance_id)
    if not unnamed:
        return instance_id
    parent = next(row["ParentInstance"] for row in history if row["EventType"] == "ExecutionStarted")
    return f"{json.loads(parent)['OrchestrationInstance']['InstanceId']}{unnamed[1]}"


def outcome_of(row: Row, history: Iterable[Row]) -> Outcome:
    """The outcome that a row and the current history say. An event that was delivered twice counts once."""
    events = {
        (
            event["EventType"],
            event["EventId"],
            event.get("TaskScheduledId"),
            event.get("TimerId"),
            event.get("Name"),
        )
        for event in _current(history)
        if event["EventType"] not in _BOUNDARIES
    }
    return Outcome(
        name=row["Name"],
        status=row["RuntimeStatus"],
        output=_value(row.get("Output")),
        custom_status=row.get("CustomStatus"),
        kinds=Counter(event[0] for event in events),
    )


def _current(history: Iterable[Row]) -> Iterator[Row]:
    """The events of the current execution: an earlier one may have left longer garbage behind them."""
    rows = list(history)
    sentinel = next((row for row in rows if row["RowKey"] == "sentinel"), None)
    for row in rows:
        if sentinel is None or row is sentinel or row["ExecutionId"] != sentinel["ExecutionId"]:
            return
        yield row


def _value(text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return with_tokens(without_stacks(value))


def _with_blob(state: HubState, cell: object) -> object:
    """The cell, or what the blob holds that it names."""
    name = str(cell).partition("-largemessages/")[2]
    return state.blobs[name].text if name in state.blobs else cell
