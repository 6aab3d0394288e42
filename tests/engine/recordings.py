"""The recorded scenarios as invocations and episodes of orchestrations, with times and ids filled in.

Reads ``fixtures/recordings/scenarios`` and says what the real host gave to the worker, what the worker answered, and
what was in the history after it.
Invariant: the event at one place of one execution has the same time and ids in every payload; times differ by place.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from durable_engine.model.event_json import event_from_json
from durable_engine.model.events import HistoryEvent
from durable_engine.model.ticks import (
    TICKS_PER_MICROSECOND,
    TICKS_PER_SECOND,
    Ticks,
    ticks_from_text,
    ticks_to_full_text,
    ticks_to_text,
)
from engine.tokens import filled

__all__ = ["RECORDINGS", "Episode", "Invocation", "RecordedInstance", "episode_of", "instances", "invocations"]

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "recordings"

_FIRST = ticks_from_text("2026-11-23T10:00:00.1234567Z")
_FIRE = ticks_from_text("2026-12-24T18:00:00.123456Z")
_STEP = TICKS_PER_SECOND + 13
_NAMESPACE_OF_REQUESTS = uuid.UUID("9e952959-5e33-4daf-827f-2fa12937b875")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Invocation:
    """One call of an orchestrator: what the host gave, and the answer, or what was raised.

    What is called recorded has tokens.
    """

    scenario: str
    instance_id: str
    number: int
    name: str
    recorded_payload: Json
    payload: Json
    recorded_answer: Json | None
    recorded_raised: str | None

    @property
    def id(self) -> str:
        """The name of the test of this invocation."""
        return f"{self.scenario}-{self.instance_id.replace('<', '').replace('>', '')}-{self.number}"

    @property
    def history(self) -> list[HistoryEvent]:
        """The payload's history as events."""
        return [event_from_json(event) for event in self.payload["history"]]

    @property
    def is_continued(self) -> bool:
        """Whether it follows upon continue-as-new within the episode: only such a history ends in 13."""
        return _types(self.payload)[-1] == 13

    @property
    def is_first_of_execution(self) -> bool:
        """Whether the history begins in this invocation's episode."""
        return _types(self.payload).count(12) == 1

    def answer(self) -> str:
        """Answer as the worker did: the JSON text, or an exception of the recorded text."""
        if self.recorded_raised is None:
            return json.dumps(filled(self.recorded_answer))
        raise Exception(filled(self.recorded_raised))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Episode:
    """The invocations of one episode, more than one where continue-as-new was asked for, and its place in time."""

    invocations: tuple[Invocation, ...]
    past: tuple[HistoryEvent, ...]
    batch: tuple[HistoryEvent, ...]
    now: Ticks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedInstance:
    """One instance of a scenario: its invocations, its row and its history rows (None and empty where not kept)."""

    scenario: str
    instance_id: str
    invocations: tuple[Invocation, ...]
    row: Mapping[str, Any] | None
    rows: tuple[Mapping[str, Any], ...]

    @property
    def has_whole_history(self) -> bool:
        """Whether all rows were recorded. Of a child without an id of its own only those were that name its parent."""
        return bool(self.rows) and self.rows[0]["EventType"][1] == "OrchestratorStarted"

    @property
    def episodes(self) -> list[Episode]:
        """The episodes in their order."""
        groups: list[list[Invocation]] = []
        for invocation in self.invocations:
            if invocation.is_continued:
                groups[-1].append(invocation)
            else:
                groups.append([invocation])
        return [_episode(group) for group in groups]


def _episode(group: Sequence[Invocation]) -> Episode:
    history = group[0].history
    begin = max(index for index, event in enumerate(history) if event.event_type == 12)
    return Episode(
        invocations=tuple(group),
        past=tuple(history[:begin]),
        batch=tuple(history[begin + 1 :]),
        now=history[begin].timestamp,
    )


@cache
def instances() -> tuple[RecordedInstance, ...]:
    """Every recorded orchestration that was invoked."""
    found = []
    for path in sorted(RECORDINGS.joinpath("scenarios").glob("*.json")):
        for instance_id, data in json.loads(path.read_text(encoding="utf-8"))["instances"].items():
            calls = [call for call in data["episodes"] if call["kind"] == "orchestrator"]
            if calls:
                found.append(
                    RecordedInstance(
                        scenario=path.stem,
                        instance_id=instance_id,
                        invocations=tuple(_invocations(path.stem, instance_id, calls)),
                        row=data["row"],
                        rows=tuple(row for row in data["history"] if "EventType" in row),
                    )
                )
    return tuple(found)


