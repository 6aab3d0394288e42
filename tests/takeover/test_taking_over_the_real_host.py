"""Our host carries on whatever the real host leaves, at whatever point it dies.

The real host's recorded requests, up to any point, make a hub; our host is started on it; each instance must come to
what the recording came to. One hub holds a scenario cut off at many points, each cut under ids of its own.
The default run tries a fixed choice of points, and the long one every point.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from durable_host.azurite import Azurite
from durable_host.clock import now
from host_process import StorageWitness, soon
from takeover.carried_on import RecordedApp, carry_on, running_host
from takeover.hub_state import Step
from takeover.hub_writer import HubWriter
from takeover.left_run import LeftRun, Outcome, lasting_name, outcome_of
from takeover.recorded_requests import SCENARIOS, RunNames
from takeover.recorded_run import recorded_run
from takeover.repeated import without_repetitions


def cut_points(steps: list[Step], at_most: int | None) -> list[int]:
    """After how many steps to cut a run off: so many times at most, or after each."""
    if at_most is None:
        return list(range(1, len(steps) + 1))
    labels = [step.label for step in steps]
    # Within a row of equal steps one point is like the next.
    different = [place for place, (one, next_one) in enumerate(pairwise([*labels, ""]), 1) if one != next_one]
    share = max(1.0, len(different) / at_most)
    return sorted({different[int(number * share)] for number in range(int(len(different) / share))})


def stored_outcomes(connection_string: str, hub: str) -> dict[str, Outcome]:
    """How every instance of the hub stands, told from storage alone."""
    with StorageWitness(connection_string, hub) as witness:
        return {
            lasting_name(instance_id, one.events): outcome_of(
                one.row, [*one.events, {"RowKey": "sentinel", "ExecutionId": one.execution_id}]
            )
            for instance_id, one in witness.instances().items()
            if one.row  # it is written after the history
        }


def _of_one_version(value: Any) -> Any:
    """The value with the texts of extension 3.19, which has a space less than 3.15.2 had."""
    return json.loads(json.dumps(value).replace(" failed:  ", " failed: "))


def differences(run: LeftRun, stored: dict[str, Outcome]) -> Iterator[str]:
    """What of a run did not come to what the recording came to."""
    for name, recorded in run.outcomes.items():
        if name not in stored:
            yield f"{run.label}: {name} is not in storage"
            continue
        ours = without_repetitions(run, recorded, stored[name])
        for part in ("name", "status", "output", "custom_status", "kinds"):
            if _of_one_version(getattr(recorded, part)) != _of_one_version(getattr(ours, part)):
                yield (
                    f"{run.label} (repeats: {', '.join(run.repeats) or 'nothing'}): {name} has the {part} "
                    f"{getattr(ours, part)!r:.300}, and {getattr(recorded, part)!r:.300} was recorded"
                )


# The SDK warns where a message came twice, which is what a crash does; as an error that would fail the orchestration.
@pytest.mark.filterwarnings(r"ignore:::azure\..*")
@pytest.mark.parametrize("cuts", [3, pytest.param(None, marks=pytest.mark.long, id="every")])
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_host_carries_on_what_the_real_host_left_at_any_point(
    scenario: str, cuts: int | None, azurite: Azurite, app: RecordedApp
) -> None:
    hub = f"Over{uuid.uuid4().hex[:12]}"
    endpoint = f"http://127.0.0.1:{azurite.ports.blob}/devstoreaccount1"
    names = RunNames(tag=scenario, hub=hub, blob_endpoint=endpoint)
    runs = [
        LeftRun(
            scenario,
            RunNames(tag=f"{scenario}-{steps}", hub=hub, blob_endpoint=endpoint),
            steps_done=steps,
            died_at=now(),
        )
        for steps in cut_points(recorded_run(scenario, names), cuts)
    ]
    for run in runs:
        for put in run.starts:
            app.has_run(put.instance_id, run.activity_runs("flaky"))
    async with HubWriter(azurite.connection_string, names) as writer:
        await writer.start_up(expired_at=now())
        await writer.leave(run.state for run in runs)

    def all_differences() -> list[str]:
        stored = stored_outcomes(azurite.connection_string, hub)
        return [text for run in runs for text in differences(run, stored)]

    async with running_host(app, hub, azurite.connection_string) as client:
        problems = await carry_on(client, runs)
        # A child whose host died before it had a row shows in no list until it has run again.
        with contextlib.suppress(TimeoutError):
            await soon(
                lambda: asyncio.to_thread(lambda: not all_differences()), "every instance came to what was recorded"
            )

    assert not (problems := [*problems, *all_differences()]), "\n".join(problems)
