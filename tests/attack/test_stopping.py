"""A host ends within ten seconds of the first signal, whatever runs, and at once with the second."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from attack.hosts import new_hub, start_attacked
from durable_host.azurite import Azurite
from durable_host.cli import last_resort, stopping
from host_process import HostProcess, StorageProxy, wait_until

STOP_SECONDS = 10.0
COUNT = 200
IMPATIENT = {"LOCAL_HOST_PATIENCE_SECONDS": "0.5"}  # that the others end in time is shown by the one that blocks


def seconds_to_stop(host: HostProcess) -> tuple[int, float]:
    """The exit code of a host that is told to stop, and how long that took."""
    began = time.monotonic()
    code = host.stop()
    return code, time.monotonic() - began


@pytest.mark.parametrize(
    ("orchestrator", "activity", "word"),
    [("calls", "blocks", "it blocks"), ("calls", "hangs", "it hangs"), ("computes", "", "it computes")],
)
def test_host_ends_in_time_whatever_function_runs(
    azurite: Azurite, orchestrator: str, activity: str, word: str
) -> None:
    environment = {} if activity == "blocks" else IMPATIENT
    with start_attacked(azurite.connection_string, new_hub(), environment=environment) as host:
        with host.client() as client:
            client.start(orchestrator, [activity, 1], instance_id="i")
            wait_until(lambda: word in host.log_text, word)

        code, seconds = seconds_to_stop(host)

    assert code == 0
    assert seconds < STOP_SECONDS
    assert "Left behind: 1 functions" in host.log_text or "Stopped with work in hand" in host.log_text


def test_host_ends_in_time_amid_a_large_fan_out_and_the_next_one_finishes_it(azurite: Azurite) -> None:
    hub = new_hub()
    with start_attacked(azurite.connection_string, hub) as host:
        with host.client() as client:
            client.start("fans_out", COUNT, instance_id="i")
            wait_until(lambda: "Executed 'Functions.same'" in host.log_text, "its first activity has run")

        code, seconds = seconds_to_stop(host)

    assert code == 0
    assert seconds < STOP_SECONDS
    with start_attacked(azurite.connection_string, hub) as host, host.client() as client:
        assert client.wait_for("i", seconds=90)["output"] == sum(range(COUNT))


def test_host_ends_in_time_amid_a_fan_out_of_thousands(azurite: Azurite) -> None:
    with start_attacked(azurite.connection_string, new_hub()) as host:
        with host.client() as client:
            client.start("fans_out", 5_000, instance_id="i")
            wait_until(lambda: "Executed 'Functions.same'" in host.log_text, "its first activity has run", seconds=60)

        code, seconds = seconds_to_stop(host)

    assert code == 0
    assert seconds < STOP_SECONDS


def test_host_ends_in_time_when_storage_hardly_answers_any_longer(azurite: Azurite) -> None:
    async def stops() -> tuple[int, float]:
        async with StorageProxy(azurite.connection_string, remember=lambda request: None) as proxy:
            with await asyncio.to_thread(start_attacked, proxy.connection_string, new_hub()) as host:

                def begin() -> None:
                    with host.client() as client:
                        client.start("fans_out", COUNT, instance_id="i")
                        wait_until(lambda: "Executed 'Functions.same'" in host.log_text, "its first activity has run")

                await asyncio.to_thread(begin)
                proxy.delay_seconds = 30.0
                return await asyncio.to_thread(seconds_to_stop, host)

    code, seconds = asyncio.run(stops())

    assert code == 0
    assert seconds < STOP_SECONDS


def test_host_whose_loop_of_async_functions_was_stopped_ends_in_order(azurite: Azurite) -> None:
    with start_attacked(azurite.connection_string, new_hub(), environment=IMPATIENT) as host:
        with host.client() as client:
            client.start("calls", ["stops_the_loop", 1], instance_id="i")
            client.wait_for("i")

        code, seconds = seconds_to_stop(host)

    assert (code, seconds < STOP_SECONDS) == (0, True)
    assert "Left behind" not in host.log_text


def test_tox_sends_its_second_signal_after_the_first_has_ended_the_host() -> None:
    settings = configparser.RawConfigParser()
    settings.read(Path(__file__).parents[2] / "tox.ini")

    assert settings.getfloat("serving", "suicide_timeout") > STOP_SECONDS
    for environment in ("testenv:start", "testenv:demo"):
        assert settings[environment]["suicide_timeout"] == "{[serving]suicide_timeout}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import sys; sys.exit(4)", "SystemExit: 4. An app must not end the process while it is imported."),
        ("import os; os._exit(4)", "SystemExit: 4. An app must not end the process while it is imported."),
        ("raise KeyboardInterrupt", "KeyboardInterrupt. An app must not end the process while it is imported."),
    ],
)
def test_app_that_ends_the_process_while_it_is_imported_is_named(
    azurite: Azurite, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "function_app.py").write_text(f"print('imported')\n{line}\n")
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    with HostProcess.start(tmp_path, connection_string=azurite.connection_string, wait=False) as host:
        wait_until(lambda: not host.is_running, "the host has ended")

        assert host.stop() == 1
    assert f"function_app.py, line 2: {said}" in host.log_text
    assert "Traceback" not in host.log_text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ignore")
@pytest.mark.parametrize(
    "line",
    ["signal.signal(signal.SIGTERM, signal.SIG_IGN)", "signal.pthread_sigmask(signal.SIG_BLOCK, {2, 15})"],
    ids=["ignores", "blocks"],
)
def test_app_that_ignores_the_signal_does_not_keep_the_host_from_ending(
    azurite: Azurite, tmp_path: Path, line: str
) -> None:
    (tmp_path / "function_app.py").write_text(
        f"import signal\nimport azure.durable_functions as df\n{line}\napp = df.DFApp()\n"
    )
    (tmp_path / "host.json").write_text(
        f'{{"version": "2.0", "extensions": {{"durableTask": {{"hubName": "{new_hub()}"}}}}}}'
    )
    with HostProcess.start(tmp_path, connection_string=azurite.connection_string) as host:
        code, seconds = seconds_to_stop(host)

    assert (code, seconds < STOP_SECONDS) == (0, True)
    assert "The app has set handlers for Ctrl+C or SIGTERM" in host.log_text


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="on Windows only Python's own handlers are told of signals")

PROCESS = """
import os, re, signal, sys, threading, time
from durable_host.cli import last_resort

