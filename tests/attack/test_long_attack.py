"""The long attack in short, and that its verdict sees what is lost and what is counted twice."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest

from attack.load import Load, Sent, Started
from attack.long_attack import Plan, run
from attack.verdict import judge
from attack.weights import Weights


def load_of(*started: Started, **signals: Sent) -> Load:
    """What a client has asked for; all of it of one ledger."""
    load = Load("client", lambda: [], random.Random(1), 0.0)
    load.started += started
    load.signals |= {token: ("l", sent) for token, sent in signals.items()}
    return load


def waiting(sent: Sent = Sent.ACCEPTED, event: Sent = Sent.ACCEPTED, purged: Sent = Sent.NEVER) -> Started:
    """An instance that notes one token."""
    return Started(instance_id="i", kind="waits", ledger="l", sent=sent, event=event, purged=purged)


@pytest.mark.timeout(600)
def test_nothing_is_lost_or_counted_twice_over_kills_and_failing_storage() -> None:
    plan = Plan(minutes=1.0, kills=8, hosts=2, one_in=30, pause_seconds=0.3)

    report = run(plan, random.Random(7))

    assert report.wrong == []
    assert re.search(r"^kills \(SIGKILL\) +[1-9]", report.table, re.MULTILINE)


@pytest.mark.parametrize(
    ("load", "status", "noted", "wrong"),
    [
        (load_of(waiting()), "Completed", {"i/0": 1}, []),
        (load_of(waiting()), "Completed", {}, ["ledger l applied i/0 0 times, and not 1 to 1 times"]),
        (load_of(waiting()), "Completed", {"i/0": 2}, ["ledger l applied i/0 2 times, and not 1 to 1 times"]),
        (load_of(waiting()), "Running", {}, ["instance i (accepted) is Running, and not Completed"]),
        (load_of(waiting()), None, {}, ["instance i (accepted) is gone, and not Completed"]),
        (load_of(waiting(event=Sent.UNSURE)), "Running", {}, []),
        (load_of(waiting(sent=Sent.UNSURE)), None, {}, []),
        (load_of(waiting(purged=Sent.UNSURE)), None, {"i/0": 1}, []),
        (load_of(a=Sent.ACCEPTED, b=Sent.UNSURE, c=Sent.UNSURE), None, {"a": 1, "b": 1}, []),
        (load_of(a=Sent.NEVER), None, {"a": 1}, ["ledger l applied a 1 times, and not 0 to 0 times"]),
        (load_of(), None, {"x": 1}, ["ledger l applied x 1 times, and not 0 to 0 times"]),
    ],
)
def test_verdict_names_what_is_lost_and_what_is_counted_twice(
    load: Load, status: str | None, noted: dict[str, int], wrong: list[str]
) -> None:
    verdict = judge([load], {"i": status}, {"l": noted})

    assert verdict.wrong == wrong


def test_verdict_names_a_child_that_is_left_behind() -> None:
    parent = Started(instance_id="p", kind="has_child", ledger="l", sent=Sent.ACCEPTED)
    noted = {f"p-child/{number}": 1 for number in range(3)}

    verdict = judge([load_of(parent)], {"p": "Completed", "p-child": "Running"}, {"l": noted})

    assert verdict.wrong == ["instance p-child is Running, and its parent has ended"]


def test_weights_tell_of_processes_that_live_throughout() -> None:
    weights = Weights(look_seconds=0.0)

    for pids in ([os.getpid(), os.getppid()], [os.getpid()], [os.getpid()]):
        weights.look(pids)

    rows = [row for _, row in weights.rows()]
    assert len(rows) == Path("/proc/self").exists()  # elsewhere the system does not tell
    assert all(re.fullmatch(r"(\d+ MB, \d+ threads, \d+ files( / )?){3}", row) for row in rows)
