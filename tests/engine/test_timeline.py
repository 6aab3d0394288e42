"""Timelines: the model of what happened, the axis, the texts kept in ``fixtures/timelines``, and the HTML file."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_engine.model.ticks import TICKS_PER_SECOND
from durable_engine.timeline.model import CallKind, Moment, Outcome
from durable_engine.timeline.rows import grouped, label_of, outcome_words, shared_names
from durable_engine.timeline.scale import TimeScale, duration_text
from durable_engine.timeline.timeline import Timeline, timeline_of
from engine.history_fixtures import committed, recorded_history
from engine.sdk_warnings import SDK_WARNINGS
from engine.timeline_fixtures import TIMELINES, simulated, written

pytestmark = SDK_WARNINGS

_NAMES = ("fan_out_300", "long_timers", "monitor", "no_time_passes", "still_running")


def simulated_timeline(name: str) -> Timeline:
    run = simulated(name)
    return timeline_of(run.history, custom_statuses=run.custom_statuses, inputs=run.inputs)


def svg_of(html: str) -> ElementTree.Element:
    """The drawing, which must be well-formed XML."""
    return ElementTree.fromstring(html[html.index("<svg xmlns") : html.index("</svg>") + len("</svg>")])


@pytest.mark.parametrize("name", sorted(path.name for path in TIMELINES.glob("*.txt")))
def test_a_timeline_is_drawn_as_it_is_kept(name: str) -> None:
    assert written()[name] == TIMELINES.joinpath(name).read_text(encoding="utf-8")


def test_every_timeline_that_is_drawn_is_kept() -> None:
    assert sorted(written()) == sorted(path.name for path in TIMELINES.glob("*.txt"))


@pytest.mark.parametrize("width", [40, 61, 100, 200])
@pytest.mark.parametrize("name", _NAMES)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = simulated_timeline(name).text(width=width).splitlines()

    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("name", _NAMES)
def test_ascii_is_ascii(name: str) -> None:
    assert simulated_timeline(name).text(ascii_only=True).isascii()


def test_a_call_with_retries_is_one_row_with_its_waits() -> None:
    [call] = timeline_of(committed()["retry_succeeds.rows.json"]).model.calls

    assert [span.outcome for span in call.spans] == [
        Outcome.FAILED,
        Outcome.WAITED,
        Outcome.FAILED,
        Outcome.WAITED,
        Outcome.COMPLETED,
    ]
    assert call.name == "flaky"
    assert len(call.attempts) == 3


def test_the_hosts_wait_of_no_time_after_the_last_attempt_is_no_timer_of_its_own() -> None:
    [call] = timeline_of(committed()["retry_exhausted.status.json"]).model.calls

    assert call.outcome is Outcome.FAILED
    assert [span.outcome for span in call.spans][-1] is Outcome.WAITED


def test_a_timer_after_a_caught_failure_is_a_timer() -> None:
    history = recorded_history("timer_cancelled")

    calls = timeline_of(history).model.calls

    assert [(call.kind, call.outcome) for call in calls] == [
        (CallKind.TIMER, Outcome.CANCELLED),
        (CallKind.ACTIVITY, Outcome.COMPLETED),
    ]


def test_calls_of_an_entity_are_rows_and_signals_are_marks() -> None:
    model = timeline_of(committed()["entity_calls.rows.json"]).model

    assert [(call.kind, call.outcome, call.name.split()[0]) for call in model.calls] == [
        (CallKind.ENTITY, Outcome.COMPLETED, "add"),
        (CallKind.ENTITY, Outcome.COMPLETED, "get"),
        (CallKind.ENTITY, Outcome.FAILED, "bad"),
    ]
    assert [(mark.what, mark.detail) for mark in model.marks] == [("signal", "5")]


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("events_early", ["event go", "event go"]),
        ("suspend_resume", ["suspended suspended", "event go", "resumed resumed"]),
        ("rewind", ["rewound rewound"]),
        ("terminate", ["terminated terminated"]),
    ],
)
def test_what_comes_from_outside_is_marked(name: str, marks: list[str]) -> None:
    model = timeline_of(recorded_history(name)).model

    assert [f"{mark.what} {mark.name}" for mark in model.marks] == marks


def test_a_history_from_the_api_shows_the_same_calls_without_episodes() -> None:
    exact = timeline_of(committed()["fan_out_10.rows.json"]).model
    rebuilt = timeline_of(committed()["fan_out_10.status.json"])

    assert [(call.name, call.duration) for call in rebuilt.model.calls] == [
        (call.name, call.duration) for call in exact.calls
    ]
    assert "episodes" not in rebuilt.text()


def test_a_custom_status_is_shown_with_the_episode_that_left_it() -> None:
    text = simulated_timeline("no_time_passes").text()

    assert 'status "working"  (episode 1, 0)' in text
    assert 'status {"done":4}  (episode 2, 0)' in text


def test_an_open_timer_says_when_it_is_due_and_the_running_instance_what_it_waits_for() -> None:
    timeline_ = simulated_timeline("still_running")

    assert timeline_.model.status == "Running"
    assert "due in 2 d" in timeline_.text()
    assert "1 still open" in timeline_.text()


def test_many_alike_calls_become_one_row_that_says_how_they_went_and_shows_the_unusual_ones() -> None:
    model = simulated_timeline("fan_out_300").model

    [group] = grouped(model.calls, most=30)

    assert len(group.calls) == 300
    assert {len(call.attempts) for call in group.shown} == {3}
    assert [one.calls for one in grouped(model.calls[:5], most=5)] == [(call,) for call in model.calls[:5]]


@given(
    gaps=st.lists(
        st.sampled_from([0, 1, 10_000, 500_000, TICKS_PER_SECOND, 3_600 * TICKS_PER_SECOND, 10**13]), min_size=1
    ),
    data=st.data(),
)
def test_places_on_the_axis_are_in_the_order_of_the_moments(gaps: list[int], data: st.DataObject) -> None:
    moments = [Moment(0, 0)]
    for gap in gaps:
        moments.append(Moment(moments[-1].at + gap, moments[-1].episode + 1))
    indices = st.integers(0, len(moments) - 1)
    pairs = data.draw(st.lists(st.tuples(indices, indices), max_size=5))

    scale = TimeScale(moments, [(moments[min(pair)], moments[max(pair)]) for pair in pairs])
    places = [scale.place(moment) for moment in moments]

    assert all(before <= after for before, after in pairwise(places))
    assert places[0] == 0.0
    assert places[-1] in (0.0, pytest.approx(1.0))
    ticks = scale.ticks(most=8)
    assert all(0.0 <= tick.place <= 1.0000001 for tick in ticks)
    assert all(after.place - before.place >= 0.0999 for before, after in pairwise(ticks))


def test_days_beside_milliseconds_are_cut_so_that_both_can_be_seen() -> None:
    model = simulated_timeline("monitor").model

    scale = TimeScale(model.moments, model.stretches)

    assert [cut.duration // TICKS_PER_SECOND for cut in scale.cuts] == [3_600] * 8
    assert min(scale.place(end) - scale.place(start) for start, end in model.stretches) > 0.02


def test_equal_spans_of_time_are_equally_wide_where_nothing_is_cut() -> None:
    moments = [Moment(second * TICKS_PER_SECOND, second) for second in (0, 1, 2, 4, 8)]

    scale = TimeScale(moments, list(pairwise(moments)))

    assert scale.cuts == ()
    assert [scale.place(moment) for moment in moments] == pytest.approx([0, 0.125, 0.25, 0.5, 1])


def test_episodes_at_one_moment_of_virtual_time_stand_apart() -> None:
    moments = [Moment(0, 0), Moment(0, 1), Moment(0, 2), Moment(0, 3)]

    assert [TimeScale(moments).place(moment) for moment in moments] == pytest.approx([0, 0, 0.5, 1])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0"),
        (0.0001, "0.1 ms"),
        (0.012, "12 ms"),
        (0.9999, "1 s"),
        (1.25, "1.25 s"),
        (59.99, "1 min"),
        (125, "2 min 5 s"),
        (3_600, "1 h"),
        (9 * 86_400 + 23 * 3_600, "9 d 23 h"),
        (-2, "-2 s"),
    ],
)
def test_a_span_of_time_is_told_in_the_two_units_that_matter(seconds: float, text: str) -> None:
    assert duration_text(round(seconds * TICKS_PER_SECOND)) == text


@pytest.mark.parametrize("name", _NAMES)
def test_the_file_is_one_drawing_that_needs_nothing_else(name: str) -> None:
    html = simulated_timeline(name).html()

    assert "<script" not in html
    assert not re.search(r'(?:src|href)="|@import|url\((?!#hatch\))', html)
    assert html.count("http") == html.count("http://www.w3.org/2000/svg")
    assert "@media (prefers-color-scheme: dark)" in html
    svg = svg_of(html)
    assert svg.get("role") == "img"
    named = {element.get("id") for element in svg}
    assert set(str(svg.get("aria-labelledby")).split()) <= named


def test_every_span_of_the_drawing_has_a_tooltip_and_every_call_a_row_of_the_table() -> None:
    shown = simulated_timeline("fan_out_300")
    spans = [span for call in shown.model.calls for span in call.spans]

    html = shown.html()

    namespace = "{http://www.w3.org/2000/svg}"
    tooltips = [group.find(f"{namespace}title") for group in svg_of(html).iter(f"{namespace}g")]
    texts = [tooltip.text or "" for tooltip in tooltips if tooltip is not None]
    counted = [int(found[1]) for text in texts if (found := re.match(r"(\d+) calls that look equal", text))]
    assert len(texts) - len(counted) + sum(counted) == len(spans)
    assert re.search(
        r"activity work, attempt 2 of 3 \(event 30\d\)\ninput \d+\nfailed after 400 ms\n", "\n".join(texts)
    )
    assert html.count("<tr>") == 301


def test_names_and_values_cannot_break_out_of_the_file_or_the_line() -> None:
    rows = committed()["chain.rows.json"].replace("none_result", "<b>&\\u001b[2J\\u3042")
    status = json.loads(committed()["event_from_http.status.json"])
    status["historyEvents"][1] |= {"Name": "<script>", "Input": '"</svg>"'}

    text, html = timeline_of(rows).text(), timeline_of(rows).html() + timeline_of(status).html()

    assert "\x1b" not in text
    assert "<b>&" not in html
    assert "<script" not in html
    assert svg_of(timeline_of(status).html()) is not None


def test_a_timeline_is_its_text() -> None:
    shown = simulated_timeline("no_time_passes")

    assert str(shown) == shown.text()


def test_calls_of_one_name_carry_their_input_and_a_lone_call_its_name_alone() -> None:
    model = simulated_timeline("long_timers").model

    shared = shared_names(model.calls)

    labels = [label_of(call, shared, most=25) for call in model.calls if call.kind is not CallKind.TIMER]
    assert labels == ["work", "check 0", "check 1", "check 2", "check 3", "check 4", "child"]


def test_a_long_id_in_a_label_keeps_its_end() -> None:
    child = simulated_timeline("long_timers").model.calls[-1]
    first = replace(child, detail="0123456789abcdef0123456789abcdef:0004")

    label = label_of(first, shared_names([first, first]), most=25)

    assert label == "child 012345678…cdef:0004"


def test_a_call_that_took_no_time_is_a_mark_and_no_bar() -> None:
    shown = simulated_timeline("no_time_passes")

    assert "\u2501" not in shown.text()
    shapes = {element.get("class") for element in svg_of(shown.html()).iter() if element.get("class")}
    assert "instant activity completed" in shapes
    assert "activity completed" not in shapes


def test_a_cancelled_timer_says_so_and_when_it_was_due() -> None:
    shown = simulated_timeline("long_timers")
    [cancelled] = [call for call in shown.model.calls if call.outcome is Outcome.CANCELLED]

    assert outcome_words(cancelled) == "cancelled, due in 2 d"
    assert "cancelled, due in 2 d" in shown.text()
    assert "due 2 d after it was set\ncancelled" in shown.html()


def test_a_signal_an_event_and_what_a_client_does_look_different() -> None:
    signal = timeline_of(committed()["entity_calls.rows.json"])
    event = simulated_timeline("long_timers")
    ended = timeline_of(recorded_history("terminate"))

    assert [one.text().splitlines()[-1].split("  ")[-2] for one in (signal, event, ended)] == [
        "\u25c7 signal sent",
        "\u25c6 event",
        "\u25a0 by a client",
    ]
    outlines = [
        re.findall(r'class="(mark[a-z ]*)" d="M[\d.]+ [\d.]+(.*?)"', one.html())[0] for one in (signal, event, ended)
    ]
    assert len(set(outlines)) == 3


def test_the_error_is_one_sentence_and_its_json_is_folded() -> None:
    failed = timeline_of(committed()["retry_exhausted.status.json"])

    text, html = failed.text(), failed.html()

    assert (
        "error  Orchestrator function 'retry_exhausted' failed: Activity function 'fail' failed: ValueError: always"
        in (" ".join(text.replace("\n       ", " ").split()).replace("error ", "error  "))
    )
    assert "$type" not in text
    assert re.search(r"ValueError: always</code><details><summary>details</summary><pre>\{&quot;\$type", html)


def test_a_child_that_failed_is_named_with_its_cause() -> None:
    model = simulated_timeline("long_timers").model
    child = model.calls[-1]
    span = replace(child.spans[0], outcome=Outcome.FAILED, result="Orchestrator function 'child' failed: sold out\n {}")
    shown = Timeline(replace(model, calls=(*model.calls[:-1], replace(child, spans=(span,)))))

    assert f"child {child.detail}: Orchestrator function 'child' failed: sold out\n" in shown.text()
    assert (
        f"<b>child {child.detail}</b> failed: Orchestrator function &#x27;child&#x27; failed: sold out<" in shown.html()
    )


def test_the_drawing_is_as_wide_as_its_page_and_nothing_makes_it_scroll_sideways() -> None:
    html = simulated_timeline("fan_out_300").html()

    assert ".drawing svg { display: block; width: 100%; height: auto;" in html
    assert "min-width: 7" not in html


def test_many_equal_bars_are_one_row_with_their_count() -> None:
    model = simulated_timeline("no_time_passes").model
    many = replace(model, calls=(*model.calls[:1] * 12, model.calls[-1]))

    groups = grouped(many.calls, most=30)

    assert [(len(group.calls), group.is_condensed) for group in groups] == [(12, True), (1, False)]
    assert "work x12" in Timeline(many).text()
    drawn = "".join(svg_of(Timeline(many).html()).itertext())
    assert "work \N{MULTIPLICATION SIGN} 12" in drawn
    assert drawn.count("activity work") == 1
    assert "12 calls that look equal; the first of them:\nactivity work" in drawn


def test_a_crowd_of_calls_that_differ_is_drawn_as_how_many_are_out_with_the_unusual_ones_below() -> None:
    model = simulated_timeline("fan_out_300").model
    calls = [call for call in model.calls if len(call.attempts) == 1] + [c for c in model.calls if len(c.attempts) > 1]
    differing = [
        replace(call, spans=(replace(call.spans[0], end=Moment(call.spans[0].start.at + 1_000_000 + number, 2)),))
        for number, call in enumerate(calls[:200])
    ]

    svg = svg_of(Timeline(replace(model, calls=(*differing, calls[-1]))).html())

    drawn = "".join(svg.itertext())
    assert "work \N{MULTIPLICATION SIGN} 201" in drawn
    assert "work \N{MULTIPLICATION SIGN} 201: up to 20" in drawn
    assert drawn.count("activity work, attempt") == 3
    assert float(str(svg.get("viewBox")).split()[3]) < 400


def test_every_execution_is_shown_in_its_order_and_of_very_many_the_first_and_the_last() -> None:
    last = simulated_timeline("monitor")
    before = replace(last.model, status="ContinuedAsNew", output='{"polls": 8}')
    shown = replace(last, earlier=tuple(Timeline(before) for _ in range(24)))

    text, html = shown.text(), shown.html()

    heads = [line for line in text.splitlines() if line.startswith(("execution", "("))]
    numbered = [f"execution {number} of 25" for number in (1, 21, 22, 23, 24, 25)]
    assert heads == [numbered[0], "(19 executions are not shown)", *numbered[1:]]
    assert text.count('new input {"polls": 8}') == 5
    assert re.findall(r"<h2>Execution (\d+) of 25", html) == ["1", *map(str, range(7, 26))]
    assert "<p>5 executions are not shown.</p>" in html
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
