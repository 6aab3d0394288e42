"""What the recordings of parents leave out of their children, made good from other recordings.

A recording has the requests that name its instances. A child without a name of its own is named after its parent's
execution, so that most of its requests are missing. The same orchestrators were recorded elsewhere: ``chain`` by
itself, and ``not_a_generator`` as a child with a name.
Invariant: what was recorded stays as it is, and in its order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from takeover.recorded_requests import RunNames, StorageRequest, messages_in, recorded_requests, written_rows

__all__ = ["fill_gaps"]

_CHILD: Final = re.compile(r"[0-9a-f-]{36}:\d")
_MOMENT: Final = 0.1
_MESSAGES_OF_A_CHAIN: Final = 6


def fill_gaps(scenario: str, requests: list[StorageRequest], names: RunNames) -> list[StorageRequest]:
    """The requests of a scenario with those that are missing, in their order."""
    match scenario:
        case "sub" | "terminate":
            added = list(_rest_of_chain(requests, names))
        case "sub_fan_out":
            added = list(_rows_of_children(requests, names))
        case _:
            added = []
    return sorted([*requests, *added], key=lambda request: request.at_ms)


def _rows_of_children(requests: Sequence[StorageRequest], names: RunNames) -> Iterator[StorageRequest]:
    """Each child's row, as the named child of ``sub`` has it, just after the child's history."""
    template = next(
        request
        for request in recorded_requests("sub", names)
        if request.method == "PATCH" and "-child'" in request.path
    )
    for request in requests:
        if not request.path.endswith("$batch"):
            continue
        rows = [row for _, _, row in written_rows(request, names)]
        if _CHILD.fullmatch(rows[0]["PartitionKey"]):
            started, ended = rows[1], rows[2]
            row = {
                **json.loads(template.body),
                "PartitionKey": started["PartitionKey"],
                "Name": started["Name"],
                "Input": started["Input"],
                "Output": ended["Result"],
            }
            yield replace(template, at_ms=request.at_ms + _MOMENT, body=json.dumps(row))


def _rest_of_chain(requests: Sequence[StorageRequest], names: RunNames) -> Iterator[StorageRequest]:
    """What ``chain`` did after its first history, as a child that was started, saved, and that reported its end."""
    saved = next(r for r in requests if r.path.endswith("$batch") and _is_of_child(r, names))
    reported = next(r for r in requests if _is_put(r) and _CHILD.search(messages_in(r.body)[0]["Sender"]["InstanceId"]))
    child = written_rows(saved, names)[0][2]["PartitionKey"]
    number = messages_in(reported.body)[0]["SequenceNumber"]

    chain = recorded_requests("chain", names)
    first, *others = (r for r in chain[7:] if r.method != "GET" or r.service == "queue")
    # Its first activity goes out before its history is saved, its outcome before its last history.
    saving, last = others[0], max(r.number for r in others if r.path.endswith("$batch"))
    before = [r for r in others if saving.number < r.number < last]
    after = [r for r in others if r.number >= last]
    offset = number - _MESSAGES_OF_A_CHAIN - messages_in(first.body)[0]["SequenceNumber"]
    shift = _Shift(names.instance_id("id0"), child, offset)
    yield replace(shift.moved(first), at_ms=saved.at_ms - _MOMENT)
    step = (reported.at_ms - saved.at_ms) / (len(before) + 1)
    for position, request in enumerate(before, 1):
        yield replace(shift.moved(request), at_ms=saved.at_ms + position * step)
    for position, request in enumerate(after, 1):
        yield replace(shift.moved(request), at_ms=reported.at_ms + position * _MOMENT)


class _Shift:
    """Moves requests of a chain that was started by a client to one that is somebody's child."""

    def __init__(self, instance: str, child: str, offset: int) -> None:
        self._instance, self._child, self._offset = instance, child, offset

    def moved(self, request: StorageRequest) -> StorageRequest:
        """The request as the child's host made it."""
        texts = {
            part: getattr(request, part).replace(self._instance, self._child) for part in ("path", "body", "reply")
        }
        if request.service == "queue":
            texts = {
                part: re.sub(r'("SequenceNumber":)([1-9]\d*)', self._renumbered, text) for part, text in texts.items()
            }
        elif '"Generation":0,"Input":null' in texts["body"]:
            texts["body"] = texts["body"].replace(
                '"Generation":0,"Input":null', '"Generation":null,"Input":"\\"null\\""'
            )
        return replace(request, **texts)

    def _renumbered(self, match: re.Match[str]) -> str:
        return f"{match[1]}{int(match[2]) + self._offset}"


def _is_put(request: StorageRequest) -> bool:
    return request.service == "queue" and request.method == "POST"


def _is_of_child(request: StorageRequest, names: RunNames) -> bool:
    rows: list[dict[str, Any]] = [row for _, _, row in written_rows(request, names)]
    return bool(_CHILD.fullmatch(rows[0]["PartitionKey"]))
