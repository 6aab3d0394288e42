"""Runs recorded scenarios on one host and gives what they left behind, normalised.

One host's recordings, made when they are first asked for.
Invariant: scenarios run one after the other; what a scenario must see of others has run before it, on the same hub.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from host_process import HostProcess
from recorded_host.driver import Driver, Json
from recorded_host.normalising import normalised
from recorded_host.raw_recording import InvocationLog, RawRecording, read_rows
from recorded_host.scenarios.catalogue import SCENARIOS
from recorded_host.scenarios.scenario import Scenario

__all__ = ["APP", "HUB", "Recorder", "recorded", "recorded_names"]

_RECORDINGS: Final = Path(__file__).parents[2] / "fixtures" / "recordings"

APP: Final = _RECORDINGS / "app"
"""The app that was recorded."""
HUB: Final = "GoldenHub"
"""The hub of its host.json."""


def recorded_names() -> list[str]:
    """The scenarios of which the real engine's recording is here."""
    return sorted(path.stem for path in (_RECORDINGS / "scenarios").glob("*.json"))


def recorded(name: str) -> Json:
    """The real engine's recording of a scenario."""
    recording: Json = json.loads((_RECORDINGS / "scenarios" / f"{name}.json").read_text(encoding="utf-8"))
    return recording


class Recorder:
    """The recordings of one host, whose app logs its invocations to ``log``."""

    def __init__(self, host: HostProcess, *, connection_string: str, log: Path) -> None:
        self.host = host
        self._connection_string, self._log = connection_string, InvocationLog(log)
        self._recordings: dict[str, Json] = {}

    def recording(self, name: str) -> Json:
        """What a scenario leaves behind on this host; it is run only once."""
        if name not in self._recordings:
            scenario = SCENARIOS[name]
            for earlier in scenario.after:
                self.recording(earlier)
            self._recordings[name] = self._record(scenario)
        return self._recordings[name]

    def _record(self, scenario: Scenario) -> Json:
        driver = Driver(self.host.address)
        self._log.skip()
        ids = scenario.run(driver)
        rows = read_rows(self._connection_string, HUB, ids) if ids else {}
        return normalised(
            RawRecording(
                scenario=scenario.name,
                base=driver.base,
                ids=ids,
                http=driver.exchanges,
                rows=rows,
                worker=self._log.new_lines(),
            )
        )
