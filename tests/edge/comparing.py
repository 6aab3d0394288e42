"""What must agree of an edge scenario: all that must of the others, but for what changes from one real run to the next.

Left out are an instance that the real host never ended, where ours ended it, and what is only a measure of time or of a
Python worker's stack: how many letters a text with a stack has, when a timer was seen, which call got a cookie first.
Invariant: a recording agrees with itself.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, Final

from durable_engine import FINAL_STATUSES
from recorded_host.comparing import Difference, differences
from recorded_host.driver import Json

__all__ = ["CHANCE", "edge_differences", "ended_here_alone", "given_up"]

_TIMED_OUT: Final = "timed out waiting for "
_SOFT: Final[Sequence[tuple[re.Pattern[str], str]]] = tuple(
    (re.compile(pattern, re.S), token)
    for pattern, token in (
        (r'\{\\*"\$type\\*":\\*"Newtonsoft.*', "<exception>"),
        (r"(StackTrace: |\\n|\n)\s*at (System|Microsoft|DurableTask|durable_engine).*", "<frames>"),
        (r"'StackTrace': ['\\\"].*", "<frames>"),
        (r'\\*"StackTrace\\*":\\*"\s*at .*', "<frames>"),
        (r"\.\.\.\(\d+\)", "...(<n>)"),
        (r"1f8b0800[0-9a-f]{8}", "<gzip of some second>"),
        ("(\x1f|\\\\u001f)\ufffd(\b|\\\\b)(\x00|\\\\u0000).*", "<gzip of some second>"),
        (r"a([/^])(0?)b[0-9a-f]{8}", r"a\1\2b<key>"),
        (r"<20\d\d-\d\d-\d\d>([T ])\d\d:\d\d:\d\d\.\d{5,6}", r"<a day long ago>\1"),
        (r"history-[0-9A-F]{16}-", "history-<place>-"),
        (r"[\w./<>-]*python[\w.]* exited with code", "<python> exited with code"),
        (r"<x\*\d+>\.\.\.", "<x*n>..."),
        (r"((?:\\+xe9)+)\.\.\.", "<e*n>..."),
    )
)
CHANCE: Final = {
    # Which events share an episode with the activity's result decides which of them the SDK keeps.
    "again_early_events": r"http\[\d+\] (GET|POST) /instances/<id0>|(row|history|payload|shape|answer) <id0>",
    "again_suspended": r"http\[\d+\] GET /instances/<id0>|(row|history|payload|shape|answer) <id0>",
    # Whether a signal that deletes an entity has been taken up by the time that entities are listed.
    "entity_methods": r"http\[2[67]\] ",
    # Whether an instance has run by the time that its id is taken again, or looked at.
    "start_ids_whole": r"http\[(13|2\d)\] ",
}
"""Places that differ from one run of a host to the next, the real one included, as patterns."""

# Notes of the driver that say when something was seen.
_MEASURED: Final = re.compile(
    r"TimerFired against FireAt|rows of |all rows never falling|seconds between polls|shape of the token"
)


def edge_differences(recorded: Json, ours: Json) -> list[Difference]:
    """Every difference that counts."""
    left_out, chance = ended_here_alone(recorded, ours), CHANCE.get(recorded["scenario"], r"\Z.")
    found = differences(_comparable(recorded, left_out), _comparable(ours, left_out))
    return [one for one in found if not re.match(chance, one.place)]


def ended_here_alone(recorded: Json, ours: Json) -> frozenset[str]:
    """The instances that the real host had not ended when the driver gave up waiting, and ours had."""
    return given_up(recorded) - given_up(ours)


def given_up(recording: Json) -> frozenset[str]:
    """The instances that had not ended when the driver had waited for their end in vain."""
    found: set[str] = set()
    for waited, looked in itertools.pairwise(recording["http"]):
        reply = looked["reply"]
        is_status = isinstance(reply, dict) and reply.get("runtimeStatus", "Completed") not in FINAL_STATUSES
        if waited["path"].startswith(_TIMED_OUT) and "Completed" in waited["path"] and is_status:
            found.add(reply["instanceId"])
    last = recording["http"][-1] if recording["http"] else {"path": ""}
    if last["path"] == "the host still runs instances" and last["reply"] not in FINAL_STATUSES:
        found |= {name for name, one in recording["instances"].items() if _status(one) == last["reply"]}
    return frozenset(found)


def _status(instance: Json) -> str:
    status: str = (instance.get("row") or {}).get("RuntimeStatus", ["", ""])[1]
    return status


def _comparable(recording: Json, left_out: frozenset[str]) -> Json:
    exchanges = [
        _exchange(exchange)
        for exchange in recording["http"]
        if not exchange["path"].startswith(_TIMED_OUT)
        and not (exchange["method"] == "NOTE" and _MEASURED.match(exchange["path"]))
    ]
    softened: Json = _softened(
        {
            "scenario": recording["scenario"],
            "http": [one for one in exchanges if not _is_about(one, left_out)],
            "instances": {name: one for name, one in recording["instances"].items() if name not in left_out},
        }
    )
    return softened


def _exchange(exchange: Json) -> Json:
    reply, path = exchange["reply"], exchange["path"]
    if isinstance(reply, list) and path.partition("?")[0].endswith(("/instances/.", "/instances/%2E")):
        return {**exchange, "headers": {}, "reply": "<the whole hub>"}
    if exchange["method"] == "DELETE" and path.endswith("createdTimeFrom=<timeTZ>&runtimeStatus=Running"):
        return {**exchange, "reply": "<the whole hub>"}
    if exchange["method"] != "NOTE" or not isinstance(exchange["reply"], dict | list):
        return exchange
    reply = exchange["reply"]
    if exchange["path"].startswith("statuses of "):
        reply = reply[-1][0]  # how the instance stood in the end; whether it was seen before is chance
    elif isinstance(reply, dict) and "headers" in reply:
        reply = {**reply, "headers": {name: value for name, value in reply["headers"].items() if name != "cookie"}}
    return {**exchange, "reply": reply}


def _is_about(exchange: Json, left_out: frozenset[str]) -> bool:
    """Whether an exchange only shows how one of these instances stands."""
    reply = exchange["reply"]
    shown = reply.get("instanceId") if isinstance(reply, dict) else None
    return exchange["method"] == "GET" and (
        shown in left_out or any(exchange["path"].partition("?")[0].endswith(f"/instances/{one}") for one in left_out)
    )


def _softened(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, token in _SOFT:
            value = pattern.sub(token, value)
        return value
    if isinstance(value, list):
        return [_softened(item) for item in value]
    if isinstance(value, dict):
        return {_softened(name): _softened(item) for name, item in value.items()}
    return "<not a number>" if value != value else value
