"""The real app as the flow tests see it: asked for the titles of pages, on the harness, on a host, or deployed.

The seam of the smoke tests, which a deployed app can be asked too.
Invariant: of a deployed app nothing is used but its address and its function key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from durable_engine import FINAL_STATUSES
from flow.http_exchange import Reply, ask
from flow.target import Flow, Status
from flow.target_harness import HarnessTarget
from flow.target_http import status_of
from host_process import wait_until
from recorded_pages import replay

__all__ = ["CASSETTES", "Titles", "TitlesInHarness", "TitlesOverHttp", "recorded_titles"]

CASSETTES: Final = Path(__file__).parents[2] / "fixtures" / "cassettes"
TRIGGER: Final = "FetchOrchestration_HttpStart"
FETCH_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.05


def recorded_titles() -> dict[str, str | None]:
    """The title of each recorded page, None where it has none."""
    titles: dict[str, str | None] = json.loads((CASSETTES / "titles.json").read_text(encoding="utf-8"))
    return titles


class Titles(Protocol):
    """Whatever fetches titles; ``is_recorded`` says whether its pages are the recorded ones."""

    is_recorded: bool

    def fetch(self, urls: Sequence[str] | None = None) -> Status:
        """Fetch the titles of these pages, or of the default ones, and return how that ended."""


class TitlesInHarness:
    """The app in the harness, on recorded pages. It has no HTTP trigger there."""

    is_recorded = True

    def __init__(self, app: object) -> None:
        self._flow = Flow(HarnessTarget(app))

    def fetch(self, urls: Sequence[str] | None = None) -> Status:
        """Run the orchestration with the app's own activity."""
        with replay(CASSETTES):
            return self._flow.run("fetch_orchestration", None if urls is None else list(urls))


class TitlesOverHttp:
    """The app on a host."""

    def __init__(self, address: str, key: str | None = None, *, is_recorded: bool) -> None:
        self.is_recorded = is_recorded
        self._trigger = f"{address}/api/{TRIGGER}"
        self._key = {} if key is None else {"x-functions-key": key}

    def request(self, body: str | None) -> Reply:
        """Call the HTTP trigger; without a body with GET."""
        if body is None:
            return ask("GET", self._trigger, headers=self._key)
        return ask("POST", self._trigger, body, {"Content-Type": "application/json", **self._key})

    def fetch(self, urls: Sequence[str] | None = None) -> Status:
        """Call the HTTP trigger, and follow the status URL to the end."""
        reply = self.request(None if urls is None else json.dumps({"urls": list(urls)}))
        if reply.status != 202:
            raise AssertionError(f"{self._trigger} was answered {reply.status}, and not 202: {reply.text}")
        status_url = reply.json()["statusQueryGetUri"]
        status: Status | None = None

        def has_ended() -> bool:
            nonlocal status
            status = status_of(status_url)
            return status is not None and status.runtime_status in FINAL_STATUSES

        wait_until(
            has_ended,
            lambda: f"the titles are there; the status is {status}",
            seconds=FETCH_SECONDS,
            poll_seconds=POLL_SECONDS,
        )
        assert status is not None
        return status
