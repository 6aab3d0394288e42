"""The world of one schedule: answers with a state, and entities that exist already, made anew for every schedule.

What a test's ``world`` function is given to set up.
Invariant: nothing of a world is left when the next schedule begins.
"""

from __future__ import annotations

from datetime import timedelta

from durable_harness.core.findings import Findings
from durable_harness.entity_handle import EntityHandle
from durable_harness.hub.task_hub import TaskHub

__all__ = ["World"]


class World:
    """A hub before its orchestration begins. What the harness has answered is answered here too, unless said anew."""

    def __init__(self, hub: TaskHub) -> None:
        self._hub = hub
        hub.answers.may_remember = True

    def answer(self, name: str, what: object, *, after: timedelta | float | None = None) -> None:
        """Answer calls of an activity or sub-orchestration, see ``Harness.answer``; a function may remember calls."""
        self._hub.app.check_answerable(name)
        self._hub.answers.add("function", name, what, after)

    def answer_http(self, method: str, url: str, what: object, *, after: timedelta | float | None = None) -> None:
        """Answer ``call_http``, see ``Harness.answer_http``."""
        self._hub.answers.add("http", f"{method} {url}", what, after)

    def answer_entity(self, name: str, operation: str, what: object) -> None:
        """Answer an operation of an entity, see ``Harness.answer_entity``."""
        self._hub.app.check_entity(name)
        self._hub.answers.add("entity", f"{name.lower()}.{operation}", what, None)

    def use_app_activities(self) -> None:
        """Run the app's own activity wherever no answer was given."""
        self._hub.answers.use_app = True

    def entity(self, name: str, key: str) -> EntityHandle:
        """One entity of the app: signal or call it, so that it has a state when the orchestration begins."""
        self._hub.app.check_entity(name)
        return EntityHandle(self._hub, name, key, Findings(raises=False))
