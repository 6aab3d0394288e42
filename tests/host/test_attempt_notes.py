"""The note of an attempt, and the count of beginnings: as texts, and which messages an attempt is made again on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from durable_engine import EventRaised, Message, OrchestrationInstance
from durable_host.clock import new_guid, now
from durable_host.dispatch.attempts import attempt_on, earlier_attempt, split_by
from durable_host.dispatch.sorting import Batch
from durable_host.task_hub.base.attempt_note import MAX_NOTED, AttemptNote, begun_in, note_of, with_begun
from durable_host.task_hub.queues.messages import CLIENT, MessageData, message_text, read_message
from durable_host.task_hub.tables.history_table import LoadedHistory

TRIED = AttemptNote(at=1, execution_id="e", episode=2, messages=("a", "b"))


def test_count_of_beginnings_is_one_more_member_that_other_hosts_pass_over() -> None:
    message = Message(
        event=EventRaised(timestamp=now(), name="go", input='"\u00e9"'),
        target=OrchestrationInstance(instance_id="i", execution_id=None),
    )
    data = MessageData(activity_id=new_guid(), message=message, sequence_number=1, episode=None, sender=CLIENT)

    text = with_begun(message_text(data), 3) or ""

    assert read_message(text) == data
    assert (begun_in(message_text(data)), begun_in(text)) == (0, 3)
    assert with_begun("a blob's name", 3) is None


@pytest.mark.parametrize("noted", ["5", "[]", '["now","e",1]', '[1,2,3,"a"]', '[1,"e",true]', '[1,"e",2,5]', '{"a":1}'])
def test_note_that_is_none_is_passed_over(noted: str) -> None:
    assert note_of(noted) is None


class Sent:
    """A message of which only its id and its event matter."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        event = EventRaised(timestamp=1, name="go")
        self.data = MessageData(
            activity_id="",
            message=Message(event=event, target=OrchestrationInstance(instance_id="i", execution_id=None)),
            sequence_number=1,
            episode=None,
            sender=CLIENT,
        )


def sent_as(message_id: str) -> Any:
    return Sent(message_id)


def batch_of(*messages: Any) -> Batch:
    return Batch(take=list(messages))


def test_attempt_is_made_again_on_its_own_messages_in_their_order() -> None:
    a, b, c = map(sent_as, "abc")

    assert split_by(TRIED, batch_of(c, b, a)) == ([a, b], [c])
    assert split_by(TRIED, batch_of(c, a)) is None


def test_note_of_another_episode_or_execution_says_nothing() -> None:
    batch, loaded = batch_of(Sent("a")), LoadedHistory(instance_id="i", execution_id=None, attempt=TRIED)
    own = replace(TRIED, execution_id="", episode=1)

    assert earlier_attempt(batch, loaded) is None
    assert earlier_attempt(batch, replace(loaded, attempt=own)) == own


def test_episode_of_more_messages_than_a_note_can_name_is_at_least_once() -> None:
    """By design: its requests, if it has any, are made under new ids when it runs again."""
    many = [Sent(f"{number}") for number in range(MAX_NOTED + 1)]

    assert attempt_on(batch_of(*many), 1) is None
    assert attempt_on(batch_of(*many[1:]), 1) is not None
