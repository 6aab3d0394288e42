"""What the instances of one task hub have in common, noted as it happens: messages, time, ids and answers.

Exploration takes instances to be independent as long as nothing here says otherwise.
Invariant: a set only grows, and equal schedules note equal things.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

__all__ = ["HubFacts"]


@dataclass(slots=True)
class HubFacts:
    """The common ground of the instances of one hub."""

    timed: set[str] = field(default_factory=set)
    """Instances to which something was sent that is due at a time: a timer, a delayed answer, a delayed event."""
    senders: dict[str, set[str]] = field(default_factory=dict)
    """For each entity, the instances that have sent it anything."""
    parents: dict[str, str] = field(default_factory=dict)
    """For each sub-orchestration, the instance that has started it."""
    reused: set[str] = field(default_factory=set)
    """Ids under which a second orchestration was started."""
    consumers: dict[Hashable, set[str]] = field(default_factory=dict)
    """For each answer that remembers earlier calls, the instances whose calls it has answered."""
    answered: list[str] = field(default_factory=list)
    """The calls of answers that are functions, in the order in which they were run."""

    @property
    def shared(self) -> set[str]:
        """What two instances have in common besides messages, in words."""
        found = {f"the id {one!r}" for one in self.reused}
        return found | {str(answer) for answer, instances in self.consumers.items() if len(instances) > 1}

    def note_message(self, sender: str | None, target: str) -> None:
        """Note who tells an entity something."""
        if sender is not None and target.startswith("@"):
            self.senders.setdefault(target, set()).add(sender)

    def note_answer(self, shares: str | None, instance_id: str, call: str) -> None:
        """Note that an answer was run for a call; ``shares`` says what it has in common with other calls."""
        self.answered.append(call)
        if shares is not None:
            self.consumers.setdefault(shares, set()).add(instance_id)
