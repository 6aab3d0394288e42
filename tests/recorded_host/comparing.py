"""Holds one normalised recording against another, field by field.

What must agree: every HTTP exchange (status, the kept headers, body); every instance row and history row (columns,
types, values); the members of each kind of event in the payloads; the last answer of each orchestrator. Where only one
thing can happen at a time (``ONE_AT_A_TIME``) also the order of all history rows, and events and answer of every
episode; elsewhere the batching may differ from run to run. Texts are compared up to the .NET exception or Python stack
that they carry.

Invariant: a recording agrees with itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from recorded_host.driver import Json

__all__ = ["ONE_AT_A_TIME", "Difference", "differences", "report"]

ONE_AT_A_TIME: Final = frozenset(
    {
        "again",
        "again_at_once",
        "bad_result",
        "big_status",
        "caught",
        "chain",
        "custom_error",
        "error_text",
        "event_from_client",
        "event_from_http",
        "fan_out_0",
        "fan_out_1",
        "ids_and_time",
        "input_kinds",
        "large_100",
        "large_20000",
        "large_70000",
        "large_200000",
        "nondeterminism_input",
        "nondeterminism_kind",
        "nondeterminism_missing",
        "nondeterminism_name",
        "not_a_generator",
        "not_a_generator_raises",
        "not_serialisable",
        "raises_itself",
        "retry_1500",
        "retry_exhausted",
        "retry_succeeds",
        "returns_at_once",
        "rewind",
        "same_task_twice",
        "several_events",
        "sub",
        "sub_fails",
        "suspend_resume",
        "terminate",
        "timer",
        "timer_cancelled",
        "timer_days",
        "timer_left_open",
        "timer_past",
        "uncaught",
        "unknown_activity",
        "values",
        "yields_a_list",
        "yields_a_number",
    }
)
ABSENT: Final = "<absent>"

_EXCEPTION: Final = re.compile(r'\{\\*"\$type\\*":\\*"(?:System|Microsoft|DurableTask).*', re.S)
_STACK: Final = re.compile(r"\n?Stack:? .*", re.S)
# What an entity keeps of a sender whose requests once overtook each other, as messages that are put side by side may.
_EMPTY_BUFFER: Final = re.compile(r',\\*"Buffered\\*":\{\}')
# What the first request that comes leaves; the second one of an episode has a time without a zone.
_HORIZON: Final = re.compile(r'(ReceiveHorizon\\*":\\*"<timeT\.f)>')
_KNOWN_FUNCTIONS: Final = re.compile(r"(known \w+ functions: )(.*)\.$")
# What names the build of the host, or the machine.
_OF_THE_BUILD: Final = frozenset(
    {
        "version",
        "versionDetails",
        "Server",
        "functionAppContentEditingState",
        "platformVersion",
        "computerName",
        "StackTrace",
    }
)
_BOUNDARIES: Final = ("OrchestratorStarted", "OrchestratorCompleted")
_SHOWN_CHARACTERS: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where the two part."""

    place: str
    recorded: object
    ours: object


def report(found: Sequence[Difference], *, most: int = 30) -> str:
    """The differences as text, the first ones in full."""
    lines = [f"{len(found)} differences from the recording of the real engine:"]
    for difference in found[:most]:
        lines += [
            f"  {difference.place}",
            f"    recorded: {_shown(difference.recorded)}",
            f"    ours:     {_shown(difference.ours)}",
        ]
    if len(found) > most:
        lines.append(f"  ... and {len(found) - most} more")
    return "\n".join(lines)


def differences(recorded: Json, ours: Json) -> list[Difference]:
    """Every difference of two normalised recordings of one scenario."""
    found = list(_of_exchanges(recorded["http"], ours["http"]))
    for name, theirs in recorded["instances"].items():
        mine = ours["instances"].get(name)
        if mine is None:
            found.append(Difference(place=f"instance {name}", recorded="present", ours=ABSENT))
        else:
            found += _of_instances(name, theirs, mine, strictly=recorded["scenario"] in ONE_AT_A_TIME)
    found += [
        Difference(place=f"instance {name}", recorded=ABSENT, ours="present")
        for name in ours["instances"]
        if name not in recorded["instances"]
    ]
    return found


# Exchanges.


def _of_exchanges(recorded: Sequence[Json], ours: Sequence[Json]) -> Iterator[Difference]:
    for number, theirs in enumerate(recorded):
        mine = ours[number] if number < len(ours) else {}
        place = f"http[{number}] {theirs['method']} {theirs['path'].split('/durabletask')[-1]}"
        yield from _of_values(place, _answer(theirs), _answer(mine))


def _answer(exchange: Json) -> Any:
    """What is compared of an exchange; lists whose order says nothing are put in order."""
    answer = {name: value for name, value in exchange.items() if name not in ("method", "path", "body")}
    reply = answer.get("reply")
    if isinstance(reply, dict) and "historyEvents" in reply:
        events = reply["historyEvents"] or []
        answer["reply"] = {
            **reply,
            "historyEvents": sorted(events, key=lambda event: json.dumps(_soft(event), sort_keys=True)),
        }
    elif isinstance(reply, list):
        answer["reply"] = sorted(reply, key=lambda item: json.dumps(item, sort_keys=True))
    return _soft(answer)


