"""A real host can take over what ours leaves, at whatever point ours dies.

Our host runs the recorded scenarios behind a proxy that sees every request. What storage holds after any of them is
what a real host would find; it must be what the real host itself writes, and nothing of it may be lost.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from durable_engine import ticks_from_text
from durable_host.azurite import Azurite
from durable_host.clock import now
from durable_host.task_hub.base.names import partition_of
from host_process import Fault, StorageProxy, StorageRequest
from takeover.carried_on import RecordedApp, carry_on, running_host
from takeover.filled_run import filled_run
from takeover.hub_invariants import what_is_lost
from takeover.hub_state import WORK_ITEMS, HubState, Put, Step, Write
from takeover.hub_writer import PARTITIONS
from takeover.left_run import LeftRun
from takeover.our_run import our_steps
from takeover.reader_rules import ReaderRules
from takeover.recorded_requests import SCENARIOS, RunNames

# The SDK warns of results without a test's settings; as an error that would fail orchestrations.
pytestmark = [pytest.mark.xdist_group("one run of ours"), pytest.mark.filterwarnings(r"ignore:::azure\..*")]


@dataclass(frozen=True, slots=True, kw_only=True)
class OurRun:
    """What our host asked of storage in a run of all scenarios, and what it did there."""

    hub: str
    requests: list[StorageRequest]
    steps: list[Step]


@pytest.fixture(scope="module")
def ours(azurite: Azurite, app: RecordedApp) -> OurRun:
    """A run of all scenarios on our host, from the clients' starts to the end."""
    hub = f"Ours{uuid.uuid4().hex[:12]}"
    runs = [
        LeftRun(
            name, RunNames(tag=f"ours-{name}", hub=hub, blob_endpoint="http://storage"), steps_done=0, died_at=now()
        )
        for name in SCENARIOS
    ]

    signals: list[StorageRequest] = []

    def fault(request: StorageRequest) -> Fault | None:
        """The first signal to an entity fails once, so that the call behind it comes first and has to wait for it."""
        is_signal = request.service == "queue" and '\\"signal\\":true' in request.text
        signals.extend([request] * is_signal)
        return Fault.BEFORE if is_signal and len(signals) == 1 else None

    async def run() -> list[StorageRequest]:
        async with StorageProxy(azurite.connection_string, fault=fault) as proxy:
            async with running_host(app, hub, proxy.connection_string) as client:
                assert await carry_on(client, runs) == []
            return proxy.requests

    requests = asyncio.run(run())
    assert len(signals) > 1
    return OurRun(hub=hub, requests=requests, steps=our_steps(requests, large_messages(azurite, hub)))


def large_messages(azurite: Azurite, hub: str) -> dict[str, Any]:
    """What the blobs of messages hold."""
    container = f"{hub.lower()}-largemessages"
    with ContainerClient.from_connection_string(azurite.connection_string, container) as blobs:
        names = [name for name in blobs.list_blob_names() if "/message-" in name]
        return {name: json.loads(gzip.decompress(blobs.download_blob(name).readall())) for name in names}


def test_every_row_and_message_of_ours_is_one_that_the_real_host_reads(ours: OurRun) -> None:
    names = RunNames(tag="recorded", hub=ours.hub, blob_endpoint="http://storage")
    began_at = ticks_from_text("2026-11-23T10:00:00Z")
    rules = ReaderRules.learn_from(step for name in SCENARIOS for step in filled_run(name, names, began_at))

    problems = Counter(problem for step in ours.steps for problem in rules.problems(step))

    assert not problems, "\n".join(f"{count} times: {text}" for text, count in problems.most_common(20))
    writes = [write for step in ours.steps if isinstance(step, Write) for write in step.rows]
    assert len({write.row["EventType"] for write in writes if "EventType" in write.row}) == 17
    assert len({step.kind for step in ours.steps if isinstance(step, Put)}) == 11
    assert len(rules.kinds) == 35


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("EventId", "0", "has EventId as str"),
        ("Version", None, "has Version as null"),
        ("Tags", "", "has '' as Tags"),
        ("Surprise", 1, "has Surprise, which was never recorded"),
        ("_Timestamp", "2026-11-23T10:00:00Z", "has _Timestamp as broken time"),
        ("_Timestamp@odata.type", None, "has _Timestamp as str"),
        ("IsPlayed", None, "lacks IsPlayed"),
    ],
)
def test_rules_notice_a_row_that_the_real_host_never_wrote(column: str, cell: object, problem: str) -> None:
    names = RunNames(tag="recorded", hub="SomeHub", blob_endpoint="http://storage")
    steps = filled_run("chain", names, 0)
    rules = ReaderRules.learn_from(steps)
    write = next(
        write
        for step in steps
        if isinstance(step, Write)
        for write in step.rows
        if write.row.get("EventType") == "TaskScheduled"
    )
    row = {name: value for name, value in {**write.row, column: cell}.items() if (name, value) != ("IsPlayed", None)}

    problems = rules.problems(Write(at_ms=0, rows=(replace(write, row=row),)))

    assert len(problems) == 1
    assert problem in problems[0]


def test_rules_notice_a_message_that_the_real_host_never_wrote() -> None:
    names = RunNames(tag="recorded", hub="SomeHub", blob_endpoint="http://storage")
    steps = filled_run("chain", names, 0)
    rules = ReaderRules.learn_from(steps)
    put = next(step for step in steps if isinstance(step, Put) and step.kind == "TaskScheduled")
    rest = {name: value for name, value in put.data.items() if name != "ActivityId"}
    message = {"ActivityId": put.data["ActivityId"], **rest, "Episode": "1"}

    problems = rules.problems(replace(put, data=message))

    assert [text.partition(" has ")[2][:20] for text in problems] == ["Episode as str, and ", "its members in the o"]


def test_nothing_of_ours_is_lost_wherever_our_host_dies(ours: OurRun) -> None:
    state = HubState()

    for place, step in enumerate(ours.steps):
        state.apply(step)
        assert not what_is_lost(state), f"after step {place}, {step.label}"

    assert len(ours.steps) > 400


def test_every_message_of_ours_goes_into_the_queue_in_which_the_real_host_looks(ours: OurRun) -> None:
    puts = [request for request in ours.requests if request.service == "queue" and request.method == "POST"]
    steps = [step for step in ours.steps if isinstance(step, Put)]

    for request, put in zip(puts, steps, strict=True):
        is_work_item = put.queue == WORK_ITEMS
        queue = WORK_ITEMS if is_work_item else f"control-{partition_of(put.queue, PARTITIONS):02d}"
        assert f"/{ours.hub.lower()}-{queue}/messages?" in request.path
        assert request.path.endswith("messagettl=-1")


def test_history_of_ours_is_only_written_by_whoever_knows_the_last_checkpoint(ours: OurRun) -> None:
    batches = [r for r in ours.requests if "/$batch" in r.path and f"{ours.hub}History" in r.text]
    assert len(batches) > 70

    for batch in batches:
        last = re.findall(r"(PUT|PATCH|POST) \S+ HTTP/1\.1\r?\n(.*?)\r?\n\r?\n(\{.*?\})", batch.text, re.DOTALL)[-1]
        verb, headers, row = last
        assert json.loads(row)["RowKey"] == "sentinel"
        assert verb == "POST" or re.search(r"^If-Match: W/", headers, re.MULTILINE), headers
