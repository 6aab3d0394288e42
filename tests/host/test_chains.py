"""Executions that continue each other as new are told by their ids, and no others are."""

from __future__ import annotations

import pytest

from durable_host.clock import new_guid, new_id
from durable_host.dispatch.chains import continued_id, is_of_one_chain


@pytest.mark.parametrize(
    "first",
    ["0123456789abcdef0123456789abcdef", "01234567-89AB-CDEF-0123-456789ABCDEF", "an id of another kind", "short"],
)
def test_executions_of_a_chain_are_known_whatever_id_the_first_has(first: str) -> None:
    second = continued_id(first, new_id())
    third = continued_id(second, new_id())

    assert len({first, second, third}) == 3
    assert all(is_of_one_chain(one, other) for one in (first, second, third) for other in (first, second, third))
    assert len(third) == 32


def test_executions_that_were_started_apart_are_of_two_chains() -> None:
    assert not is_of_one_chain(new_guid(), continued_id(new_guid(), new_id()))
    assert not is_of_one_chain(None, new_id())
    assert not is_of_one_chain(None, None)