def invocations() -> list[Invocation]:
    """Every recorded invocation."""
    return [invocation for instance in instances() for invocation in instance.invocations]


def episode_of(invocation: Invocation) -> tuple[RecordedInstance, Episode, int]:
    """The instance and the episode of an invocation, and the episode's place among the instance's."""
    key = invocation.scenario, invocation.instance_id
    instance = next(one for one in instances() if (one.scenario, one.instance_id) == key)
    for index, episode in enumerate(instance.episodes):
        if invocation in episode.invocations:
            return instance, episode, index
    raise LookupError(f"No episode holds {invocation.id}.")


def _invocations(scenario: str, instance_id: str, calls: Sequence[Json]) -> Iterator[Invocation]:
    execution, now = -1, _FIRST
    for number, call in enumerate(calls):
        types = _types(call["payload"])
        if types.count(12) == 1:
            execution += 1
        # An execution that continues as new begins right after the one before has ended.
        at = now + TICKS_PER_MICROSECOND if types[-1] == 13 else None
        filler = _Filler(scenario, instance_id, execution, at=at)
        payload = filler.payload(call["payload"])
        now = max(ticks_from_text(event["Timestamp"]) for event in payload["history"] if event["EventType"] == 12)
        yield Invocation(
            scenario=scenario,
            instance_id=instance_id,
            number=number,
            name=call["name"],
            recorded_payload=call["payload"],
            payload=payload,
            recorded_answer=call.get("result"),
            recorded_raised=call.get("raised"),
        )


def _types(payload: Json) -> list[int]:
    return [event["EventType"] for event in payload["history"]]


class _Filler:
    """Gives times and ids to one payload."""

    def __init__(self, scenario: str, instance_id: str, execution: int, *, at: Ticks | None) -> None:
        self._scenario, self._at = scenario, at
        self._parent_execution = self._guid("parent")
        self._execution = self._guid(f"{instance_id} {execution}")
        self._instance_id = instance_id
        self._clock = 0
        self._requests = 0
        self._awaited: list[str] = []

    def payload(self, recorded: Json) -> Json:
        history = [self._event(place, event) for place, event in enumerate(recorded["history"])]
        own = history[1]["OrchestrationInstance"]["InstanceId"]
        return {**filled(recorded), "history": history, "instanceId": own}

    def _event(self, place: int, recorded: Json) -> Json:
        event: Json = filled(recorded)
        at = self._at if self._at is not None else _FIRST + place * _STEP
        event["Timestamp"] = ticks_to_text(at)
        match recorded["EventType"]:
            case 12:
                self._clock = at
            case 0:
                own = event["OrchestrationInstance"]
                own["InstanceId"] = self._child_id(recorded["OrchestrationInstance"]["InstanceId"], of_parent=True)
                is_first = recorded["Generation"] == 0
                own["ExecutionId"] = self._execution if is_first else self._execution.replace("-", "")
                self._execution = own["ExecutionId"]
                self._instance_id = own["InstanceId"]
                if event["ParentInstance"] is not None:
                    event["ParentInstance"]["OrchestrationInstance"]["ExecutionId"] = self._parent_execution
            case 7:
                event["InstanceId"] = self._child_id(recorded["InstanceId"], of_parent=False)
            case 10:
                event["FireAt"] = ticks_to_text(_FIRE + recorded["EventId"] * _STEP * 10)
            case 11:
                event["FireAt"] = ticks_to_text(_FIRE + recorded["TimerId"] * _STEP * 10)
            case 14:
                event["Input"] = self._request(recorded["Input"])
            case 15 if recorded["Name"] == "<guid>":
                event["Name"] = self._awaited.pop(0)
        return event

    def _child_id(self, recorded: str, *, of_parent: bool) -> str:
        parent = self._parent_execution if of_parent else self._execution
        return recorded.replace("<guid>", parent)

    def _request(self, recorded: str) -> str:
        """An entity request's text; its id is what the real host makes of instance, time and a counter."""
        request_id = str(
            uuid.uuid5(
                _NAMESPACE_OF_REQUESTS, f"{self._instance_id}_{ticks_to_full_text(self._clock)}_{self._requests}"
            )
        )
        self._requests += 1
        if '"signal":true' not in recorded:
            self._awaited.append(request_id)
        text = recorded.replace('"id":"<guid>"', f'"id":"{request_id}"')
        return str(filled(text.replace('"parentExecution":"<guid>"', f'"parentExecution":"{self._execution}"')))

    def _guid(self, what: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._scenario} {what}"))
