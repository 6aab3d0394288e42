"""Threads for the app's functions: who keeps them all is named to whoever has to wait."""

from __future__ import annotations

import asyncio
import re
import threading
import time

import pytest

from durable_host.app.threads import Threads
from host_process import soon


async def test_call_that_has_to_wait_says_which_functions_hold_the_threads(caplog: pytest.LogCaptureFixture) -> None:
    threads, may_go = Threads("sync functions", 2, long_wait_seconds=0.05), threading.Event()
    holders = [asyncio.create_task(threads.run(name, may_go.wait)) for name in ("Functions.one", "Functions.two")]
    await soon(lambda: threads.still_running == 2, "both hold a thread")

    waiting = asyncio.create_task(threads.run("Functions.three", lambda: 3))
    await soon(lambda: "waits for a thread" in caplog.text, "it is told")
    may_go.set()

    assert await waiting == 3
    assert await asyncio.gather(*holders) == [True, True]
    said = "Functions.three waits for a thread: all that there are for sync functions are held by "
    (record,) = caplog.records
    assert re.match(rf"{said}Functions\.one \(0 s\), Functions\.two \(0 s\)\.", record.getMessage())


async def test_threads_that_are_held_by_many_are_told_in_short() -> None:
    threads, may_go = Threads("sync functions", 9), threading.Event()
    holders = [asyncio.create_task(threads.run(f"f{number}", may_go.wait)) for number in range(9)]
    await soon(lambda: threads.still_running == 9, "all hold a thread")

    text = threads.holders
    may_go.set()
    await asyncio.gather(*holders)

    assert text == "f0 (0 s), f1 (0 s), f2 (0 s), f3 (0 s), f4 (0 s) and 4 more"
    assert threads.still_running == 0


async def test_time_in_which_the_process_was_stopped_does_not_use_up_the_limit() -> None:
    threads = Threads("sync functions", 2)

    call = asyncio.create_task(threads.run("f", lambda: time.sleep(0.1), seconds=0.5))
    await asyncio.sleep(0)
    time.sleep(1.0)  # the event loop stands still, as the whole process does under SIGSTOP
    await call

    assert threads.still_running == 0


async def test_call_that_outlasts_its_limit_is_left_in_its_thread() -> None:
    threads, may_go = Threads("sync functions", 2), threading.Event()

    with pytest.raises(TimeoutError):
        await threads.run("f", may_go.wait, seconds=0.05)

    assert threads.still_running == 1
    may_go.set()
    await soon(lambda: threads.still_running == 0, "the thread is free")
