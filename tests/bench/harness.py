"""Benchmarks of the harness: proofs, fan-outs, one completion per episode, schedules per second.

What the harness takes, each beside its limit: the SDK's own replay of the same history, bare, in the same run.
Invariant: every run that is measured has the right outcome, and its replay from the start has been checked.
"""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from time import perf_counter
from typing import Any, Final

from azure.durable_functions import DurableOrchestrationContext

import function_app
from bench.durable_task_peer import fan_out_seconds
from bench.explored_orchestrators import EXPLORATIONS, looks_at_four_in_the_end, opens_after_four
from bench.table import Row
from durable_engine import HistoryEvent, episodes_of, execution_started, orchestrator_payload
from durable_harness import Harness, OrderDependentError, Run, deterministic

__all__ = ["BENCHMARKS", "rows"]

URLS: Final = [f"https://learn.microsoft.com/{letter}" for letter in "abcd"]
RECORDS: Final = ({"title": "T"}, {"code": "timeout", "reason": "it took too long"})
FAN_OUT: Final = 1_000
_ENDS_BY_BRUTE_FORCE: Final = ("task_any_orders", "task_any_forgotten_6", "task_all_4_one_failing")
BARE: Final = "bare replay of the same history"


def rows(quick: bool = False) -> list[Row]:
    """Measure everything."""
    found: list[Row] = []
    for measure in _MEASURES:
        found += measure(quick)
    return found


def fan_out(context: DurableOrchestrationContext) -> Generator[Any, Any, list[Any]]:
    """Call one activity for each number, and wait for all."""
    numbers: int = context.get_input()
    results: list[Any] = yield context.task_all([context.call_activity("square", n) for n in range(numbers)])
    return results


def measure_proof(quick: bool) -> list[Row]:
    """The app's order independence, with every combination of titles and errors and every single fault."""
    combinations = list(product(RECORDS, repeat=4))[: 2 if quick else 16]

    def prove() -> None:
        for records in combinations:
            harness = Harness(function_app.app)
            harness.answer("fetch_title", lambda url, records=records: records[URLS.index(url)])
            proof = harness.assert_order_independent("fetch_orchestration", URLS, faults=1)
            assert proof.is_exhausted, proof.proof

    return [Row(name="harness_proof", value=_best(prove, 1 if quick else 3), unit="s")]


def measure_fan_out(quick: bool) -> list[Row]:
    """One fan-out to its end, its replay checked."""
    count = 100 if quick else FAN_OUT
    runs: list[Run] = []

    def run() -> None:
        harness = Harness(fan_out)
        harness.answer("square", lambda n: n * n)
        runs.append(harness.run(fan_out, count))
        assert runs[-1].output == [n * n for n in range(count)]

    times = 1 if quick else 5
    ours, bare = _best(run, times), 0.0
    bare = _best(_bare_replay(fan_out, runs[0].history), times)
    ours = min(ours, _best(run, times))
    peer = fan_out_seconds(count)
    return [
        Row(
            name="harness_fan_out",
            value=ours,
            unit="s",
            peer="durabletask, in-memory backend" if peer else None,
            peer_value=peer,
            ratio=peer / ours if peer else None,
        ),
        Row(name="harness_fan_out_replays", value=ours / bare, unit="bare replays", peer=BARE, peer_value=bare),
        Row(name="harness_own_check", value=_check_seconds(count, times), unit="s of it, the replay check"),
        Row(name="harness_own_guard", value=_guard_seconds(count, times), unit="s of it, the guard"),
    ]


def _check_seconds(count: int, times: int) -> float:
    """What the check at the end of a fan-out takes: a replay from the start by both halves."""
    harness = Harness(fan_out)
    harness.answer("square", lambda n: n * n)
    instance = harness.start(fan_out, count)
    instance.finish()
    return _best(lambda: instance.result, times)


def _guard_seconds(count: int, times: int) -> float:
    """What it takes to watch user code: making so many calls under the guard, less making them alone."""
    harness = Harness(fan_out)
    started = harness.start(fan_out, count).result.history[:2]
    payload = orchestrator_payload(started, execution_started(started))
    handle = harness.app.orchestrator("fan_out").handle

    def watched() -> None:
        with deterministic():
            handle(payload)

    return max(_best(watched, times) - _best(lambda: handle(payload), times), 0.0)


def measure_one_by_one(quick: bool) -> list[Row]:
    """One completion for each episode: what a long orchestration costs, beside one bare replay of its history."""
    measured: list[Row] = []
    for count in (64, 256) if quick else (64, 256, 1_024):
        runs: list[Run] = []

        def run(count: int = count, runs: list[Run] = runs) -> None:
            harness = Harness(fan_out)
            harness.answer("square", lambda n: n * n)
            instance = harness.start(fan_out, count)
            for call in instance.pending.calls:
                instance.finish(call)
            assert instance.runtime_status == "Completed"
            runs.append(instance.result)

        ours = _best(run, 1 if quick else 3)
        bare = _best(_bare_replay(fan_out, runs[0].history), 1 if quick else 3)
        measured.append(
            Row(
                name=f"harness_one_by_one_{count}",
                value=ours,
                unit="s",
                peer=BARE,
                peer_value=bare,
                ratio=bare / ours,
            )
        )
    growth = measured[-1].value / measured[0].value
    measured.append(
        Row(name="harness_one_by_one_growth", value=growth, unit=f"x, limit {1.3 * (4 if quick else 16):.1f}")
    )
    return measured


