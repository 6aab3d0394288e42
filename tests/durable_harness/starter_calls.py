"""What a starter asks of its durable client, done in memory: start, status, events, operations, entities, purge.

Invariant: statuses and bodies are those of the management API, so that the SDK's client draws its own conclusions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from durable_engine import FINAL_STATUSES, parsed_json, ticks_from_text, ticks_to_text
from durable_harness.core.errors import NotPossibleError

if TYPE_CHECKING:
    from durable_harness.entity_handle import EntityHandle
    from durable_harness.hub.instance import HubInstance
    from durable_harness.hub.task_hub import TaskHub
    from durable_harness.instance import Instance

__all__ = ["StarterCalls"]

_ROOT: Final = "/runtime/webhooks/durabletask/"
_OPERATIONS: Final = ("terminate", "suspend", "resume", "rewind")
_CREATED: Final = ("createdTimeFrom", "createdTimeTo")
Answer = tuple[int, Any]


class StarterCalls:
    """The management API of one harness."""

    def __init__(
        self,
        hub: TaskHub,
        start: Callable[..., Instance],
        instance: Callable[[str], Instance],
        entity: Callable[[str, str], EntityHandle],
    ) -> None:
        self._hub, self._start, self._instance, self._entity = hub, start, instance, entity

    def respond(self, method: str, url: str, body: Any) -> Answer:
        """Answer one request of the SDK's client."""
        split = urlsplit(url)
        parts = [unquote(part) for part in split.path.removeprefix(_ROOT).rstrip("/").split("/")]
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        match method, parts:
            case "POST", ["orchestrators", name, *ids]:
                return self._start_new(name, ids[0] if ids else None, body, query.get("version"))
            case "GET", ["instances"]:
                return 200, [_status(one) for one in self._found(query)]
            case "DELETE", ["instances"]:
                return self._purge([one for one in self._found(query) if one.runtime_status in FINAL_STATUSES])
            case "GET", ["instances", instance_id]:
                return self._get(instance_id)
            case "DELETE", ["instances", instance_id]:
                one = self._hub.instances.get(instance_id)
                return self._purge([one] if one is not None and one.runtime_status in FINAL_STATUSES else [])
            case "POST", ["instances", instance_id, "restart"]:
                return self._restart(instance_id, keeps_id=query.get("restartWithNewInstanceId") == "false")
            case "POST", ["instances", instance_id, "raiseEvent", name]:
                return self._raise(instance_id, name, body)
            case "POST", ["instances", instance_id, operation] if operation in _OPERATIONS:
                return self._operate(instance_id, operation, query.get("reason"))
            case "GET", ["entities", name, key]:
                handle = self._entity(name, key)
                return (200, handle.state) if handle.exists else (404, None)
            case "POST", ["entities", name, key]:
                given = json.loads(body) if body else None
                self._entity(name, key).signal(query.get("op", ""), given)
                return 202, None
        raise NotPossibleError(
            f"The client in memory does not know {method} {split.path}. Run this starter on the host, with the fixture "
            "durable_host."
        )

    def _start_new(self, name: str, instance_id: str | None, body: Any, version: str | None) -> Answer:
        known = self._hub.instances.get(instance_id or "")
        if known is not None and known.runtime_status not in FINAL_STATUSES:
            said = f"An Orchestration instance with the status {known.runtime_status} already exists."
            return 409, {"Message": said}
        started = self._start(name, json.loads(body) if body else None, instance_id=instance_id, version=version)
        return 202, {"id": started.instance_id}

    def _get(self, instance_id: str) -> Answer:
        found = self._hub.instances.get(instance_id)
        if found is None:
            return 404, f"Instance with ID {instance_id} not found."
        return (200 if found.runtime_status in FINAL_STATUSES else 202), _status(found)

    def _raise(self, instance_id: str, name: str, body: Any) -> Answer:
        refused = self._refused(instance_id)
        if refused is None:
            self._instance(instance_id).raise_event(name, json.loads(body) if body else None)
        return refused or (202, None)

    def _operate(self, instance_id: str, operation: str, reason: str | None) -> Answer:
        if operation == "rewind":
            found = self._hub.instances.get(instance_id)
            if found is None or found.runtime_status != "Failed":
                return (404 if found is None else 412), None
        elif (refused := self._refused(instance_id)) is not None:
            return refused
        getattr(self._instance(instance_id), operation)(reason)
        return 202, None

    def _restart(self, instance_id: str, *, keeps_id: bool) -> Answer:
        found = self._hub.instances.get(instance_id)
        if found is None or found.started is None:
            return 404, None
        if keeps_id and found.runtime_status not in FINAL_STATUSES:
            return 409, {"Message": "A non-terminal instance with this instance ID already exists."}
        version, own_id = found.started.version, instance_id if keeps_id else None
        started = self._start(found.name, body=found.started.input, instance_id=own_id, version=version)
        return 202, {"id": started.instance_id}

    def _purge(self, instances: list[HubInstance]) -> Answer:
        for instance in instances:
            del self._hub.instances[instance.instance_id]
        return (200, {"instancesDeleted": len(instances)}) if instances else (404, None)

    def _found(self, query: dict[str, str]) -> list[HubInstance]:
        """The instances that a query means: every condition that it names."""
        statuses = [word for word in query.get("runtimeStatus", "").split(",") if word]
        since, until = (ticks_from_text(query[key]) if key in query else None for key in _CREATED)
        return [
            one
            for one in self._hub.instances.values()
            if not one.is_entity
            and (not statuses or one.runtime_status in statuses)
            and (since is None or one.created_at >= since)
            and (until is None or one.created_at <= until)
            and one.instance_id.startswith(query.get("instanceIdPrefix", ""))
        ]

    def _refused(self, instance_id: str) -> Answer | None:
        found = self._hub.instances.get(instance_id)
        if found is None:
            return 404, None
        return (410, None) if found.runtime_status in FINAL_STATUSES else None


def _status(instance: HubInstance) -> dict[str, Any]:
    return {
        "name": instance.name,
        "instanceId": instance.instance_id,
        "runtimeStatus": instance.runtime_status,
        "input": parsed_json(instance.started.input) if instance.started else None,
        "customStatus": parsed_json(instance.custom_status_text),
        "output": parsed_json(instance.output_text),
        "createdTime": ticks_to_text(instance.created_at),
        "lastUpdatedTime": ticks_to_text(instance.updated_at),
    }
