"""What an orchestrator must not do, each planted once, and caught with a message that says what to do."""

from __future__ import annotations

import asyncio
import datetime
import http.client
import os
import pathlib
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness
from durable_harness.core.errors import DeterminismError, MisuseError, ReplayMismatchError

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def call(context: Context, value: object) -> Any:
    return context.call_activity("work", value)


def reads_time(context: Context) -> Code:
    return (yield call(context, time.time()))


def reads_today(context: Context) -> Code:
    return (yield call(context, datetime.datetime.now(datetime.UTC).isoformat()))


def reads_monotonic_later(context: Context) -> Code:
    yield call(context, 1)
    if time.monotonic() > 0:
        return 1
    return 2


def draws_random(context: Context) -> Code:
    return (yield call(context, random.randint(1, 1_000_000)))


def shuffles(context: Context) -> Code:
    items = [1, 2, 3]
    random.shuffle(items)
    return (yield call(context, items))


def draws_unseeded(context: Context) -> Code:
    return (yield call(context, random.Random().random()))


def draws_secret(context: Context) -> Code:
    return (yield call(context, secrets.token_hex(4)))


def makes_uuid(context: Context) -> Code:
    return (yield call(context, str(uuid.uuid4())))


def reads_environment(context: Context) -> Code:
    return (yield call(context, os.environ.get("HOME")))


def reads_getenv(context: Context) -> Code:
    return (yield call(context, os.getenv("HOME")))


def reads_file(context: Context) -> Code:
    return (yield call(context, pathlib.Path(__file__).read_text(encoding="utf-8")[:10]))


def lists_folder(context: Context) -> Code:
    return (yield call(context, sorted(os.listdir("."))))


def asks_the_network(context: Context) -> Code:
    return (yield call(context, socket.getaddrinfo("localhost", 80)[0][0]))


def opens_url(context: Context) -> Code:
    http.client.HTTPConnection("localhost", 1).request("GET", "/")
    return (yield call(context, 1))


def sleeps(context: Context) -> Code:
    time.sleep(3600)
    return (yield call(context, 1))


def starts_thread(context: Context) -> Code:
    threading.Thread(target=print).start()
    return (yield call(context, 1))


def starts_process(context: Context) -> Code:
    subprocess.run([sys.executable, "-c", ""], check=True)
    return (yield call(context, 1))


def runs_event_loop(context: Context) -> Code:
    asyncio.new_event_loop().close()
    return (yield call(context, 1))


def asks_for_process(context: Context) -> Code:
    return (yield call(context, os.getpid()))


def swallows(context: Context) -> Code:
    try:
        value = time.time()
    except Exception:
        value = 0
    return (yield call(context, value))


