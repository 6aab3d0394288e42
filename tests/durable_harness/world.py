"""The world of one schedule: answers with a state, and entities that exist already, made anew for every schedule.

What a test's ``world`` function is given to set up.
Invariant: nothing of a world is left when the next schedule begins.
"""

from __future__ import annotations

from durable_harness.app.answering import Answering
from durable_harness.core.findings import Findings
from durable_harness.entity_handle import EntityHandle
from durable_harness.hub.task_hub import TaskHub

__all__ = ["World"]


class World(Answering):
    """A hub before its orchestration begins. What the harness has answered is answered here too, unless said anew."""

    def __init__(self, hub: TaskHub) -> None:
        super().__init__(hub.app, hub.answers)
        self._hub = hub
        hub.answers.may_remember = True

    def entity(self, name: str, key: str) -> EntityHandle:
        """One entity of the app: signal or call it, so that it has a state when the orchestration begins."""
        return EntityHandle(self._hub, name, key, Findings(raises=False))
