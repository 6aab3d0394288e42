"""Finds the action that the SDK is already past though the host has yet to start it: their ids no longer agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from durable_engine.wire.sdk_surface import ActionType

__all__ = ["overtaken_action"]

Action = Mapping[str, Any]

_NEEDS_THE_HOST: Final = frozenset(
    {
        ActionType.CALL_ACTIVITY,
        ActionType.CALL_ACTIVITY_WITH_RETRY,
        ActionType.CALL_SUB_ORCHESTRATOR,
        ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY,
        ActionType.CREATE_TIMER,
        ActionType.CALL_ENTITY,
        ActionType.CALL_HTTP,
    }
)
"""Actions that complete only after the host has asked for them."""


def overtaken_action(actions: Sequence[Action], awaited: int, *, is_over: bool) -> Action | None:
    """The first action after the awaited one that the SDK must hold for complete, though the host has yet to start it.

    User code waits for one action at a time, so what stands behind an action, or the end, was reached only after it.
    """
    for index in range(awaited + 1, len(actions)):
        if index + 1 == len(actions) and not is_over:
            return None
        action = _single(actions[index])
        if action["actionType"] in _NEEDS_THE_HOST and not action.get("isCanceled"):
            return action
    return None


def _single(action: Action) -> Action:
    """The action itself, out of the wrapping in which a yielded retry comes."""
    while action["actionType"] == ActionType.WHEN_ALL and len(action["compoundActions"]) == 1:
        action = action["compoundActions"][0]
    return action
