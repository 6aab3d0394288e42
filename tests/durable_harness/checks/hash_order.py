"""Does an orchestrator do something else in another process, because a set or a hash has another order there?"""

from __future__ import annotations

import json
from typing import Any

from durable_engine import last_episode, orchestrator_payload
from durable_harness.app.functions import AppFunctions
from durable_harness.checks.action_words import action_words, where_they_part
from durable_harness.checks.other_interpreters import NotRunThereError, answers_elsewhere, may_depend_on_hashes
from durable_harness.hub.instance import HubInstance

__all__ = ["differs_elsewhere"]

_ADVICE = (
    "The order of a set of strings, and hash() of a text, are others in every process. Say sorted(...) before you go "
    "through a set, or keep a list or a dict, whose order is that of insertion."
)


_TOLD = ("output", "error", "customStatus")
"""What of an answer differs besides its actions."""


def differs_elsewhere(app: AppFunctions, instance: HubInstance) -> tuple[str, str] | None:
    """Kind and text of what is to be said about this; None if the interpreters agree, or nothing can differ."""
    if instance.is_entity or instance.started is None or not app.known.has_orchestrator(instance.name):
        return None
    orchestrator = app.orchestrator(instance.name)
    if not instance.history or not may_depend_on_hashes(orchestrator.function):
        return None
    payload = orchestrator_payload(last_episode(instance.history).seen, instance.started)
    try:
        answers = answers_elsewhere(orchestrator.function, orchestrator.input_type, payload)
    except NotRunThereError as error:
        return "unchecked", f"{instance.name!r} uses a set, and was not run under another hash seed: {error}."
    other = next((answer for answer in answers if answer != answers[0]), None)
    if other is None:
        return None
    diff = where_they_part(_lines(answers[0]), _lines(other), names=("in one process", "in another"))
    return "determinism", (
        f"{instance.instance_id!r} ({instance.name}): the same history gives something else in another process.\n{diff}"
        f"\n{_ADVICE}"
    )


def _lines(answer: str) -> list[str]:
    """The actions of an answer, one a line."""
    try:
        state: dict[str, Any] = json.loads(answer)
    except ValueError:
        return answer.splitlines()
    actions = [action_words(action) for group in state.pop("actions", []) for action in group]
    return [*actions, *(f"{name}: {json.dumps(value)}" for name, value in state.items() if name in _TOLD)]
