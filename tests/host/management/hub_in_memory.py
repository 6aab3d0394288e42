"""The management API on a task hub that lives in memory, called as the server calls it.

What instances do is tested end to end elsewhere.
Invariant: what the API sends to the task hub is kept, so that it can be looked at as well as what the API answers.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from durable_engine import (
    HistoryEvent,
    ticks_from_text,
)
from durable_host.http.management.api import ManagementApi
from durable_host.http.messages import Answer, Request
from durable_host.task_hub.tables.instance_rows import InstancePage, InstanceQuery, InstanceRow

SCENARIOS = Path(__file__).parents[3] / "fixtures" / "recordings" / "scenarios"
ORIGIN = "http://localhost:7071"
NOON = ticks_from_text("2026-01-01T12:00:00.1234567Z")
ROW = InstanceRow(
    instance_id="i1",
    execution_id="e1",
    name="chain",
    version=None,
    input=None,
    output=None,
    custom_status=None,
    runtime_status="Running",
    created_at=NOON,
    last_updated_at=NOON,
    completed_at=None,
    generation=0,
    scheduled_start_at=None,
    tags=None,
    parent_instance_id=None,
    etag="etag",
)


@dataclass
class Hub:
    """A task hub that keeps rows and what was asked of it."""

    rows: dict[str, InstanceRow] = field(default_factory=dict)
    histories: dict[str, tuple[HistoryEvent, ...]] = field(default_factory=dict)
    started: list[dict[str, Any]] = field(default_factory=list)
    sent: list[tuple[str, HistoryEvent]] = field(default_factory=list)
    rewound: list[tuple[str, str | None]] = field(default_factory=list)
    purged: list[str | InstanceQuery] = field(default_factory=list)
    queries: list[tuple[InstanceQuery, int, str | None]] = field(default_factory=list)
    page_end: str | None = None
    looks: int = 0
    """How often somebody looked at an instance."""
    status_after_start: str = "Pending"
    fails: bool = False

    async def start(self, name: str, *, instance_id: str, input: str | None, **rest: object) -> None:
        self.started.append({"name": name, "instance_id": instance_id, "input": input, **rest})
        self.rows[instance_id] = replace(
            ROW, instance_id=instance_id, name=name, input=input, runtime_status=self.status_after_start
        )

    async def get_instance(self, instance_id: str) -> InstanceRow | None:
        if self.fails:
            raise OSError("storage is away")
        self.looks += 1
        return self.rows.get(instance_id)

    async def get_history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        return self.histories.get(instance_id, ())

    async def list_instances(self, query: InstanceQuery, *, top: int, continuation: str | None) -> InstancePage:
        self.queries.append((query, top, continuation))
        return InstancePage(rows=tuple(self.rows.values()), continuation=self.page_end)

    async def send_to_instance(self, instance_id: str, event: HistoryEvent) -> None:
        self.sent.append((instance_id, event))

    async def rewind(self, instance_id: str, reason: str | None, now: int) -> None:
        self.rewound.append((instance_id, reason))

    async def purge(self, instance_id: str) -> None:
        self.purged.append(instance_id)

    async def purge_where(self, query: InstanceQuery) -> int:
        self.purged.append(query)
        return len(self.rows)


@dataclass
class Api:
    """The API as a caller sees it."""

    hub: Hub
    management: ManagementApi

    def call(
        self, method: str, target: str, body: bytes = b"", *, kind: str = "application/json", **headers: str
    ) -> Answer:
        path, _, query = target.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            sent |= {"content-type": kind, "content-length": str(len(body))}
        base = "/runtime/webhooks/durabletask"
        request = Request(
            method=method, origin=ORIGIN, path=f"{base}/{path}", query_text=query, headers=sent, body=body
        )
        return asyncio.run(self.management.answer(request, f"/{path}"))


def json_of(answer: Answer) -> Any:  # whatever the body says
    """Return what a JSON answer says."""
    assert dict(answer.headers)["Content-Type"] == "application/json; charset=utf-8"
    return json.loads(answer.body)


def is_empty(answer: Answer, status: int) -> bool:
    """Return whether an answer has this status and nothing else."""
    return answer == Answer(status=status)


def exchanges(scenario: str) -> list[dict[str, Any]]:
    """Return the HTTP exchanges of a recorded scenario, in order."""
    exchanges: list[dict[str, Any]] = json.loads((SCENARIOS / f"{scenario}.json").read_text(encoding="utf-8"))["http"]
    return exchanges
