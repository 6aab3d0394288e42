"""An error within a schedule says how to see that schedule again, and its token gives back the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Exploration, Harness, Options, Run
from durable_harness.exploring.token import ScheduleToken

Code = Generator[Any, Any, Any]


def quickest(context: Context) -> Code:
    offers = [context.call_activity("offer", name) for name in ("a", "b", "c")]
    return (yield context.task_any(offers)).result


def looks_wrongly(run: Run) -> object:
    return {"a": 1, "b": 2}[run.output]


def ready(options: Options | None = None) -> Harness:
    harness = Harness(quickest, options=options)
    harness.answer("offer", lambda name: name)
    return harness


ASKS = pytest.mark.parametrize(
    "ask",
    [
        lambda harness: harness.explore(quickest, see=looks_wrongly),
        lambda harness: harness.assert_always(quickest, looks_wrongly),
    ],
    ids=["explore", "assert_always"],
)


@ASKS
def test_an_error_of_the_tests_own_look_names_its_schedule_and_holds_the_run(
    ask: Callable[[Harness], Exploration],
) -> None:
    with pytest.raises(KeyError) as caught:
        ask(ready())

    (note,) = caught.value.__notes__
    assert note.startswith("Run exactly this schedule again with\n  pytest ... --durable-replay=DH1-")
    assert getattr(caught.value, "run").output == "c"  # noqa: B009  # a KeyError has no such attribute by itself


@ASKS
def test_the_token_of_such_an_error_runs_that_schedule_alone(ask: Callable[[Harness], Exploration]) -> None:
    with pytest.raises(KeyError) as first:
        ask(ready())
    token = ScheduleToken.parse(re.findall(r"DH1-\S+", first.value.__notes__[0])[0])

    with pytest.raises(KeyError, match="'c'") as again:
        ask(ready(Options(replay=(token,))))

    assert again.value.__notes__ == first.value.__notes__


def test_a_token_gives_back_its_run_with_its_timeline() -> None:
    token = next(one for one in ready().explore(quickest).schedules if one.ending.output == "b").numbers
    harness = ready()
    with pytest.raises(KeyError) as caught:
        harness.explore(quickest, see=lambda run: {"a": 1, "c": 1}[run.output])
    options = Options(replay=(ScheduleToken.parse(re.findall(r"DH1-\S+", caught.value.__notes__[0])[0]),))

    found = ready(options).explore(quickest)

    (schedule,) = found.schedules
    assert schedule.numbers == token
    assert schedule.run is not None
    assert "offer" in schedule.run.timeline().html()
    assert not found.is_exhausted


def test_an_error_in_the_normal_order_says_so() -> None:
    with pytest.raises(KeyError) as caught:
        ready().assert_always(quickest, lambda run: {}[run.output])

    assert caught.value.__notes__ == ["This is the normal order of events."]
