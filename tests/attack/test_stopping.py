"""A host ends within ten seconds of the first signal, whatever runs, and at once with the second."""

from __future__ import annotations

import asyncio
import configparser
import sys
import time
from pathlib import Path

import pytest

from attack.hosts import new_hub, start_attacked
from durable_host.azurite import Azurite
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
def test_app_that_ignores_the_signal_does_not_keep_the_host_from_ending(azurite: Azurite, tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(
        "import signal\nimport azure.durable_functions as df\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\napp = df.DFApp()\n"
    )
    (tmp_path / "host.json").write_text(
        f'{{"version": "2.0", "extensions": {{"durableTask": {{"hubName": "{new_hub()}"}}}}}}'
    )
    with HostProcess.start(tmp_path, connection_string=azurite.connection_string) as host:
        code, seconds = seconds_to_stop(host)

    assert (code, seconds < STOP_SECONDS) == (0, True)
    assert "The app has set handlers for Ctrl+C or SIGTERM" in host.log_text
