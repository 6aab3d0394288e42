"""What can never be run or saved ends: with a failure that says why, after a bounded number of tries."""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df
import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.storage.queue import QueueClient

from durable_engine import (
    EventRaised,
    ExecutionCompleted,
    ExecutionStarted,
    ExecutionTerminated,
    Message,
    OrchestrationInstance,
)
from durable_host.clock import now
from durable_host.dispatch import activities, beginnings, endings
from durable_host.dispatch.sessions import Session
from durable_host.dispatch.sorting import Batch
from durable_host.task_hub import TaskHub
from durable_host.task_hub.account.refusals import is_passing
from durable_host.task_hub.queues.messages import CLIENT
from host.dispatch_steps import SDK_WARNINGS, Steps, register, running
from host.task_hub_steps import new_instance, short_options
from host_process import soon

pytestmark = SDK_WARNINGS

LONG = "k" * 600


def starts_child(context: df.DurableOrchestrationContext) -> Steps:
    value = yield context.call_sub_orchestrator("starts_child", instance_id=LONG)
    return value


def calls_register(context: df.DurableOrchestrationContext) -> Steps:
    value = yield context.call_entity(df.EntityId("register", LONG), "set", 1)
    return value


def calls_leaver(context: df.DurableOrchestrationContext) -> Steps:
    value = yield context.call_entity(df.EntityId("leaver", "k"), "set", 1)
    return value


def waits(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.wait_for_external_event("go"))


def calls_act(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.call_activity("act", 1))


def leaver(context: Any) -> None:
    raise SystemExit(3)


class HostDiedError(BaseException):
    """Stands for the end of a process: nothing of the message is done."""