# Instances.


def _of_instances(name: str, recorded: Json, ours: Json, *, strictly: bool) -> Iterator[Difference]:
    yield from _of_values(f"row {name}", _soft(recorded["row"]), _soft(ours["row"]))
    yield from _of_values(f"history {name}", _events(recorded["history"]), _events(ours["history"]))
    yield from _of_values(f"payload {name}", _members(recorded["episodes"]), _members(ours["episodes"]))
    yield from _of_values(f"shape {name}", _shape(recorded["history"]), _shape(ours["history"]))
    if strictly:
        yield from _of_values(f"strictly {name}", _in_order(recorded), _in_order(ours))
    last, mine = _last_answer(recorded["episodes"]), _last_answer(ours["episodes"])
    if last and mine:
        yield from _of_values(f"answer {name}", last, mine)


def _events(rows: Sequence[Json]) -> list[Json]:
    """The event rows without their place, in an order that does not depend on it."""
    kept = [
        _soft({column: cell for column, cell in row.items() if column != "RowKey"})
        for row in rows
        if "EventType" in row and row["EventType"][1] not in _BOUNDARIES
    ]

    def key(row: Json) -> str:
        told = {column: cell for column, cell in row.items() if column not in ("RowKey", "IsPlayed", "_Timestamp")}
        return json.dumps(told, sort_keys=True, default=str)

    return sorted(kept, key=key)


def _members(episodes: Sequence[Json]) -> Json:
    """The members, and their types, of each kind of event in the payloads, and of the payloads themselves."""
    seen: Json = {}
    for episode in episodes:
        events = episode["payload"].get("history", []) if episode["kind"] == "orchestrator" else []
        for event in events:
            of_kind = seen.setdefault(str(event["EventType"]), {"names": list(event), "types": {}})
            of_kind["types"].update({name: type(value).__name__ for name, value in event.items() if value is not None})
        seen.setdefault(f"payload of {episode['kind']}", {"names": list(episode["payload"])})
    return seen


def _shape(rows: Sequence[Json]) -> Json:
    """Whether row keys count up without a gap, whether every episode was closed, and what is first and last."""
    events = [row for row in rows if "EventType" in row]
    kinds = [row["EventType"][1] for row in events]
    return {
        "consecutive": [int(row["RowKey"][1], 16) for row in events] == list(range(len(events))),
        "balanced": kinds.count(_BOUNDARIES[0]) == kinds.count(_BOUNDARIES[1]),
        "first": kinds[0] if kinds else None,
        "last": kinds[-1] if kinds else None,
    }


def _in_order(instance: Json) -> Json:
    """All rows in their order, and what each invocation was given and answered."""
    return {
        "rows": [_soft(row) for row in instance["history"]],
        "episodes": [
            {
                "name": episode["name"],
                "events": [event["EventType"] for event in episode["payload"].get("history", [])],
                **_outcome(episode),
            }
            for episode in instance["episodes"]
            if episode["kind"] == "orchestrator"
        ],
    }


def _last_answer(episodes: Sequence[Json]) -> Json | None:
    answers = [_outcome(episode) for episode in episodes if episode["kind"] == "orchestrator"]
    return answers[-1] if answers else None


def _outcome(episode: Json) -> Json:
    outcome: Json = _soft({name: episode.get(name) for name in ("result", "raised")})
    return outcome


# Values.


def _soft(value: Any) -> Any:
    """The value without what need not agree: stacks, .NET exceptions, the order of known functions, the build."""
    if isinstance(value, str):
        text = _KNOWN_FUNCTIONS.sub(lambda match: match[1] + ", ".join(sorted(match[2].split(", "))), value)
        text = _HORIZON.sub(r"\1Z>", _EMPTY_BUFFER.sub("", text))
        return _STACK.sub("<stack>", _EXCEPTION.sub("<exception>", text)).rstrip()
    if isinstance(value, list):
        return [_soft(item) for item in value]
    if isinstance(value, dict):
        # A JSON parser's complaint is the parser's own.
        is_parsers = str(value.get("ExceptionType", "")).startswith("Newtonsoft.")
        any_text = _OF_THE_BUILD | {"ExceptionMessage"} if is_parsers else _OF_THE_BUILD
        return {name: "<any>" if name in any_text else _soft(item) for name, item in value.items()}
    return value


def _of_values(place: str, recorded: object, ours: object) -> Iterator[Difference]:
    if isinstance(recorded, Mapping) and isinstance(ours, Mapping):
        for name in [*recorded, *(name for name in ours if name not in recorded)]:
            yield from _of_values(f"{place}.{name}", recorded.get(name, ABSENT), ours.get(name, ABSENT))
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) != len(ours):
            yield Difference(place=f"{place}.length", recorded=len(recorded), ours=len(ours))
        for number, (theirs, mine) in enumerate(zip(recorded, ours, strict=False)):
            yield from _of_values(f"{place}[{number}]", theirs, mine)
    elif type(recorded) is not type(ours) or recorded != ours:
        yield Difference(place=place, recorded=recorded, ours=ours)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:400]} ... {text[-180:]}"
