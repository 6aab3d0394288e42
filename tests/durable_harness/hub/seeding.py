"""Entities carried from one hub to the next, so that what a test has prepared is there in every schedule."""

from __future__ import annotations

from copy import copy

from durable_harness.core.errors import NotPossibleError
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub

__all__ = ["carry_entities", "prepared_entities"]


def prepared_entities(hub: TaskHub) -> list[HubInstance]:
    """The entities of a hub, which nobody may be at work on.

    Raises:
        NotPossibleError: An orchestration or a signal is still on its way.
    """
    running = [one.instance_id for one in hub.instances.values() if not (one.is_entity or one.is_completed)]
    if running:
        raise NotPossibleError(
            f"Every schedule begins anew, without {', '.join(map(repr, running))}, which has not ended: end it first, "
            "or explore in a harness of its own (harness_for(app))."
        )
    entities = [one for one in hub.instances.values() if one.is_entity]
    late = [one for one in entities if any(each.target.instance_id == one.instance_id for each in hub.arrivals)]
    if late:
        raise NotPossibleError(
            f"A signal is on its way to {late[0].instance_id!r} and has not arrived: it would be lost in every "
            "schedule. Let it arrive first, or explore in a harness of its own (harness_for(app))."
        )
    return entities


def carry_entities(entities: list[HubInstance], hub: TaskHub) -> None:
    """Give a hub copies of these entities, as they stand."""
    for entity in entities:
        carried = copy(entity)
        carried.history, carried.inbox, carried.episodes = list(entity.history), [], list(entity.episodes)
        carried.statuses, carried.notices = list(entity.statuses), dict(entity.notices)
        hub.adopt(carried)
