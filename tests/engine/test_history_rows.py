"""Reading histories: rows in every form, payloads, the management API's JSON; and what is refused, with what to do."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from azure.data.tables import EdmType, EntityProperty
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_engine.checking.check import check_history
from durable_engine.histories.episodes import SCHEDULED, episodes_of
from durable_engine.histories.rows import history_from_rows, read_history
from durable_engine.model.errors import HistoryError
from durable_engine.model.event_json import event_to_json
from durable_engine.model.events import (
    EventRaised,
    HistoryEvent,
    OrchestratorStarted,
    SubOrchestrationInstanceCreated,
    TaskCompleted,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.ticks import ticks_from_text, ticks_to_full_text
from durable_engine.orchestration.episode import App
from durable_host.task_hub import event_to_row
from engine.history_fixtures import committed, recorded_history, rows_of, status_of
from engine.recorded_app import recorded_app
from engine.sdk_warnings import SDK_WARNINGS
from engine.simulated_runs import app_of, simulate

pytestmark = SDK_WARNINGS

Steps = Generator[Any, Any, Any]
Json = dict[str, Any]


@pytest.fixture
def app() -> App:
    """The app that was recorded."""
    recorded = recorded_app()
    recorded.module._STATE.clear()
    return App(functions=recorded.functions, orchestrator=lambda name: recorded.handles[name])


@pytest.fixture
def rows() -> list[Json]:
    """The rows of a history with timers and failures."""
    value: list[Json] = json.loads(committed()["retry_succeeds.rows.json"])
    return value


def at_one_time(history: tuple[HistoryEvent, ...]) -> tuple[HistoryEvent, ...]:
    """The history as extensions left it that dated all decisions of an episode alike."""
    began = next(event.timestamp for event in history if isinstance(event, OrchestratorStarted))
    return tuple(replace(event, timestamp=began) if isinstance(event, SCHEDULED) else event for event in history)


def steps_of(history: tuple[HistoryEvent, ...]) -> list[tuple[str, int]]:
    """Kind and id of every decision and completion, sorted: an API's history does not say where decisions stood."""
    ids = []
    for event in history:
        if isinstance(event, SCHEDULED):
            ids.append((event.kind, event.event_id))
        elif isinstance(event, TaskCompleted):
            ids.append((event.kind, event.task_scheduled_id))
        elif isinstance(event, TimerFired):
            ids.append((event.kind, event.timer_id))
    return sorted(ids)


@pytest.mark.parametrize("name", [name for name in sorted(committed()) if name.endswith(".rows.json")])
def test_rows_are_read_as_the_events_that_were_recorded(name: str) -> None:
    assert read_history(committed()[name]).events == recorded_history(name.removesuffix(".rows.json"))


def test_rows_as_the_table_client_gives_them_are_read_to_the_last_digit() -> None:
    history = recorded_history("timer_cancelled")

    live = [
        event_to_row(event, partition_key="timer-cancelled-1", position=position, execution_id="x")
        for position, event in enumerate(history)
    ]

    assert isinstance(live[0]["_Timestamp"], EntityProperty)
    assert history_from_rows(live) == history


