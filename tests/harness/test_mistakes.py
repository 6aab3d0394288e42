"""Mistakes of a test: said at the door, in the words of the API, and never taken for a failure of the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import (
    BadAnswerError,
    Harness,
    NotPossibleError,
    UnansweredError,
    UnknownNameError,
    app_activity,
    http_response,
    in_turn,
    raised,
)
from harness.small_orchestrators import Code, HarnessFor, one_call


def asks(context: Context) -> Code:
    first = yield context.call_http("GET", "https://example.org/a?x=1")
    second = yield context.call_http("GET", "https://example.org/B")
    return [first["content"], second["content"]]


def _unpacks(pair: Any) -> Any:
    first, second = pair
    return first + second


# What an answer does by itself


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"ball": 1}.__getitem__, r"KeyError: 'net'"),
        (lambda item: item.prize, r"AttributeError: 'str' object has no attribute 'prize'"),
        (lambda item: prize, r"NameError: name 'prize' is not defined"),  # type: ignore[name-defined]  # noqa: F821 - the mistake
        (lambda item: item + 1, r"TypeError: can only concatenate str"),
        (_unpacks, r"ValueError: too many values to unpack"),
    ],
)
def test_an_answer_that_fails_by_itself_fails_the_test(harness_for: HarnessFor, answer: Any, says: str) -> None:
    harness = harness_for(one_call)
    harness.answer("work", answer)

    with pytest.raises(BadAnswerError, match=rf"The answer of 'work' fails by itself, given 'net': {says}.*`raise` it"):
        harness.run(one_call, "net")


def _raises(error: Exception) -> Callable[[Any], Any]:
    def answer(_: Any) -> Any:
        raise error

    return answer


@pytest.mark.parametrize("error", [ValueError("sold out"), KeyError("net"), TypeError("no")])
def test_an_answer_that_raises_on_purpose_is_a_failure_of_the_activity(
    harness_for: HarnessFor, error: Exception
) -> None:
    harness = harness_for(one_call)
    harness.answer("work", _raises(error))

    run = harness.run(one_call, "net")

    assert run.runtime_status == "Failed"
    assert run.calls[0].error == f"{type(error).__name__}: {error}"


def test_an_exception_may_be_the_answer_whatever_its_kind(harness_for: HarnessFor) -> None:
    harness = harness_for(one_call)
    harness.answer("work", in_turn(AssertionError("an app may assert"), KeyError("k")))

    assert [str(harness.run(one_call).calls[0].error) for _ in range(2)] == [
        "AssertionError: an app may assert",
        "KeyError: 'k'",
    ]


def test_an_assert_of_an_answer_fails_the_test(harness_for: HarnessFor) -> None:
    def answer(item: Any) -> int:
        assert item == "ball", "the wrong item"
        return 1

    harness = harness_for(one_call)
    harness.answer("work", answer)

    with pytest.raises(AssertionError, match="the wrong item"):
        harness.run(one_call, "net")


def test_an_answer_that_gives_no_json_fails_the_test(harness_for: HarnessFor) -> None:
    harness = harness_for(one_call)
    harness.answer("work", lambda item: {item, "x"})

    with pytest.raises(BadAnswerError, match=r"The answer of 'work' gives .* for 'net', which cannot become JSON"):
        harness.run(one_call, "net")


def test_the_apps_own_activity_that_gives_no_json_fails_as_in_azure(harness_for: HarnessFor) -> None:
    def work(item: str) -> Any:
        return {item}

    app = df.DFApp()
    app.orchestration_trigger(context_name="context")(one_call)
    app.activity_trigger(input_name="item")(work)
    harness = harness_for(app)
    harness.answer("work", app_activity)

    run = harness.run("one_call", "net")

    assert run.runtime_status == "Failed"


async def _async_work(item: str) -> str:
    await asyncio.sleep(0)
    return item.upper()


def test_an_async_activity_runs_in_an_async_test_too(harness_for: HarnessFor) -> None:
    harness = harness_for(one_call)
    harness.answer("work", _async_work)

    async def test() -> Any:
        return harness.run(one_call, "net").output

    assert asyncio.run(test()) == "NET"
    assert harness.run(one_call, "net").output == "NET"


# What is passed in


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda h: h.answer("work", 1, after="5 minutes"), r"after is a timedelta or a number of seconds, not '5 min"),
        (lambda h: h.answer("work", 1, after=-1), r"after is not negative"),
        (lambda h: h.answer("work", lambda: 1), r"called with one argument, the input of the call"),
        (lambda h: h.answer("work", object()), r"The answer of 'work' has to become JSON"),
        (lambda h: h.answer("work", in_turn(1, object())), r"The answer of 'work' has to become JSON"),
        (lambda h: h.answer(5, "work"), r"the name of what is answered is a text that is not empty, not 5 \(int\)"),
        (lambda h: h.run("one_call", object()), r"input has to become JSON"),
        (lambda h: h.run("one_call", events=["x"]), r"events holds 'x' \(str\), .*events=\[raised\('x'\)\]"),
        (lambda h: h.run("one_call", events="approved"), r"events is a list of raised"),
        (lambda h: h.run("one_call", instance_id=5), r"instance_id is a text"),
        (lambda h: h.run(5), r"An orchestrator is given by its name or its function, not as the int 5"),
        (lambda h: h.explore("one_call", budget=0), r"budget is a whole number from 1 on, not 0"),
        (lambda h: h.explore("one_call", faults=-1), r"faults is a whole number from 0 on, not -1"),
        (lambda h: h.start("one_call").fail("work", "boom"), r"fails with an exception, not with 'boom'"),
        (lambda h: h.start("one_call").complete("work", object()), r"The result of a call has to become JSON"),
        (lambda h: h.start("one_call").complete({"ok": 1}, "work"), r"A call is one of pending.calls"),
        (lambda h: h.start("one_call").complete(7), r"the name of what was called, not 7"),
        (lambda h: h.start("one_call").advance("1 h"), r"duration is a timedelta"),
        (lambda h: h.start("one_call").fire(3), r"A timer is one of pending.timers, not 3"),
        (lambda h: raised("approved", after=-5), r"after is not negative"),
        (
            lambda h: raised("approved", by="htpp"),  # type: ignore[arg-type]  # the mistake
            r"by is 'client' or 'http', not 'htpp' \(str\). Did you mean 'http'",
        ),
        (lambda h: raised("approved", object()), r"an event's value has to become JSON"),
        (lambda h: h.start("one_call").run_until("Completed"), r"is_reached is a function of no argument, not 'Compl"),
        (lambda h: h.start("one_call").run_until(len), r"is_reached is a function of no argument, and len does not"),
        (lambda h: h.explore({"item": 1}, "one_call"), r"An orchestrator is given by its name or its function"),
        (lambda h: h.explore("one_call", world={"work": 1}), r"world is a function of the World, not {'work': 1}"),
        (lambda h: h.explore("one_call", see="output"), r"see is a function of the Run, not 'output'"),
        (lambda h: h.assert_always("one_call", {"item": 1}, len), r"holds is a function of the Run, not {'item': 1}"),
        (
            lambda h: h.assert_always("one_call", lambda: True),
            r"holds is a function of the Run, and .*> does not",
        ),
        (lambda h: Harness(5), r"A harness takes a DFApp.* not the int 5"),
        (lambda h: h.entity("counter", "k").call(3), r"an operation's name is a text"),
    ],
)
def test_what_is_of_a_wrong_kind_is_refused_in_the_words_of_the_api(
    harness_for: HarnessFor, call: Callable[[Harness], Any], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        call(harness_for(one_call))


def test_a_call_of_another_instance_is_not_ended_by_this_one(harness_for: HarnessFor) -> None:
    harness = harness_for(one_call)
    first, second = harness.start(one_call), harness.start(one_call)

    with pytest.raises(NotPossibleError, match="is a call of 'one_call-2', not of 'one_call-1'"):
        first.complete(second.pending.calls[0], 1)


def test_a_name_that_is_nearly_right_is_named(harness_for: HarnessFor) -> None:
    with pytest.raises(NotPossibleError, match="Did you mean 'work'"):
        harness_for(one_call).start(one_call).complete("wrok")


# Names


def test_was_called_knows_the_names_of_the_app(harness_for: HarnessFor) -> None:
    app = df.DFApp()
    app.orchestration_trigger(context_name="context")(one_call)
    for activity in (work, ship):
        app.activity_trigger(input_name="item")(activity)
    harness = harness_for(app)
    harness.answer("work", 1)

    run = harness.run("one_call")

    assert (run.was_called("Work"), run.was_called("ship")) == (True, False)
    with pytest.raises(UnknownNameError, match=r"no 'shipp'. Did you mean 'ship'\?"):
        run.was_called("shipp")


def work(item: str) -> None: ...


def ship(item: str) -> None: ...


# HTTP


def test_an_unanswered_http_call_says_how_to_answer_it_and_which_urls_are(harness_for: HarnessFor) -> None:
    harness = harness_for(asks)
    harness.answer_http("GET", "https://example.org/b", http_response())

    with pytest.raises(UnansweredError) as caught:
        harness.run(asks)

    text = str(caught.value)
    assert "GET https://example.org/a?x=1" in text
    assert "harness.answer_http('GET', 'https://example.org/a?x=1', http_response(200, ...))" in text
    assert "Answered are: GET https://example.org/b." in text


@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning")
def test_an_exact_url_goes_before_a_pattern_and_a_long_pattern_before_a_short_one(harness_for: HarnessFor) -> None:
    harness = harness_for(asks)
    harness.answer_http("*", "*", http_response(content="any"))
    harness.answer_http("GET", "https://example.org/*", http_response(content="pattern"))
    harness.answer_http("get", "https://example.org/B", http_response(content="exact"))

    assert harness.run(asks).output == ["pattern", "exact"]


# The v1 model


def test_an_orchestrator_of_the_v1_model_is_run(harness_for: HarnessFor) -> None:
    main = df.Orchestrator.create(one_call)
    harness = harness_for(main)
    harness.answer("work", str.upper)

    assert harness.run(main, "net").output == "NET"
    assert harness.run("one_call", "net").output == "NET"