@pytest.fixture(autouse=True)
def few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between two deliveries doubles with each."""
    monkeypatch.setattr(endings, "_TRIES", 2)
    monkeypatch.setattr(endings, "_TRIES_OF_ENTITY", 2)


@pytest.mark.parametrize("orchestrator", [starts_child, calls_register])
async def test_child_or_entity_of_an_id_that_no_table_can_hold_fails_its_caller_with_the_reason(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture, orchestrator: Any
) -> None:
    async with running(connection_string, hub_name, [orchestrator], entities=[register]) as host:
        await host.start(orchestrator.__name__, "i")

        row = await host.reaches("i")
        await soon(lambda: not host.held, "nothing is tried again")

    assert row.runtime_status == "Failed"
    assert "a table's key holds at most 512 characters" in (row.output or "")
    assert caplog.text.count("Nothing of this one is run or kept") == 1


async def test_entity_whose_function_always_fails_outside_of_its_operations_fails_them_with_the_reason(
    connection_string: str, hub_name: str
) -> None:
    async with running(connection_string, hub_name, [calls_leaver], entities=[leaver]) as host:
        await host.start("calls_leaver", "i")

        row = await host.reaches("i")

    assert row.runtime_status == "Failed"
    assert "SystemExit" in (row.output or "")


async def test_instance_that_storage_refuses_to_hold_is_given_up_after_some_tries(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        refusal = HttpResponseError("no table holds this")
        refusal.status_code = 400

        async def refuse(*given: Any, **more: Any) -> Any:
            raise refusal

        monkeypatch.setattr(host.hub, "write_history", refuse)
        await host.start("waits", "i")

        row = await host.reaches("i")
        await soon(lambda: not host.held, "nothing is tried again")
        with QueueClient.from_connection_string(
            connection_string, host.hub.queue_of("i").name, api_version="2025-11-05"
        ) as queue:
            await soon(lambda: queue.get_queue_properties().approximate_message_count == 0, "no message is left")

    assert row.runtime_status == "Terminated"
    assert "no table holds this" in (row.output or "")
    assert "it could not be ended as failed either, and its messages are dropped" in caplog.text


async def test_storage_that_is_away_ends_no_instance(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "_TRIES", 0)
    async with running(connection_string, hub_name, [waits]) as host:
        write, failures = host.hub.write_history, [503, 500]

        async def fail_twice(*given: Any, **more: Any) -> Any:
            if failures:
                error = HttpResponseError("away")
                error.status_code = failures.pop()
                raise error
            return await write(*given, **more)

        monkeypatch.setattr(host.hub, "write_history", fail_twice)
        await host.start("waits", "i")

        assert (await host.reaches("i", "Running")).runtime_status == "Running"


async def test_history_that_nothing_can_be_made_of_is_left_alone_and_its_instance_can_be_terminated(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.start("waits", "i")
        await host.reaches("i", "Running")

        async def fail(*given: Any) -> Any:
            raise LookupError("a fault of the history's own")

        monkeypatch.setattr(host.orchestrations, "_history", fail)
        await host.raise_event("i", "go", 1)
        await host.client.send_to_instance("i", ExecutionTerminated(timestamp=now(), input="enough"))

        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Terminated", "enough")


async def test_activity_that_never_lived_to_its_end_fails_after_some_beginnings(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(beginnings, "_MANY_DELIVERIES", 1)
    monkeypatch.setattr(beginnings, "_MOST", 1)
    async with running(connection_string, hub_name, [calls_act], {"act": str}) as host:

        async def die(*given: Any) -> Any:
            raise HostDiedError

        monkeypatch.setattr(host.activities, "_run_user_code", die)
        monkeypatch.setattr(activities, "is_passing", lambda error: isinstance(error, HostDiedError))
        await host.start("calls_act", "i")

        row = await host.reaches("i")

    assert row.runtime_status == "Failed"
    assert "It was begun 1 times and more, and never ended" in (row.output or "")
    assert "activity 'act' is delivered for the 1. time" in caplog.text


def calls_register_once(context: df.DurableOrchestrationContext) -> Steps:
    value = yield context.call_entity(df.EntityId("register", "k"), "set", 1)
    return value


@pytest.mark.parametrize(("orchestrator", "dies_in"), [("waits", "i"), ("calls_register_once", "@register@k")])
async def test_episode_that_never_lived_to_its_end_fails_after_some_beginnings(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch, orchestrator: str, dies_in: str
) -> None:
    monkeypatch.setattr(beginnings, "_MANY_DELIVERIES", 1)
    monkeypatch.setattr(beginnings, "_MOST", 1)
    monkeypatch.setattr(endings, "_TRIES", 1)
    monkeypatch.setattr(endings, "_TRIES_OF_ENTITY", 1)
    async with running(connection_string, hub_name, [waits, calls_register_once], entities=[register]) as host:
        run = host.orchestrations._episodes.run

        async def die(session: Session, *given: Any) -> Any:
            if session.instance_id == dies_in:
                raise ServiceRequestError("as little comes of it as if the host had died")
            return await run(session, *given)

        monkeypatch.setattr(host.orchestrations._episodes, "run", die)
        await host.start(orchestrator, "i")

        row = await host.reaches("i")

    assert row.runtime_status == "Failed"
    assert "It was begun 1 times and more, and never ended" in (row.output or "")


async def test_control_message_that_only_an_instance_can_decide_is_named_and_left_alone(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        target = OrchestrationInstance(instance_id="i", execution_id=None)
        ended = ExecutionCompleted(timestamp=now(), orchestration_status="Completed", result="5")
        await host.hub.queue_of("i").send(Message(event=ended, target=target), sender=CLIENT, episode=None)
        await soon(lambda: "A control message holds a ExecutionCompleted" in caplog.text, "it is named")
        await host.send("i", EventRaised(timestamp=now(), name="go", input='"went"'))

        assert (await host.reaches("i")).output == '"went"'


async def test_receipt_that_another_host_has_replaced_is_no_refusal(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        message = Message(event=EventRaised(timestamp=now(), name="go"), target=new_instance("i"))
        kept = await hub.queue_of("i").send_and_keep(message, sender=CLIENT, episode=None)
        old = kept.pop_receipt
        await kept.queue.renew(kept)
        kept.pop_receipt = old

        with pytest.raises(HttpResponseError) as caught:
            await kept.queue.renew(kept)

    assert is_passing(caught.value)


async def test_instance_whose_episode_was_saved_after_all_is_not_ended(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        start = next(one for one in await host.client.get_history("i") if isinstance(one, ExecutionStarted))
        message = Message(event=start, target=start.instance)
        again = await host.hub.queue_of("i").send_and_keep(message, sender=CLIENT, episode=None)
        again.dequeue_count = 99

        await host.orchestrations._endings.after_error(Session("i", 0), Batch(take=[again]), RuntimeError("as if"))

        assert (await host.row("i")).runtime_status == "Running"
        assert len(await host.client.get_history("i")) == 3
