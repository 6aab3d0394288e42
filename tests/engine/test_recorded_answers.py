"""The real SDK, given every recorded payload, answers as was recorded: the engine's other machine is the same here."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from engine.recorded_app import recorded_app
from engine.recordings import Invocation, invocations
from engine.sdk_warnings import SDK_WARNINGS
from engine.tokens import differences, with_tokens, without_stacks

pytestmark = SDK_WARNINGS

STATE_OF_AN_ANSWER = "\n\n$OutOfProcData$:"


@pytest.mark.parametrize("invocation", invocations(), ids=lambda invocation: invocation.id)
def test_sdk_answers_the_recorded_payload_as_it_did(
    invocation: Invocation, record_property: Callable[[str, object], None]
) -> None:
    app = recorded_app()
    # ``drifting_code`` counts how often an instance was run, and takes another path the second time.
    app.module._STATE[invocation.payload["instanceId"]] = invocation.number
    raised = answer = None

    try:
        answer = json.loads(app.handles[invocation.name](json.dumps(invocation.payload)))
    except Exception as exception:
        raised = str(exception)

    assert not differences(invocation.recorded_answer, with_tokens(answer))
    assert not differences(_parts(invocation.recorded_raised), _parts(with_tokens(raised)))
    record_property("checked", "answers of the SDK")


def _parts(raised: str | None) -> object:
    """The text and the state of what the SDK raised."""
    text, label, state = (raised or "").partition(STATE_OF_AN_ANSWER)
    return [without_stacks(text), without_stacks(json.loads(state)) if label else None]