def test_rows_with_datetimes_are_read_to_the_microsecond(rows: list[Json]) -> None:
    exact = history_from_rows(rows)

    for row in rows:
        for column in ("_Timestamp", "FireAt"):
            if column in row:
                row[column] = dt.datetime.fromisoformat(row[column])
        row["EventId"] = EntityProperty(row.get("EventId", -1), EdmType.INT64)

    cut = history_from_rows(rows)
    assert [event.timestamp for event in cut] == [event.timestamp // 10 * 10 for event in exact]
    assert [event.event_id for event in cut] == [event.event_id for event in exact]


def test_rows_after_json_with_texts_for_all_values_are_read(rows: list[Json]) -> None:
    exact = history_from_rows(rows)

    as_text = json.dumps([{column: str(value) for column, value in row.items()} for row in rows])

    assert read_history(as_text).events == exact


def test_the_table_services_own_answer_is_read(rows: list[Json]) -> None:
    answer = {"odata.metadata": "...", "value": [{**row, "FireAt@odata.type": "Edm.DateTime"} for row in rows]}

    assert read_history(answer).events == history_from_rows(rows)


def test_rows_in_any_order_are_put_in_order(rows: list[Json]) -> None:
    assert history_from_rows(rows[::-1]) == history_from_rows(rows)


def test_rows_that_continue_as_new_left_behind_are_passed_over() -> None:
    rows = json.loads(committed()["again.rows.json"])
    left = {**rows[-2], "RowKey": f"{len(rows) - 1:016X}", "ExecutionId": "an-earlier-one"}

    assert history_from_rows([*rows, left]) == recorded_history("again")


def test_columns_of_a_newer_host_are_passed_over_and_absent_ones_are_defaults(rows: list[Json]) -> None:
    expected = history_from_rows(rows)
    for row in rows:
        row["NewColumn"] = "new"
        for column in ("Tags", "ParentTraceContext", "FailureDetails", "ParentInstance"):
            row.pop(column, None)

    assert history_from_rows(rows) == expected


def test_a_missing_row_is_refused_by_its_number(rows: list[Json]) -> None:
    del rows[4]

    with pytest.raises(HistoryError, match=r"Row 0000000000000004 .* is missing: the next one is 0000000000000005"):
        history_from_rows(rows)


def test_rows_of_two_instances_are_refused(rows: list[Json]) -> None:
    with pytest.raises(HistoryError, match="rows are of 2 instances"):
        history_from_rows([*rows, {**rows[0], "PartitionKey": "another"}])


def test_a_row_of_an_unknown_kind_is_refused_with_its_key(rows: list[Json]) -> None:
    rows[2]["EventType"] = "TaskDreamed"

    with pytest.raises(HistoryError, match="'0000000000000002' of instance 'retry-succeeds-1', a 'TaskDreamed'"):
        history_from_rows(rows)


def test_a_value_in_a_blob_is_asked_for_by_name_and_otherwise_refused(rows: list[Json]) -> None:
    index = next(index for index, row in enumerate(rows) if row.get("EventType") == "TaskCompleted")
    rows[index] |= {"Result": "", "ResultBlobName": "retry-succeeds-1/history-1.json.gz"}

    with pytest.raises(HistoryError, match=r"Result .* is in the blob 'retry-succeeds-1/history-1\.json\.gz'"):
        read_history(rows)
    [event] = [
        event
        for event in history_from_rows(rows, read_blob={"retry-succeeds-1/history-1.json.gz": "7"}.__getitem__)
        if isinstance(event, TaskCompleted)
    ]
    assert event.result == "7"


def test_a_payload_and_its_events_are_read(app: App) -> None:
    history = recorded_history("sub_fan_out")
    events = [event_to_json(event) for event in history]

    assert read_history(events).events == history
    assert read_history(json.dumps({"history": events, "instanceId": "x"})).events == history
    assert read_history(history).events == history
    assert read_history(read_history(history)).events == history


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("not json", "The history is not JSON"),
        ({"id": "x"}, "An object with the members id is no history"),
        ([], "none of which is an event"),
        ([{"EventType": "TaskScheduled"}], "the EventType 'TaskScheduled', not a number"),
        ([{"EventType": 4}], "Entry 0 of the history, of type 4, cannot be read"),
    ],
)
def test_what_is_no_history_is_refused_with_the_forms_that_are_known(source: Any, complaint: str) -> None:
    with pytest.raises(HistoryError, match=complaint):
        read_history(source)


@pytest.mark.parametrize("name", [name for name in sorted(committed()) if name.endswith(".status.json")])
def test_the_ids_of_a_history_from_the_api_are_found(name: str) -> None:
    history = recorded_history(name.removesuffix(".status.json"))

    found = read_history(committed()[name])

    assert steps_of(found.events) == steps_of(history)
    assert not found.has_episodes


def test_results_and_texts_of_a_history_from_the_api_are_those_that_were_stored() -> None:
    history = recorded_history("chain")

    found = read_history(status_of(history)).events

    assert [event.result for event in found if isinstance(event, TaskCompleted)] == [
        event.result for event in history if isinstance(event, TaskCompleted)
    ]


def same_name(context: Context) -> Steps:
    yield context.task_all([context.call_activity("work", number) for number in range(3)])


def other_names(context: Context) -> Steps:
    yield context.task_all(
        [
            context.call_activity("work", 1),
            context.call_activity("check", 2),
            context.create_timer(context.current_utc_datetime + dt.timedelta(seconds=9)),
            context.call_sub_orchestrator("child", None, "one"),
            context.call_sub_orchestrator("child", None, "two"),
        ]
    )


def reversed_order(name: str, given: Any) -> tuple[Any, float]:
    return given, 3.0 - (given or 0)


def test_steps_with_equal_times_are_told_apart_by_what_the_code_asks_for() -> None:
    app = app_of(other_names)
    history = at_one_time(simulate(app, activity=reversed_order).history)

    found = read_history(status_of(history), app)

    assert len({event.timestamp for event in history if isinstance(event, SCHEDULED)}) == 1
    assert steps_of(found.events) == steps_of(history)
    assert check_history(app, found).is_same


def test_steps_with_equal_times_are_told_apart_by_their_inputs_where_these_were_stored() -> None:
    app = app_of(same_name)
    history = tuple(
        replace(event, input=json.dumps([json.dumps(event.event_id)])) if isinstance(event, TaskScheduled) else event
        for event in at_one_time(simulate(app, activity=reversed_order).history)
    )

    found = read_history(status_of(history), app)

    results = {event.task_scheduled_id: event.result for event in found.events if isinstance(event, TaskCompleted)}
    assert results == {0: "0", 1: "1", 2: "2"}


