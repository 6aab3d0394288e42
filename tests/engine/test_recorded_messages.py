"""Every queue message that an orchestration's episode sent, and every change of its row, where storage was recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable_engine.model.checkpoint import Message
from durable_engine.model.event_json import event_to_json
from durable_engine.model.events import TimerFired
from engine.episode_runs import checkpoint_of
from engine.recorded_storage import SentMessage, row_changes, scenarios_with_storage, sent_messages
from engine.recordings import Invocation, RecordedInstance, episode_of, instances
from engine.tokens import differences, with_tokens, without_stacks

Json = dict[str, Any]

LARGEST_IN_A_QUEUE = 45 * 1024


def instances_with_storage() -> list[RecordedInstance]:
    """The instances of which every storage request was recorded."""
    names = scenarios_with_storage()
    return [
        one
        for one in instances()
        if one.scenario in names and not is_unnamed_child(one) and was_cut_alike(one.scenario, one.instance_id, one)
    ]


def was_cut_alike(scenario: str, instance_id: str, instance: RecordedInstance) -> bool:
    """Whether storage and payloads, which are of two runs, had the instance's messages in equally many episodes."""
    return len(row_changes(scenario, instance_id)) == len(instance.episodes)


def is_unnamed_child(instance: RecordedInstance) -> bool:
    """Whether it is a sub-orchestration without an id of its own: the recorder kept only what names its parent."""
    return instance.instance_id.startswith("<guid>:")


def with_storage() -> list[Invocation]:
    """The invocations that end an episode of which the storage requests were recorded."""
    return [episode.invocations[-1] for one in instances_with_storage() for episode in one.episodes]


WITH_STORAGE = pytest.mark.parametrize("invocation", with_storage(), ids=lambda invocation: invocation.id)


def as_recorded(message: Message) -> Json:
    """Our message in the form of the recorded ones."""
    event = event_to_json(message.event)
    target = {"InstanceId": message.target.instance_id, "ExecutionId": message.target.execution_id}
    return {"event": event, "target": target}


def as_seen(message: SentMessage) -> Json:
    """A recorded message without what the host adds."""
    return {"event": dict(message.event or {}), "target": dict(message.target or {})}


def in_order(messages: list[Json]) -> list[Json]:
    """The messages of one episode travel in parallel: in order of what they are."""
    return sorted(messages, key=str)


@WITH_STORAGE
def test_episode_sends_the_messages_that_were_recorded(
    invocation: Invocation, record_property: Callable[[str, object], None]
) -> None:
    instance, _, place = episode_of(invocation)
    before = sum(len(checkpoint_of(instance, earlier).messages) for earlier in range(place))

    checkpoint = checkpoint_of(instance, place)

    recorded = sent_messages(instance.scenario, instance.instance_id)
    if place + 1 == len(instance.episodes):
        assert len(recorded) == before + len(checkpoint.messages), "the instance sent more than was recorded, or less"
    recorded = recorded[before : before + len(checkpoint.messages)]
    inline = [message for message in recorded if message.event is not None]
    ours = list(checkpoint.messages)
    for large in (message for message in recorded if message.event is None):
        mine = next(one for one in ours if f"{one.event.kind}Event" == large.kind)
        assert len(str(event_to_json(mine.event))) > LARGEST_IN_A_QUEUE
        ours.remove(mine)
    assert not differences(
        without_stacks(in_order([as_seen(message) for message in inline])),
        without_stacks(in_order(with_tokens([as_recorded(message) for message in ours]))),
    )
    assert {message.episode for message in inline} <= {checkpoint.episode}
    for _ in recorded:
        record_property("checked", "messages")


@WITH_STORAGE
def test_only_timers_are_sent_for_later(invocation: Invocation) -> None:
    instance, _, place = episode_of(invocation)

    checkpoint = checkpoint_of(instance, place)

    for message in checkpoint.messages:
        assert message.deliver_at == (message.event.fire_at if isinstance(message.event, TimerFired) else None)


def test_recorded_messages_that_wait_are_timers() -> None:
    waiting = [
        message.kind
        for one in instances_with_storage()
        for message in sent_messages(one.scenario, one.instance_id)
        if message.visible_after is not None
    ]

    assert set(waiting) == {"TimerFiredEvent"}


@WITH_STORAGE
def test_episode_changes_the_row_as_was_recorded(
    invocation: Invocation, record_property: Callable[[str, object], None]
) -> None:
    instance, _, place = episode_of(invocation)

    update = checkpoint_of(instance, place).update

    changes = row_changes(instance.scenario, instance.instance_id)
    assert len(changes) == len(instance.episodes)
    recorded = changes[place]
    ours: Json = {
        "CustomStatus": "null" if update.custom_status is None else update.custom_status,
        "ExecutionId": update.execution_id,
    }
    if update.started is not None:
        started = update.started
        ours |= {"Name": started.name, "Version": started.version, "Generation": started.generation}
        ours |= {"Input": started.input}
    if update.runtime_status is not None:
        ours["RuntimeStatus"] = update.runtime_status
        if update.started is None:
            ours["Output"] = update.output
    compared = {name: recorded[name] for name in ours if name in recorded}
    assert ("Name" in recorded) == (update.started is not None)
    assert ("RuntimeStatus" in recorded) == (update.runtime_status is not None)
    assert ("CompletedTime" in recorded) == update.is_completed
    if str(compared.get("Output")).startswith("<storage>/"):
        compared["Output"] = ours["Output"] = None
    assert not differences(without_stacks(compared), without_stacks(with_tokens(ours)))
    record_property("checked", "row changes")


CHILDREN = [one for one in instances() if one.scenario in scenarios_with_storage() and is_unnamed_child(one)]


@pytest.mark.parametrize("child", CHILDREN, ids=lambda child: child.invocations[-1].id)
def test_child_reports_to_its_parent_as_was_recorded(
    child: RecordedInstance, record_property: Callable[[str, object], None]
) -> None:
    recorded = sent_messages(child.scenario, child.instance_id)

    checkpoint = checkpoint_of(child, len(child.episodes) - 1)

    # The parent of the scenario ``terminate`` had ended before; the report was sent all the same.
    reports = [message for message in checkpoint.messages if message.target.instance_id != child.instance_id]
    ours = with_tokens([as_recorded(message) for message in reports])
    assert not differences([as_seen(message) for message in recorded], ours)
    assert [message.episode for message in recorded] == [checkpoint.episode]
    record_property("checked", "messages")


def test_no_recorded_message_or_row_change_is_left_out() -> None:
    recorded = [message for one in instances_with_storage() for message in sent_messages(one.scenario, one.instance_id)]

    assert len(scenarios_with_storage()) == 17
    assert len(with_storage()) == 58
    assert len(recorded) == 46
    assert len(CHILDREN) == 6
