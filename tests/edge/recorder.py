"""Runs all edge scenarios on our hosts, many at a time, and gives what they left behind, normalised.

Two hosts with a task hub each: scenarios that purge or list a whole hub, or that a busy host would change, run one
after the other on one of them, all others at once on the other.
Invariant: a scenario's instances are its own, so that scenarios on one hub do not see each other.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from azure.data.tables import TableServiceClient

from edge.comparing import given_up
from edge.recorded_driver import SCENARIOS, Conversation, Driver, DriverScenario
from recorded_host.driver import Json
from recorded_host.normalising import normalised
from recorded_host.raw_recording import RawRecording

__all__ = ["EdgeRecordings", "Place", "recorded"]

_AT_A_TIME: Final = 12
_HUB: Final = "EdgeHub"
_SHORTEST_ID: Final = 8
# The driver's deadlines were made for one scenario at a time.
_PATIENCE: Final = 4.0
_OF_THE_WHOLE_HUB: Final = ("purge_", "entity_lists", "entity_methods", "status_flags", "start_ids_whole")
# On a busy host an event or a look may come too late for these.
_IN_A_HURRY: Final = ("events_buffered", "child_with_a_taken_id")
_ONE_AFTER_THE_OTHER: Final = "call_http_"


def recorded(name: str) -> Json:
    """The real host's recording of a scenario."""
    recording: Json = json.loads((SCENARIOS / f"{name}.json").read_text(encoding="utf-8"))
    return recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A host to run scenarios on: its address, its storage, and where its app logs invocations."""

    address: str
    connection_string: str
    log: Path


@dataclass(slots=True)
class _Ran:
    """A scenario that has run."""

    talk: Conversation
    error: str | None = None
    logged: float = math.inf
    rows: dict[str, list[Json]] = field(default_factory=dict)


class EdgeRecordings:
    """What each scenario left behind on our hosts."""

    def __init__(self, driver: Driver, names: Sequence[str], *, busy: Place, alone: Place) -> None:
        self._driver, self._names, self._busy, self._alone = driver, names, busy, alone
        self._ran: dict[str, _Ran] = {}

    def run(self) -> Mapping[str, Json]:
        """Run them all, and normalise what they left behind."""
        starts = (*_IN_A_HURRY, *_OF_THE_WHOLE_HUB)
        in_turn = [name for start in starts for name in self._names if name.startswith(start)]
        calls = [name for name in self._names if name.startswith(_ONE_AFTER_THE_OTHER)]
        others = [name for name in self._names if name not in {*in_turn, *calls}]
        lanes = [
            threading.Thread(target=self._run_in_turn, args=(in_turn, self._alone)),
            threading.Thread(target=self._run_in_turn, args=(calls, self._busy)),
        ]
        for lane in lanes:
            lane.start()
        # The longest first, so that none of them is left for the end.
        others.sort(key=lambda name: -self._driver.scenarios[name].seconds)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            for done in [pool.submit(self._run, name, self._busy) for name in others]:
                done.result()
        for lane in lanes:
            lane.join()
        self._read_rows(others + calls, self._busy)
        invocations = {place.address: _invocations(place.log) for place in (self._busy, self._alone)}
        return {
            name: self._recording(name, invocations[(self._alone if name in in_turn else self._busy).address])
            for name in self._names
        }

    def _run_in_turn(self, names: Sequence[str], place: Place) -> None:
        for name in names:
            self._run(name, place)
            if place is self._alone:
                self._read_rows([name], place)  # the next scenario may purge them

    def _run(self, name: str, place: Place) -> None:
        scenario: DriverScenario = self._driver.scenarios[name]
        talk = self._driver.talk(
            place.address,
            scenario.seconds * _PATIENCE,
            place.connection_string,
            in_vain=given_up(recorded(name)),
            patience=_PATIENCE,
        )
        ran = self._ran[name] = _Ran(talk)
        try:
            scenario.run(talk)
        except Exception as error:  # what went wrong is part of what is compared
            ran.error = repr(error)
        if place is self._alone:
            ran.logged = place.log.stat().st_size  # its rows are read now, too

    def _read_rows(self, names: Sequence[str], place: Place) -> None:
        """Read the tables once, and give each scenario its rows."""
        with TableServiceClient.from_connection_string(place.connection_string) as service:
            for table in ("Instances", "History"):
                with service.get_table_client(_HUB + table) as client:
                    rows = [dict(row) for row in client.list_entities()]
                rows.sort(key=lambda row: (row["PartitionKey"], row["RowKey"]))
                for name in names:
                    ran = self._ran[name]
                    ran.rows[table] = [
                        {column: [type(value).__name__, str(value)] for column, value in row.items()}
                        for row in rows
                        if _concerns(row, ran.talk)
                    ]

    def _recording(self, name: str, invocations: Sequence[Json]) -> Json:
        ran = self._ran[name]
        ids = list(dict.fromkeys([*ran.talk.ids, *ran.talk.tokens]))
        keys = {row["PartitionKey"][1] for rows in ran.rows.values() for row in rows}
        raw = self._driver.tidied(
            {
                "http": ran.talk.log,
                "rows": ran.rows,
                "worker": [
                    one["record"] for one in invocations if one["instance"] in keys and one["end"] <= ran.logged
                ],
            }
        )
        recording = normalised(
            RawRecording(
                scenario=name,
                base=ran.talk.base,
                ids=[one for one in ids if len(one) >= _SHORTEST_ID],
                http=raw["http"],
                rows=raw["rows"],
                worker=raw["worker"],
            )
        )
        return {**recording, "error": ran.error}


def _concerns(row: Mapping[str, Any], talk: Conversation) -> bool:
    """Whether a row is of one of the scenario's instances, or of a child of one."""
    key, parent = row["PartitionKey"], str(row.get("ParentInstanceId", ""))
    return (
        any(key == one or (len(one) >= _SHORTEST_ID and (key.startswith(one) or key.endswith(one))) for one in talk.ids)
        or any(token in key for token in talk.tokens)
        or any(len(one) >= 12 and one in parent for one in talk.ids)
    )


def _invocations(log: Path) -> list[Json]:
    """The app's log: each invocation with the id of its instance, and where its line ends."""
    found, end = [], 0
    for line in log.read_bytes().splitlines(keepends=True):
        record = json.loads(line)
        end += len(line)
        payload = record["payload"]
        entity = payload.get("self")
        instance = f"@{entity['name']}@{entity['key']}" if entity else payload.get("instanceId")
        found.append({"instance": instance, "record": record, "end": end})
    return found