def test_alike_steps_with_equal_times_are_taken_in_the_order_in_which_they_stand() -> None:
    app = app_of(same_name)
    history = at_one_time(simulate(app, activity=reversed_order).history)

    found = read_history(status_of(history), app)

    ended = [event.task_scheduled_id for event in found.events if isinstance(event, TaskCompleted)]
    assert ended == [0, 1, 2]
    assert check_history(app, found).is_same


def test_steps_with_equal_times_that_fit_nothing_are_refused_with_what_to_use_instead() -> None:
    history = at_one_time(simulate(app_of(other_names), activity=reversed_order).history)

    with pytest.raises(HistoryError) as refused:
        read_history(status_of(history), app_of(same_name))

    text = str(refused.value)
    assert "steps (" in text
    assert "have the same time 2026-03-01T09:00:00Z" in text
    assert "which fits none of them" in text
    assert "durable-host history" in text


def test_equal_times_without_code_to_ask_are_refused() -> None:
    history = at_one_time(simulate(other_names, activity=reversed_order).history)

    with pytest.raises(HistoryError, match="there is no code to ask"):
        read_history(status_of(history))


def test_one_of_two_timers_due_at_one_moment_is_refused_where_only_one_fired() -> None:
    history = recorded_history("timer_left_open")
    timer = next(event for event in history if isinstance(event, TimerCreated))
    second = replace(timer, event_id=7, timestamp=timer.timestamp + 1)
    place = history.index(timer) + 1

    with pytest.raises(HistoryError, match=r"1 of 2 timers due at .* fired, and the API does not say which"):
        read_history(status_of((*history[:place], second, *history[place:])))


def test_a_childs_own_name_that_disagrees_with_the_order_of_time_is_refused() -> None:
    history = tuple(
        replace(event, instance_id=event.instance_id[:-1] + "8")
        if isinstance(event, SubOrchestrationInstanceCreated)
        else event
        for event in recorded_history("sub_fan_out")
    )

    with pytest.raises(HistoryError, match="has the id 8 in its name, but comes as number 0"):
        read_history(status_of(history))


def test_a_rewound_history_from_the_api_is_refused() -> None:
    with pytest.raises(HistoryError, match="was rewound, and the API does not show which steps were struck out"):
        read_history(status_of(recorded_history("rewind")))


@pytest.mark.parametrize(
    ("left_out", "complaint"),
    [("Result", "asked for without results"), ("Input", "asked for without inputs"), (None, "holds no historyEvents")],
)
def test_an_answer_of_the_api_without_all_of_the_history_is_refused_with_the_query_to_use(
    left_out: str | None, complaint: str
) -> None:
    status = json.loads(committed()["chain.status.json"])
    if left_out is None:
        del status["historyEvents"]
    for item in status.get("historyEvents", []):
        item.pop(left_out, None)

    with pytest.raises(HistoryError, match=complaint) as refused:
        read_history(status)
    assert "showHistory=true&showHistoryOutput=true&showInput=true" in str(refused.value)


def test_a_due_time_of_a_history_from_the_api_is_compared_as_far_as_it_can_be(app: App) -> None:
    status = json.loads(committed()["timer.status.json"])
    assert check_history(app, read_history(status)).is_same

    for item in status["historyEvents"]:
        if "FireAt" in item:
            item["FireAt"] = ticks_to_full_text(ticks_from_text(item["FireAt"]) + 60 * 10_000_000)

    [difference] = check_history(app, read_history(status)).differences
    assert difference.kind == "due time"


def test_the_time_of_an_episode_is_exact_where_a_request_to_an_entity_tells_it() -> None:
    history = recorded_history("entity_calls")

    found = read_history(status_of(history)).events

    exact = [event.timestamp for event in history if isinstance(event, OrchestratorStarted)]
    assert [event.timestamp for event in found if isinstance(event, OrchestratorStarted)][:3] == exact[:3]


def test_a_live_instance_from_the_api_keeps_what_is_still_open() -> None:
    app = app_of(other_names)
    live = simulate(app, activity=reversed_order, until=1).history

    found = read_history(status_of(live), app)

    assert steps_of(found.events) == steps_of(live)
    assert check_history(app, found).is_same


def test_episodes_put_together_are_the_history() -> None:
    history = recorded_history("again")

    together = [event for episode in episodes_of(history) for event in (*episode.given, *episode.decided)]

    assert tuple(together) == history


def test_rows_made_of_a_history_are_the_rows_that_are_read() -> None:
    history = recorded_history("events_early")

    assert read_history(rows_of(history)).events == history
    assert any(isinstance(event, EventRaised) for event in history)
