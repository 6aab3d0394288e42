"""The load of the long attack: what clients ask the hosts for, and what must have become of it.

Invariant: a request is repeated until a host accepts it, and never after. Where its answer was lost, or was an error,
it may have been accepted: then it is unsure, and both outcomes are right.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import quote

from attack.army import ask

__all__ = ["KINDS", "Load", "Sent", "Started"]

_MANAGEMENT: Final = "/runtime/webhooks/durabletask"
_PAUSE_SECONDS: Final = 0.2
_PER_LEDGER: Final = 20
KINDS: Final = {
    "notes": ("Completed", 3),
    "fans_out": ("Completed", 3),
    "has_child": ("Completed", 3),
    "begins_anew": ("Completed", 3),
    "waits": ("Completed", 1),
    "is_blocked": ("Failed", 0),
}
"""For each orchestrator, how it must end, and how many tokens it notes."""
_WEIGHTS: Final = (4, 4, 2, 3, 3, 1)


class Sent(Enum):
    """What is known of a request."""

    ACCEPTED = "accepted"
    UNSURE = "unsure"
    NEVER = "never"


@dataclass(slots=True, kw_only=True)
class Started:
    """An instance that was asked for; ``event`` is what became of the event that it waits for."""

    instance_id: str
    kind: str
    ledger: str
    sent: Sent
    event: Sent = Sent.ACCEPTED
    purged: Sent = Sent.NEVER

    @property
    def may_stay(self) -> bool:
        """Whether it may wait for ever, because its event may not have been raised."""
        return self.event is not Sent.ACCEPTED

    @property
    def instance_ids(self) -> list[str]:
        """Its own id, and that of the child that it starts."""
        return [self.instance_id, *([f"{self.instance_id}-child"] if self.kind == "has_child" else [])]

    def tokens(self) -> list[str]:
        """What it must have noted."""
        return [f"{self.instance_ids[-1]}/{number}" for number in range(KINDS[self.kind][1])]


@dataclass(slots=True)
class Load:
    """Clients that start instances, raise events, signal ledgers and purge what has ended, until told to stop."""

    name: str
    ports: Callable[[], Sequence[int]]
    choices: random.Random
    pause_seconds: float
    started: list[Started] = field(default_factory=list)
    signals: dict[str, tuple[str, Sent]] = field(default_factory=dict)
    """For each token that a client signalled, its ledger and what is known."""
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask for one thing after the other; for a thread of its own."""
        number = 0
        while not self._stopped.wait(self.choices.uniform(0.0, 2 * self.pause_seconds)):
            number += 1
            ledger = f"{self.name}-{number // _PER_LEDGER}"
            if number % 3 == 0:
                token = f"{self.name}/{number}"
                sent = self.send(f"/entities/ledger/{ledger}?op=note", token)
                self.signals[token] = ledger, sent
                continue
            kind = self.choices.choices(list(KINDS), _WEIGHTS)[0]
            instance_id = f"{self.name}-{kind}-{number}"
            sent = self.send(f"/orchestrators/{kind}/{instance_id}", {"ledger": ledger})
            one = Started(instance_id=instance_id, kind=kind, ledger=ledger, sent=sent)
            if kind == "waits":
                one.event = self.send(f"/instances/{instance_id}/raiseEvent/go", True)
            self.started.append(one)
            if number % 10 == 0:
                self._purge_one()

    def ledgers(self) -> set[str]:
        """Every ledger that was asked for anything."""
        return {one.ledger for one in self.started} | {ledger for ledger, _ in self.signals.values()}

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stopped.set()

    def send(self, path: str, data: object) -> Sent:
        """Send a request until a host accepts it. Inputs are JSON in JSON, as the SDK's client sends them."""
        body = json.dumps(json.dumps(data)).encode()
        while not self._stopped.is_set():
            ports = self.ports()
            status, _ = ask(self.choices.choice(ports), "POST", _MANAGEMENT + path, body) if ports else (0, b"")
            if status == 202:
                return Sent.ACCEPTED
            if status != 0:
                return Sent.UNSURE
            time.sleep(_PAUSE_SECONDS)
        return Sent.NEVER

    def _purge_one(self) -> None:
        """Remove an instance that has ended: from then on there is none."""
        old = [one for one in self.started[:-30] if one.purged is Sent.NEVER and one.sent is Sent.ACCEPTED]
        one = self.choices.choice(old) if old else None
        ports = self.ports()
        if one is None or not ports:
            return
        path = f"{_MANAGEMENT}/instances/{quote(one.instance_id)}"
        status, body = ask(ports[0], "GET", path)
        if status == 200 and json.loads(body)["runtimeStatus"] in ("Completed", "Failed"):
            status, _ = ask(ports[0], "DELETE", path)
            one.purged = {200: Sent.ACCEPTED, 0: Sent.NEVER}.get(status, Sent.UNSURE)