def measure_schedules(quick: bool) -> list[Row]:
    """Whole schedules of the app's four URLs, each of the 24 orders, none pruned, beside bare replays."""

    def explore() -> int:
        harness = Harness(function_app.app)
        harness.answer("fetch_title", RECORDS[0])
        found = harness.explore("fetch_orchestration", URLS, prune=False)
        assert found.ended == 25
        return found.ended

    harness = Harness(function_app.app)
    harness.answer("fetch_title", RECORDS[0])
    # A schedule without boundaries that user code could see has the history of a plain run, its completions in another
    # order.
    bare_replay = _bare_replay("fetch_orchestration", harness.run("fetch_orchestration", URLS).history)
    times = 1 if quick else 7
    schedules, bare = 0.0, 0.0
    for _ in range(times):  # in turn, so that both see the same machine
        schedules = max(schedules, 25 / _best(explore, 1))
        bare = max(bare, 50 / _best(lambda: [bare_replay() for _ in range(50)], 1))
    return [
        Row(
            name="harness_schedules",
            value=schedules,
            unit="schedules/s",
            peer=BARE,
            peer_value=bare,
            ratio=schedules / bare,
        )
    ]


def measure_explorations(quick: bool) -> list[Row]:
    """What proofs take: the runs of each exploration and its seconds, beside brute force where that ends."""
    rows: list[Row] = []
    for name, (size, quick_size, explore) in EXPLORATIONS.items():
        count = quick_size if quick else size
        began = perf_counter()
        with _undisturbed():
            found = explore(count, True)
        seconds = perf_counter() - began
        assert found.is_exhausted, found.proof
        brute = explore(count, False) if name in _ENDS_BY_BRUTE_FORCE else None
        ends = brute is not None and brute.is_exhausted
        rows += [
            Row(
                name=f"explore_{name}",
                value=found.replays,
                unit=f"runs, {len(found.outcomes)} outcome{'s' if len(found.outcomes) != 1 else ''}",
                peer="brute force" if ends else None,
                peer_value=brute.replays if brute is not None and ends else None,
                ratio=brute.replays / found.replays if brute is not None and ends else None,
            ),
            Row(name=f"explore_{name}_seconds", value=seconds, unit="s"),
        ]
    return rows


def measure_search(quick: bool) -> list[Row]:
    """Runs until an ending is found that needs four given choices in a loop over twelve activities."""
    rows = []
    for orchestrator in (opens_after_four,) if quick else (opens_after_four, looks_at_four_in_the_end):
        harness = Harness(orchestrator)
        harness.answer("work", lambda number: number)
        runs: list[str] = []

        def holds(run: Run, runs: list[str] = runs) -> bool:
            runs.append(run.output)
            return bool(run.output == "shut")

        began = perf_counter()
        with suppress(OrderDependentError):
            harness.assert_always(orchestrator, holds, sampling_is_enough=True)
        assert "open" in runs, f"{orchestrator.__name__} was not found within the default budget"
        rows.append(
            Row(
                name=f"explore_{orchestrator.__name__}",
                value=runs.index("open") + 1,
                unit=f"ended runs until found, {perf_counter() - began:.0f} s with shrinking",
            )
        )
    return rows


def _one(measure: Callable[[bool], list[Row]], name: str) -> Callable[[bool], Row]:
    return lambda quick: next(row for row in measure(quick) if row.name == name)


_MEASURES: Final = {
    measure_proof: ("harness_proof",),
    measure_fan_out: ("harness_fan_out", "harness_fan_out_replays", "harness_own_check", "harness_own_guard"),
    measure_one_by_one: ("harness_one_by_one_64", "harness_one_by_one_256", "harness_one_by_one_growth"),
    measure_schedules: ("harness_schedules",),
    measure_explorations: tuple(f"explore_{name}{part}" for name in EXPLORATIONS for part in ("", "_seconds")),
    measure_search: ("explore_opens_after_four", "explore_looks_at_four_in_the_end"),
}
BENCHMARKS: Final = {name: _one(measure, name) for measure, names in _MEASURES.items() for name in names}


def _bare_replay(orchestrator: str | Callable[..., Any], history: tuple[HistoryEvent, ...]) -> Callable[[], object]:
    """The SDK alone, as the Functions worker calls it: its handle, with the payload of the last episode."""
    app = function_app.app if isinstance(orchestrator, str) else orchestrator
    name = orchestrator if isinstance(orchestrator, str) else orchestrator.__name__
    handle = Harness(app).app.orchestrator(name).handle
    seen = list(episodes_of(history))[-1].seen
    payload = orchestrator_payload(seen, execution_started(seen))
    assert json.loads(handle(payload))["isDone"]
    return lambda: handle(payload)


def _best(run: Callable[[], object], times: int) -> float:
    """The shortest of so many times: the machine's other work only adds."""
    seconds = []
    with _undisturbed():
        for _ in range(times):
            began = perf_counter()
            run()
            seconds.append(perf_counter() - began)
    return min(seconds)


@contextmanager
def _undisturbed() -> Iterator[None]:
    level, was_enabled = logging.root.level, gc.isenabled()
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        logging.root.setLevel(level)
        if was_enabled:
            gc.enable()
