"""What the engine makes of every recorded answer: the history and the instance's row that the real host wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable_engine.model.events import ExecutionStarted
from durable_engine.model.ticks import TICKS_PER_MICROSECOND
from engine.episode_runs import checkpoint_of, written_events
from engine.recorded_rows import IN_A_BLOB, event_of_row, value_of
from engine.recordings import Invocation, RecordedInstance, episode_of, instances, invocations
from engine.tokens import differences, with_tokens, without_stacks

Json = dict[str, Any]

GENERIC = 17
LARGEST_IN_A_ROW = 30_720


def events_after(instance: RecordedInstance, place: int) -> list[Json] | None:
    """The history that the episode at this place left behind, None where nothing of it survives."""
    episodes = instance.episodes
    if place + 1 < len(episodes):
        following = episodes[place + 1].invocations[0]
        if following.is_first_of_execution:
            return None
        history: list[Json] = following.recorded_payload["history"]
        begin = max(index for index, event in enumerate(history) if event["EventType"] == 12)
        return history[:begin]
    if instance.row is None or not instance.has_whole_history:
        return None
    return [event_of_row(row) for row in instance.rows]


def with_events() -> list[Invocation]:
    """The invocations that end an episode of which the history survives."""
    return [
        episode.invocations[-1]
        for instance in instances()
        for place, episode in enumerate(instance.episodes)
        if events_after(instance, place) is not None
    ]


def seen_alike(recorded: Json, ours: Json) -> tuple[Json, Json]:
    """Both events, without what a later rewind struck out and what the row keeps in a blob."""
    if recorded["EventType"] == GENERIC and recorded["Data"] is None:
        common = ("EventId", "IsPlayed", "Timestamp")
        return {name: recorded[name] for name in common}, with_tokens({name: ours[name] for name in common})
    for name, value in recorded.items():
        if value == IN_A_BLOB:
            assert len(ours[name]) > LARGEST_IN_A_ROW
            ours = {**ours, name: IN_A_BLOB}
    return without_stacks(recorded), without_stacks(with_tokens(ours))


@pytest.mark.parametrize("invocation", with_events(), ids=lambda invocation: invocation.id)
def test_episode_writes_the_events_that_were_recorded(
    invocation: Invocation, record_property: Callable[[str, object], None]
) -> None:
    instance, episode, place = episode_of(invocation)
    recorded = events_after(instance, place)
    assert recorded is not None

    checkpoint = checkpoint_of(instance, place)

    assert checkpoint.replaces_history == (len(episode.invocations) > 1)
    new = recorded if checkpoint.replaces_history else recorded[len(episode.past) :]
    ours = written_events(checkpoint.events)
    assert len(ours) == len(new), f"recorded {[event['EventType'] for event in new]}, ours {ours}"
    pairs = [seen_alike(event, mine) for event, mine in zip(new, ours, strict=True)]
    assert not differences([event for event, _ in pairs], [mine for _, mine in pairs])
    record_property("checked", "histories written")


@pytest.mark.parametrize("invocation", invocations(), ids=lambda invocation: invocation.id)
def test_events_decided_in_an_episode_are_each_later_than_the_one_before(invocation: Invocation) -> None:
    instance, episode, place = episode_of(invocation)

    checkpoint = checkpoint_of(instance, place)

    own = [event for event in checkpoint.events if event.event_id >= 0 or event.event_type in (12, 13)]
    decided = [event.timestamp for event in own if not event.is_played and event.event_type != 12]
    assert own[0].timestamp == episode.now + (len(episode.invocations) - 1) * TICKS_PER_MICROSECOND
    assert decided == sorted(set(decided))
    assert min(decided) > own[0].timestamp
    assert checkpoint.update.last_updated_at == own[-1].timestamp
    assert checkpoint.episode == len([event for event in episode.past if event.event_type == 12]) + 1


def last_execution(instance: RecordedInstance) -> range:
    """The places of the episodes since the instance was last started."""
    episodes = instance.episodes
    first = max(place for place, episode in enumerate(episodes) if episode.invocations[0].is_first_of_execution)
    return range(first, len(episodes))


def row_of(instance: RecordedInstance) -> Json:
    """The row's columns after all our episodes of the instance's last execution."""
    row: Json = {"Output": None}
    for place in last_execution(instance):
        update = checkpoint_of(instance, place).update
        row["ExecutionId"] = update.execution_id
        row["CustomStatus"] = "null" if update.custom_status is None else update.custom_status
        if update.started is not None:
            row |= columns_of_start(update.started)
        if update.runtime_status is not None:
            row["RuntimeStatus"] = update.runtime_status
        if update.output is not None:  # the row is merged, and a merge clears no column
            row["Output"] = update.output
        row["IsCompleted"] = update.is_completed
    return row


def columns_of_start(started: ExecutionStarted) -> Json:
    """What a row has of the start. After continue-as-new there is no generation, and the row keeps its own."""
    columns = {"Name": started.name, "Version": started.version, "Input": started.input}
    return columns if started.generation is None else {**columns, "Generation": str(started.generation)}


@pytest.mark.parametrize(
    "instance",
    [instance for instance in instances() if instance.row is not None],
    ids=lambda instance: instance.invocations[-1].id,
)
def test_instance_ends_with_the_row_that_was_recorded(
    instance: RecordedInstance, record_property: Callable[[str, object], None]
) -> None:
    assert instance.row is not None
    ours = with_tokens(row_of(instance))
    is_completed = ours.pop("IsCompleted")

    recorded = {column: value_of(instance.row, column) for column in ours}

    assert (recorded["RuntimeStatus"] in ("Completed", "Failed", "Terminated")) == is_completed
    assert ("CompletedTime" in instance.row) == is_completed
    if recorded["Output"] == IN_A_BLOB:
        ours["Output"] = IN_A_BLOB
    assert not differences(without_stacks(recorded), without_stacks(ours))
    record_property("checked", "instance rows")


def test_no_recorded_history_or_row_is_left_out() -> None:
    assert len(with_events()) == 240
    assert len([instance for instance in instances() if instance.row is not None]) == 96
