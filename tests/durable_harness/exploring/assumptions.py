"""What pruning takes to be so until a schedule shows otherwise; then the search begins anew with what it has learned.

Instances do not see each other but by messages, episodes are not seen, nobody looks back at a failed ``task_all``.
Invariant: what is learned only grows. Pruning keeps one schedule for each that is equal to it as long as these hold, so
that the first step of any schedule that breaks one of them is also met in a schedule that was kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from durable_harness.hub.task_hub import TaskHub

__all__ = ["Assumptions"]


@dataclass(slots=True)
class Assumptions:
    """What was learned of an app so far. Orchestrators are named, instances are told by their ids."""

    sees_episodes: set[str] = field(default_factory=set)
    """Orchestrators that can tell where an episode ends."""
    sees_time: set[str] = field(default_factory=set)
    """Orchestrators that read the time or wait for a time."""
    looks_back: set[str] = field(default_factory=set)
    """Orchestrators that look at the tasks of a ``task_all`` that has failed."""
    senders: dict[str, set[str]] = field(default_factory=dict)
    """For each entity, the instances that send it anything."""
    parents: dict[str, str] = field(default_factory=dict)
    """For each sub-orchestration, the instance that starts it."""
    shared: set[str] = field(default_factory=set)
    """What instances have in common besides messages, in words; as long as there is any, none is independent."""

    def learn(self, hub: TaskHub) -> bool:
        """Learn from a schedule; whether there was anything new."""
        before = self._size
        for instance in hub.instances.values():
            replayer = instance.replayer
            if replayer.shows_boundaries:
                self.sees_episodes.add(instance.name)
            # The first episode of what the test itself starts is always at the same time.
            is_child = instance.started is not None and instance.started.parent is not None
            if (
                replayer.shows_boundaries
                or (is_child and replayer.reads_time)
                or instance.instance_id in hub.facts.timed
            ):
                self.sees_time.add(instance.name)
            if replayer.looks_back:
                self.looks_back.add(instance.name)
        for entity, senders in hub.facts.senders.items():
            self.senders.setdefault(entity, set()).update(senders)
        self.parents |= hub.facts.parents
        self.shared |= hub.facts.shared
        if hub.answers.entities_share:
            self.shared.add("the answers of entities")
        return self._size != before

    @property
    def _size(self) -> int:
        kinds = (self.sees_episodes, self.sees_time, self.looks_back, self.parents, self.shared)
        return sum(map(len, kinds)) + sum(map(len, self.senders.values()))
