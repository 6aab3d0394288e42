"""Who looks at what happens in a hub: the seam through which the checks of the rooms above are told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from durable_engine import Checkpoint
from durable_harness.hub.instance import HubInstance

__all__ = ["Inspector", "NoInspection"]


class Inspector(Protocol):
    """Looks at what has happened."""

    def after_episode(self, instance: HubInstance, checkpoint: Checkpoint) -> None:
        """Look at an episode whose checkpoint has been applied."""

    def at_end(self, instance: HubInstance, *, prefixes: int) -> None:
        """Look at an execution as it stands at the end of a run."""

    def causes(self, instance: HubInstance) -> Sequence[str]:
        """What may be why an instance is stuck, of what was found about it."""


class NoInspection:
    """Looks at nothing."""

    def after_episode(self, instance: HubInstance, checkpoint: Checkpoint) -> None:
        """Look at nothing."""

    def at_end(self, instance: HubInstance, *, prefixes: int) -> None:
        """Look at nothing."""

    def causes(self, instance: HubInstance) -> Sequence[str]:
        """Know nothing."""
        return ()