signal.set_wakeup_fd(last_resort.start_watcher(limit_seconds=0.3))
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda *_: None)
print(last_resort._watchers[0].pid, flush=True)
"""
HOLDS_THE_LOCK = """
def match():
    print("it begins", flush=True)
    re.match(r"(a+)+$", "a" * 60 + "b")

threading.Thread(target=match, daemon=True).start()
time.sleep(60)
"""
FORKS = """
child = os.fork()
if not child:
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def watched(code: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that runs this code, and the id of the one that watches it."""
    command = [sys.executable, "-c", PROCESS + code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def is_there(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for long until somebody takes its exit code."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        os.kill(pid, 0)
        return True
    return False


def answers(host: HostProcess) -> bool:
    with (
        contextlib.suppress(TimeoutError),
        socket.create_connection(("127.0.0.1", host.port), timeout=0.5) as connection,
    ):
        connection.sendall(b"GET /admin/host/ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return bool(connection.recv(1))
    return False


@POSIX
def test_second_signal_ends_a_host_whose_function_keeps_the_interpreters_lock(azurite: Azurite) -> None:
    with start_attacked(azurite.connection_string, new_hub()) as host:
        with host.client() as client:
            client.start("calls", ["backtracks", 1], instance_id="i")
        wait_until(lambda: "it backtracks" in host.log_text and not answers(host), "it holds the lock")
        os.kill(host.pid, signal.SIGINT)  # another one: of two that are alike the system may make one

        code, seconds = seconds_to_stop(host)

    assert (code, seconds < STOP_SECONDS / 2) == (-9, True)


@POSIX
def test_first_signal_ends_a_process_whose_code_keeps_the_interpreters_lock_after_its_limit() -> None:
    assert stopping.LIMIT_SECONDS < last_resort.LIMIT_SECONDS < STOP_SECONDS
    with watched(HOLDS_THE_LOCK) as (process, watcher):
        assert process.stdout is not None
        assert process.stdout.readline() == "it begins\n"
        process.terminate()

        assert process.wait(5) == -9
        wait_until(lambda: not is_there(watcher), "the watcher is gone too")


@POSIX
def test_watcher_ends_with_a_process_that_is_killed_also_when_one_that_it_forked_lives_on() -> None:
    with watched(FORKS) as (process, watcher):
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()

        wait_until(lambda: not is_there(watcher), "the watcher is gone")

        assert is_there(child)
        os.kill(child, signal.SIGKILL)


@POSIX
def test_signals_of_the_app_and_of_what_it_forks_do_not_end_the_host() -> None:
    with watched(FORKS) as (process, _):
        assert process.stdout is not None
        child = int(process.stdout.readline())
        os.kill(child, signal.SIGTERM)
        process.send_signal(signal.SIGUSR1)

        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.0)
        os.kill(child, signal.SIGKILL)
