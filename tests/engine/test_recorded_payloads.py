"""Every payload that the real host gave to an orchestrator, built by the engine from the recorded history."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from durable_engine.wire.sdk_call import execution_started, orchestrator_payload
from engine.episode_runs import run_recorded
from engine.recordings import Invocation, episode_of, invocations
from engine.tokens import differences, with_tokens

EVERY = pytest.mark.parametrize("invocation", invocations(), ids=lambda invocation: invocation.id)


@EVERY
def test_engine_builds_the_payload_that_was_recorded(
    invocation: Invocation, record_property: Callable[[str, object], None]
) -> None:
    history = invocation.history

    payload = orchestrator_payload(history, execution_started(history))

    assert not differences(invocation.payload, json.loads(payload))
    assert payload == json.dumps(invocation.payload)
    record_property("checked", "payloads")


@EVERY
def test_episode_gives_the_recorded_payload_to_the_orchestrator(
    invocation: Invocation, record_property: Callable[[str, object], None]
) -> None:
    instance, episode, place = episode_of(invocation)

    run = run_recorded(instance, place)

    assert len(run.given) == len(episode.invocations)
    given = run.given[episode.invocations.index(invocation)]
    assert not differences(invocation.payload, json.loads(given))
    record_property("checked", "payloads of episodes")


@EVERY
def test_filled_payload_is_the_recorded_one_in_all_but_times_and_ids(invocation: Invocation) -> None:
    assert not differences(invocation.recorded_payload, with_tokens(invocation.payload))


def test_every_recorded_invocation_is_there() -> None:
    found = invocations()

    assert len(found) == 255
    assert len({invocation.id for invocation in found}) == 255
