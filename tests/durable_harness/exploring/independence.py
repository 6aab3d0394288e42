"""Between instances: which arrivals may be taken before all others, because nobody else can tell their receivers apart.

The other sound half of pruning, beside ``partial_order``. Instances tell each other things by messages only: a
sub-orchestration its parent that it has ended, an entity whoever asked it, an orchestration the entities that it sends
to. A group of instances that nobody outside of it can tell anything, before it acts itself, may act first: whatever the
others do meanwhile, they can do later too.
Invariant: a group holds with each instance all that may tell it anything, by what ``assumptions`` know of time, senders
and answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from durable_engine import EventRaised, ExecutionStarted
from durable_harness.exploring.assumptions import Assumptions
from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub

__all__ = ["independent_arrivals"]


def independent_arrivals(hub: TaskHub, enabled: Sequence[Arrival], learned: Assumptions) -> list[int]:
    """The places of the arrivals that need to be tried: those of the smallest group, all where there is none."""
    everything = list(range(len(enabled)))
    if learned.shared:
        return everything
    at: dict[str, list[int]] = {}
    for place, arrival in enumerate(enabled):
        at.setdefault(arrival.target.instance_id, []).append(place)
    if (awaited := _awaited_by_an_entity(hub, enabled, at)) and not learned.sees_time:
        return awaited
    groups = _Groups(hub, learned, at.keys())
    best = everything
    for seed in at if len(at) > 1 else ():
        group = groups.of(seed)
        found = best if group is None else sorted(place for one in group for place in at.get(one, ()))
        if len(found) < len(best):
            best = found
        if len(best) == 1:
            break
    return best


class _Groups:
    """Groups of instances in one state of a hub."""

    def __init__(self, hub: TaskHub, learned: Assumptions, receivers: Iterable[str]) -> None:
        self._hub, self._learned, self._receivers = hub, learned, set(receivers)
        self._children: dict[str, list[str]] = {}
        for one in hub.instances.values():
            if one.started is not None and one.started.parent is not None and not one.is_completed:
                self._children.setdefault(one.started.parent.instance.instance_id, []).append(one.instance_id)
        for arrival in hub.arrivals:
            event = arrival.event
            if isinstance(event, ExecutionStarted) and event.parent is not None:
                self._children.setdefault(event.parent.instance.instance_id, []).append(arrival.target.instance_id)

    def of(self, seed: str) -> set[str] | None:
        """The smallest group with this instance, None where that is everything."""
        group, to_do = {seed}, [seed]
        while to_do:
            tellers = self._tellers(to_do.pop())
            if tellers is None:
                return None
            to_do += tellers - group
            group |= tellers
        return group

    def _tellers(self, instance_id: str) -> set[str] | None:
        """Who may tell this instance anything before it acts itself; None where it may be anybody."""
        instance = self._hub.instances.get(instance_id)
        if instance_id in self._learned.sees_time:  # an entity, to which something is sent that is due at a time
            return None
        if instance_id.startswith("@"):
            senders = self._learned.senders.get(instance_id, set())
            return {one for one in senders if not self._is_completed(one)}
        if instance is None:
            if instance_id in self._receivers:  # its start is on its way
                name = self._name_of_start(instance_id)
                return None if name is None or name in self._learned.sees_time else set()
            parent = self._learned.parents.get(instance_id)
            return None if parent is None else {parent}
        if instance.is_completed:
            return set()
        if instance.name in self._learned.sees_time:
            return None
        return {*self._children.get(instance_id, ()), *_asked(instance)}

    def _is_completed(self, instance_id: str) -> bool:
        instance = self._hub.instances.get(instance_id)
        return instance is not None and instance.is_completed

    def _name_of_start(self, instance_id: str) -> str | None:
        for arrival in self._hub.arrivals:
            if isinstance(arrival.event, ExecutionStarted) and arrival.target.instance_id == instance_id:
                return arrival.event.name
        return None


def _asked(instance: HubInstance) -> set[str]:
    """The entities that have yet to answer an orchestration."""
    replay = instance.replayer.replay_now
    if replay is None:
        return set(instance.asked_entities.values())
    waits = {name for name, count, _ in replay.event_waits if count}
    return {entity for request, entity in instance.asked_entities.items() if request.upper() in waits}


def _awaited_by_an_entity(hub: TaskHub, enabled: Sequence[Arrival], at: Mapping[str, list[int]]) -> list[int]:
    """The places of what an entity waits for, to whom an operation has come before one that was sent earlier.

    The entity keeps it aside until then and tells nobody, so that it may as well have come right before.
    """
    for entity_id, places in at.items():
        entity = hub.instances.get(entity_id)
        if entity is None or not entity.is_entity or entity.inbox or len(places) < 2:
            continue
        received = entity.scheduler.sorter.received
        waiting = {sender for sender, known in received.items() if known.buffered}
        awaited = [place for place in places if _sender_of(enabled[place]) in waiting]
        if awaited:
            return awaited
    return []


def _sender_of(arrival: Arrival) -> object:
    event = arrival.event
    return json.loads(event.input).get("parent") if isinstance(event, EventRaised) and event.input else None
