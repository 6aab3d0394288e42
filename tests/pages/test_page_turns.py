"""Turns at a host."""

from __future__ import annotations

import threading

import pytest

from page_turns import HostTurns, NoTurnError, requests_per_host


def test_host_gives_as_many_turns_at_once_as_it_was_told() -> None:
    turns = HostTurns(2)

    with turns.take("a", seconds=0), turns.take("a", seconds=0):
        with pytest.raises(NoTurnError), turns.take("a", seconds=0.01):
            pass
        with turns.take("b", seconds=0):
            pass
    with turns.take("a", seconds=0):
        pass


def test_turn_goes_to_the_next_in_line_when_it_is_given_back() -> None:
    turns = HostTurns(1)
    waiting, done = threading.Event(), threading.Event()

    def wait() -> None:
        waiting.set()
        with turns.take("a", seconds=10):
            done.set()

    with turns.take("a", seconds=0):
        thread = threading.Thread(target=wait)
        thread.start()
        waiting.wait(10)
        assert not done.is_set()
    thread.join(10)

    assert done.is_set()


def test_nothing_is_kept_of_hosts_that_nobody_fetches_from() -> None:
    turns = HostTurns(1)

    for number in range(1000):
        with turns.take(f"host-{number}.example", seconds=0):
            assert len(turns) == 1

    assert len(turns) == 0


@pytest.mark.parametrize(("value", "number"), [(None, 8), ("", 8), (" ", 8), ("1", 1), (" 20 ", 20), ("100", 100)])
def test_setting_is_a_number_from_1_to_100(value: str | None, number: int) -> None:
    assert requests_per_host(value) == number


@pytest.mark.parametrize("value", ["0", "101", "-1", "8.5", "many", "1000000", "\u0668"])
def test_setting_that_is_no_such_number_says_what_to_write(value: str) -> None:
    with pytest.raises(ValueError, match=r"TITLE_REQUESTS_PER_HOST holds .* not a number from 1 to 100"):
        requests_per_host(value)
