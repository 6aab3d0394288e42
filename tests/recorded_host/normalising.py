"""Turns a raw recording into one that two runs can share: ids, times, keys and places become tokens.

The same tokens, by the same rules, as those of ``fixtures/recordings``.
Invariant: normalising what is normalised changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from recorded_host.driver import Json
from recorded_host.raw_recording import RawRecording

__all__ = ["normalised", "scrubber"]

_PLACES: Final = tuple(
    (re.compile(pattern), token)
    for pattern, token in (
        (r"/admin/vfs/[^\"]*", "/admin/vfs/<file>"),
        (r"/[\w./-]*?/workers/python/", "<worker>/"),
        (r"/[\w./-]*?/(?=function_app\.py)", "<app>/"),
        (r"/[\w./-]*?/src/\w+/src/(?=WebJobs)", "<host>/"),
        (r"/[\w./-]*?/durabletask/src/", "<durabletask>/"),
        (r"/[\w./-]*?/site-packages/", "<site-packages>/"),
        (r"/[\w./-]*?/lib/python3\.\d+/", "<python>/"),
    )
)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")
_GUID: Final = re.compile(
    r"(?<![0-9a-fA-F-])(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32})(?![0-9a-fA-F-])"
)
_RUN: Final = re.compile(r"([xy])\1{199,}")
_REPLACED: Final = tuple(
    (re.compile(pattern), token)
    for pattern, token in (
        (r"\d{4}-\d\d-\d\dT\d\d%3A\d\d%3A\d\d\.\d+Z", "<time in a query>"),
        (r"https?://127\.0\.0\.1:\d+/devstoreaccount1", "<storage>"),
        (r"-[0-9A-F]{8}-(?=\w+\.json\.gz)", "-<hash>-"),
        (r"query-[0-9a-f]{6}", "<prefix>"),
        (r"\b[a-z_]+-[0-9a-f]{8}\b", "<other>"),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "<date>"),
    )
)
# What only says which machine and process answered.
_OF_THE_MACHINE: Final[Mapping[str, object]] = {
    "processUptime": 0,
    "instanceId": "<machine>",
    "id": "<host id>",
    "test_data_href": "<base>/<file>",
}


def scrubber(ids: Sequence[str], base: str) -> Callable[[Any], Any]:
    """Gives the function that puts tokens into a JSON value, for instances of these ids on a host at ``base``."""
    names: dict[str, str] = {}
    for number, instance_id in enumerate(ids):
        names[instance_id] = f"<id{number}>"
        if instance_id.startswith("@"):
            names[instance_id.rsplit("@", 1)[1]] = f"<key{number}>"
    longest_first = sorted(names, key=len, reverse=True)

    def scrubbed(text: str) -> str:
        for name in longest_first:
            text = text.replace(name, names[name])
        text = text.replace(base, "<base>").replace(base.removeprefix("http://"), "<authority>")
        text = _RUN.sub(lambda match: f"<{match[1]}*{len(match[0])}>", text)
        text = re.sub(r"code=[\w%=-]+", "code=<key>", text)
        for pattern, token in _PLACES:
            text = pattern.sub(token, text)
        text = _GUID.sub("<guid>", text)
        for pattern, token in _REPLACED:
            text = pattern.sub(token, text)
        return _TIME.sub(lambda match: f"<time{match[1]}{'.f' if match[2] else ''}{match[3] or ''}>", text)

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return scrubbed(value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {
                scrubbed(name): "<app>" if name == "functionDirectory" else walk(item) for name, item in value.items()
            }
        return value

    return walk


def normalised(raw: RawRecording) -> Json:
    """The recording with tokens, in the form of the files in ``fixtures/recordings/scenarios``."""
    walk = scrubber(raw.ids, raw.base)
    exchanges = [_exchange(walk, exchange) for exchange in raw.http]
    instances = _instances(walk, raw)
    return {
        "scenario": raw.scenario,
        "http": exchanges,
        "instances": {name: found for name, found in instances.items() if found["row"] or found["history"]},
    }


def _exchange(walk: Callable[[Any], Any], exchange: Json) -> Json:
    kept: Json = walk({**exchange, "body": _parsed(exchange["body"]), "reply": _parsed(exchange["reply"])})
    if "x-ms-continuation-token" in kept["headers"]:
        kept["headers"]["x-ms-continuation-token"] = "<token>"
    if isinstance(kept["reply"], dict) and "/admin/" in kept["path"]:
        kept["reply"].update({name: token for name, token in _OF_THE_MACHINE.items() if name in kept["reply"]})
    return kept


def _instances(walk: Callable[[Any], Any], raw: RawRecording) -> dict[str, Json]:
    instances: dict[str, Json] = {}
    for row in raw.rows.get("Instances", []):
        instances[walk(row["PartitionKey"][1])] = {"row": _without_key(walk, row), "history": [], "episodes": []}
    for row in raw.rows.get("History", []):
        _of(instances, walk(row["PartitionKey"][1]))["history"].append(_without_key(walk, row))
    for invocation in raw.worker:
        outcome = "result" if "result" in invocation else "raised"
        _of(instances, walk(_instance_of(invocation)))["episodes"].append(
            {
                "kind": invocation["kind"],
                "name": invocation["name"],
                "payload": walk(invocation["payload"]),
                outcome: walk(invocation[outcome]),
            }
        )
    return instances


def _instance_of(invocation: Json) -> str:
    payload = invocation["payload"]
    entity = payload.get("self")
    if invocation["kind"] == "entity" and isinstance(entity, dict):
        return f"@{entity['name']}@{entity['key']}"
    return str(payload.get("instanceId") or (entity or {}).get("key") or "?")


def _of(instances: dict[str, Json], name: str) -> Json:
    return instances.setdefault(name, {"row": None, "history": [], "episodes": []})


def _without_key(walk: Callable[[Any], Any], row: Json) -> Json:
    return {column: walk(cell) for column, cell in row.items() if column != "PartitionKey"}


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
