"""What the host cannot read of an answer that is JSON: then it takes none of it, and the invocation has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from durable_engine.model.ticks import ticks_from_text
from durable_engine.orchestration.retries import RetryPolicy

__all__ = ["refusal_of"]

Action = Mapping[str, Any]


def refusal_of(actions: Sequence[Action], *, first: int = 0, path: str = "actions[0]") -> str | None:
    """The host's text for the first action that it cannot read, from place ``first`` on; None where it reads all."""
    for index in range(first, len(actions)):
        action = actions[index]
        children = action.get("compoundActions")
        if children is not None:
            text = refusal_of(children, path=f"{path}[{index}].compoundActions")
        else:
            text = _refusal_of_one(action, f"{path}[{index}]")
        if text is not None:
            return text
    return None


def _refusal_of_one(action: Action, path: str) -> str | None:
    if "fireAt" in action:
        try:
            ticks_from_text(action["fireAt"])
        except (TypeError, ValueError):
            return f"Could not convert string to DateTime: {action['fireAt']}. Path '{path}.fireAt'."
    if "retryOptions" in action:
        try:
            RetryPolicy.of(action["retryOptions"])
        except ValueError as error:
            return str(error)
    return None
