"""A host that is killed at any moment loses nothing: the next one on the same storage finishes its work."""

from __future__ import annotations

import http.client
import random
import threading
import time

import pytest

from host_process import HostProcess
from kill.hosts import TestHub, squares

COUNT = 50
FAN_OUT = {"count": COUNT, "milliseconds": 5}


def run_undisturbed(host: HostProcess) -> float:
    """How long a fan-out takes that nobody disturbs; the second one, because the first warms the host up."""
    seconds = 0.0
    with host.client() as client:
        for instance_id in ("warming", "measured"):
            began = time.monotonic()
            client.start("fan_out", FAN_OUT, instance_id=instance_id)
            client.wait_for(instance_id)
            seconds = time.monotonic() - began
    return seconds


def start_and_kill(host: HostProcess, instance_id: str, after_seconds: float) -> bool:
    """Start a fan-out and kill the host so long after; returns whether the start was acknowledged before that."""
    killer = threading.Timer(after_seconds, host.kill)
    killer.start()
    try:
        with host.client() as client:
            client.start("fan_out", FAN_OUT, instance_id=instance_id)
            return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        killer.join()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_fan_out_has_the_right_result_whenever_its_host_is_killed(
    hub: TestHub, kills: int, choices: random.Random, seed: str
) -> None:
    """Kills in a row: each host finishes what the one before it left, and is then killed itself."""
    host = hub.start_host()
    usual = run_undisturbed(host)
    for number in range(kills):
        instance_id, moment = f"fan-out-{number}", choices.uniform(0.0, 1.2 * usual)
        was_acknowledged = start_and_kill(host, instance_id, moment)
        host = hub.start_host()
        try:
            with host.client() as client:
                if client.status(instance_id) is None:
                    assert not was_acknowledged, "the host had answered 202"
                    client.start("fan_out", FAN_OUT, instance_id=instance_id)
                status = client.wait_for(instance_id)

            assert status["runtimeStatus"] == "Completed"
            assert status["output"] == squares(COUNT)
            with hub.witness() as witness:
                stored = witness.instance(instance_id)
            assert (stored.runtime_status, stored.output_value) == ("Completed", squares(COUNT))
            assert set(hub.runs_of(instance_id)) == set(range(COUNT))
        except BaseException as error:
            error.add_note(
                f"Kill {number} of seed {seed!r}, {moment:.4f} s after the start of a {usual:.2f} s fan-out."
            )
            error.add_note(f"The log of the host that should have finished it:\n{host.log_text}")
            host.kill()
            raise

    assert host.stop() == 0
