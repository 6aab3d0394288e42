"""What an orchestration asks for, in words, and where two lists of such words part.

Invariant: two actions that differ in more than what one leaves empty are told differently.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from durable_engine import split_entity_id
from durable_harness.worker.sdk_types import ActionType

__all__ = ["action_words", "where_they_part"]

_WORDS = {
    ActionType.CALL_ACTIVITY: "call_activity {functionName}({input})",
    ActionType.CALL_ACTIVITY_WITH_RETRY: "call_activity_with_retry {functionName}({input})",
    ActionType.CALL_SUB_ORCHESTRATOR: "call_sub_orchestrator {functionName}({input})",
    ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY: "call_sub_orchestrator_with_retry {functionName}({input})",
    ActionType.CONTINUE_AS_NEW: "continue_as_new({input})",
    ActionType.CREATE_TIMER: "create_timer due at {fireAt}",
    ActionType.WAIT_FOR_EXTERNAL_EVENT: "wait_for_external_event {externalEventName}",
    ActionType.CALL_ENTITY: "call_entity {instanceId} {operation}({input})",
    ActionType.SIGNAL_ENTITY: "signal_entity {instanceId} {operation}({input})",
    ActionType.CALL_HTTP: "call_http {httpRequest}",
    ActionType.WHEN_ANY: "task_any",
    ActionType.WHEN_ALL: "task_all",
}


def action_words(action: Mapping[str, Any]) -> str:
    """An action of the SDK, as user code would say it; what is not said so follows as JSON."""
    kind = action.get("actionType")
    words = _WORDS.get(kind) if isinstance(kind, int) else None
    if words is None or any(f"{{{name}}}" in words and name not in action for name in _NAMES):
        return json.dumps(action)
    told = {name: _told(name, value) for name, value in action.items()}
    rest = {name: value for name, value in action.items() if f"{{{name}}}" not in words and _matters(name, value)}
    parts = rest.pop("compoundActions", None)
    text = words.format_map(told)
    if parts is not None:
        text += f"([{', '.join(map(action_words, parts))}])"
    return f"{text} {json.dumps(rest)}" if rest else text


def where_they_part(before: Sequence[str], after: Sequence[str], *, names: tuple[str, str]) -> str:
    """The lines in which two lists differ, each with the name of its list; what is the same is counted."""
    width = max(map(len, names)) + 1
    found = []
    for tag, start, end, other_start, other_end in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if tag == "equal":
            found.append(f"  ({end - start} the same)")
        else:
            found += [f"  {names[0] + ':':<{width}} {line}" for line in before[start:end]]
            found += [f"  {names[1] + ':':<{width}} {line}" for line in after[other_start:other_end]]
    return "\n".join(found)


_NAMES = ("functionName", "input", "fireAt", "externalEventName", "instanceId", "operation", "httpRequest")


def _told(name: str, value: Any) -> str:
    if name == "instanceId" and str(value).startswith("@"):
        return "/".join(split_entity_id(value))
    if name == "input" and value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _matters(name: str, value: Any) -> bool:
    return name != "actionType" and value not in (None, False, "")
