"""Choice sequences, tokens and shrinking, each alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_harness.core.errors import BadTokenError
from durable_harness.exploring.shrinking import fewest, shrunk
from durable_harness.exploring.token import ScheduleToken
from durable_harness.running.choices import Choices

numbers = st.lists(st.integers(0, 9), max_size=40).map(tuple)


@given(name=st.text("aZ_09 \u00df\u65e5", min_size=1, max_size=20), choices=numbers)
def test_a_token_says_what_was_put_into_it(name: str, choices: tuple[int, ...]) -> None:
    token = ScheduleToken(name, choices, "0f")

    assert ScheduleToken.parse(f" {token.text}\n") == token


def test_a_long_normal_order_makes_a_short_token() -> None:
    token = ScheduleToken("o", (*[0] * 1000, 1), "0f")

    assert len(token.text) < 80


@pytest.mark.parametrize("text", ["", "DH1-", "DH1-????", "DH2-abc", "DH1-eNqLVspJLC6Jz0"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BadTokenError, match="Paste the whole of it"):
        ScheduleToken.parse(text)


def test_choices_go_on_with_the_normal_order_after_what_was_given() -> None:
    choices = Choices((1, 5))

    taken = [choices.choose(3, str) for _ in range(4)]

    assert taken == [1, 2, 0, 0]
    assert choices.numbers == (1, 2)
    assert choices.deviations == 2
    assert choices.is_used_up


@given(choices=numbers.filter(lambda one: any(number >= 2 for number in one)))
def test_shrinking_keeps_what_fails_and_nothing_else(choices: tuple[int, ...]) -> None:
    def fails(given: tuple[int, ...]) -> tuple[int, ...] | None:
        return given if any(number >= 2 for number in given) else None

    simplest = shrunk(choices, fails)

    assert [number for number in simplest if number] == [2]


def test_the_fewest_places_that_fail_are_found() -> None:
    def fails(places: tuple[int, ...]) -> tuple[int, ...] | None:
        return places if {2, 5} <= set(places) else None

    assert fewest(8, fails) == (2, 5)
    assert fewest(4, fails) is None