@pytest.mark.parametrize(
    ("orchestrator", "code", "advice"),
    [
        (reads_time, "wall_clock", "Use context.current_utc_datetime"),
        (reads_today, "wall_clock", "Use context.current_utc_datetime"),
        (reads_monotonic_later, "wall_clock", "Use context.current_utc_datetime"),
        (swallows, "wall_clock", "Use context.current_utc_datetime"),
        (draws_random, "random_numbers", "Draw it in an activity"),
        (shuffles, "random_numbers", "Draw it in an activity"),
        (draws_unseeded, "random_numbers", "seed a random.Random"),
        (draws_secret, "random_numbers", "Draw it in an activity"),
        (makes_uuid, "a_new_id", "Use context.new_uuid()"),
        (reads_environment, "environment", "pass them in with the input"),
        (reads_getenv, "environment", "pass them in with the input"),
        (reads_file, "a_file", "Do I/O in an activity"),
        (lists_folder, "a_file", "Do I/O in an activity"),
        (asks_the_network, "the_network", "context.call_http"),
        (opens_url, "the_network", "context.call_http"),
        (sleeps, "a_blocking_sleep", "context.create_timer"),
        (starts_thread, "a_thread", "context.task_all"),
        (starts_process, "a_subprocess", "Do it in an activity"),
        (runs_event_loop, "an_event_loop", "do async work in an activity"),
        (asks_for_process, "the_process", "Ask for it in an activity"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_a_replay_cannot_repeat_is_caught_where_it_is_read(
    harness_for: HarnessFor, orchestrator: Callable[[Context], Code], code: str, advice: str
) -> None:
    harness = harness_for(orchestrator)
    harness.answer("work", lambda value: value)

    with pytest.raises(DeterminismError) as caught:
        harness.run(orchestrator)

    assert caught.value.code == code
    assert advice in str(caught.value)
    assert f"test_determinism.py:{_line_of(orchestrator)}" in str(caught.value)


def _line_of(orchestrator: Callable[[Context], Code]) -> int:
    """The line of the planted fault: the first below the `def`, or the one marked by what it has to be."""
    first = orchestrator.__code__.co_firstlineno + 1
    return first + {"reads_monotonic_later": 1, "shuffles": 1, "swallows": 1}.get(orchestrator.__name__, 0)


COUNTER = {"calls": 0}


def counts_in_a_global(context: Context) -> Code:
    COUNTER["calls"] += 1
    return (yield call(context, COUNTER["calls"]))


def collects_in_a_default(context: Context, seen: list[int] = []) -> Code:  # noqa: B006 - the fault that is planted
    seen.append(1)
    return (yield call(context, len(seen)))


def branches_on_replaying(context: Context) -> Code:
    if not context.is_replaying:
        yield call(context, "only once")
    return (yield call(context, "always"))


def sees_its_own_addresses(context: Context) -> Code:
    return (yield call(context, repr(object())))


@pytest.mark.parametrize(
    "orchestrator", [counts_in_a_global, collects_in_a_default, branches_on_replaying], ids=lambda one: one.__name__
)
def test_what_differs_from_replay_to_replay_is_caught_at_the_end(
    harness_for: HarnessFor, orchestrator: Callable[[Context], Code]
) -> None:
    harness = harness_for(orchestrator)
    harness.answer("work", lambda value: value)

    with pytest.raises(
        ReplayMismatchError, match="replaying its history from the start gives something else"
    ) as caught:
        harness.run(orchestrator)

    assert "  what it did:     " in str(caught.value)
    assert "  its replay does: " in str(caught.value)


def never_yields(context: Context) -> Code:
    context.call_activity("notify", 1)
    return (yield call(context, 1))


def yields_a_list(context: Context) -> Code:
    return (yield [call(context, 1), call(context, 2)])


def yields_nothing(context: Context) -> Code:
    yield
    return (yield call(context, 1))


def yields_a_generator(context: Context) -> Code:
    return (yield never_yields(context))


def yields_a_number(context: Context) -> Code:
    yield 5


async def is_async(context: Context) -> None:
    await asyncio.sleep(0)


def gives_a_generator_to_task_all(context: Context) -> Code:
    return (yield context.task_all(call(context, n) for n in range(3)))


def gives_no_task_to_task_any(context: Context) -> Code:
    return (yield context.task_any([call(context, 1), "x"]))


def cleans_up_at_suspension(context: Context) -> Code:
    opened = []
    try:
        return (yield call(context, 1))
    finally:
        opened.append("closed")


class Resource:
    """Something that is opened and closed."""

    def __enter__(self) -> Resource:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_closed = True


def holds_a_resource(context: Context) -> Code:
    with Resource():
        return (yield call(context, 1))


@pytest.mark.parametrize(
    ("orchestrator", "code", "says"),
    [
        (never_yields, "never_yielded", "made 1 task and never yielded it: CallActivity 'notify'"),
        (yields_a_list, "yielded_no_task", r"yields a list at .*task_all\(\[\.\.\.\]\)"),
        (yields_nothing, "yielded_no_task", "yields nothing at"),
        (yields_a_generator, "yielded_no_task", "yield from"),
        (yields_a_number, "yielded_no_task", "yields int 5"),
        (is_async, "async_orchestrator", "is an `async def`"),
        (gives_a_generator_to_task_all, "unusable_tasks", r"context\.task_all was given a generator"),
        (gives_no_task_to_task_any, "unusable_tasks", "a list with str 'x' in it"),
        (cleans_up_at_suspension, "effect_at_suspension", "runs code when it is suspended"),
        (holds_a_resource, "effect_at_suspension", "`finally` and `with` blocks around a yield run each time"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_misuse_that_the_sdk_does_not_notice_has_a_message_of_its_own(
    harness_for: HarnessFor, orchestrator: Callable[[Context], Any], code: str, says: str
) -> None:
    harness = harness_for(orchestrator)
    harness.answer("work", lambda value: value)

    with pytest.raises(MisuseError, match=f"(?s){says}") as caught:
        harness.run(orchestrator)

    assert caught.value.code == code


def test_a_harness_that_is_not_strict_only_reports(harness_for: HarnessFor) -> None:
    harness = harness_for(reads_time, strict=False)
    harness.answer("work", 1)

    run = harness.run(reads_time)

    assert run.output == 1
    assert {finding.code for finding in run.findings} == {"wall_clock", "replay_mismatch"}


def test_seeded_random_numbers_are_no_fault(harness_for: HarnessFor) -> None:
    def draws_seeded(context: Context) -> Code:
        drawn = random.Random(context.new_uuid()).random()
        return (yield call(context, drawn))

    harness = harness_for(draws_seeded)
    harness.answer("work", lambda value: 0 <= value < 1)

    assert harness.run("draws_seeded").output is True


def test_activities_may_read_what_they_like(harness_for: HarnessFor) -> None:
    def plain(context: Context) -> Code:
        return (yield call(context, None))

    harness = harness_for(plain)
    harness.answer("work", lambda _: time.time() > 0 and bool(os.environ))

    assert harness.run("plain").output is True


def test_a_profiler_that_was_set_before_is_set_again(harness_for: HarnessFor) -> None:
    def plain(context: Context) -> Code:
        return (yield call(context, None))

    def own(*_: object) -> None:
        return None

    harness = harness_for(plain)
    harness.answer("work", 1)
    before = sys.getprofile()
    sys.setprofile(own)
    try:
        harness.run("plain")
        during = sys.getprofile()
    finally:
        sys.setprofile(before)

    assert during is own
