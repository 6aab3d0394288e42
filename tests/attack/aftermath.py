"""After an attack: wait until the hosts have done what was left, and look at what there is.

Invariant: waiting ends when nothing has changed for longer than any hold, lease or pause of the hosts lasts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from attack.army import Army, ask
from attack.load import Load
from attack.verdict import Verdict, judge
from host_process import InconsistentHistoryError, StorageWitness

__all__ = ["settled_verdict", "what_storage_holds"]

_MANAGEMENT: Final = "/runtime/webhooks/durabletask"
_PATIENCE_SECONDS: Final = 120.0
_QUIET_SECONDS: Final = 10.0
"""How long what is all right must stay so: something that comes once more would be counted twice by then."""
_LOOK_SECONDS: Final = 2.0
_OPEN: Final = ("Pending", "Running")


def settled_verdict(army: Army, loads: Sequence[Load]) -> Verdict:
    """The verdict, once it does not change any more."""
    for number in range(army.size):
        army.wait_until_ready(number)
    statuses: dict[str, str | None] = {}
    ledgers = sorted(ledger for load in loads for ledger in load.ledgers())
    before, since = None, time.monotonic()
    while True:
        _look_at_open(army, loads, statuses)
        noted = {ledger: _read(army, f"/entities/ledger/{quote(ledger)}") or {} for ledger in ledgers}
        verdict = judge(loads, statuses, noted)
        seen = (dict(verdict.ended), noted)
        if seen != before:
            before, since = seen, time.monotonic()
        if time.monotonic() - since > (_PATIENCE_SECONDS if verdict.wrong else _QUIET_SECONDS):
            return verdict
        time.sleep(_LOOK_SECONDS)


def what_storage_holds(connection_string: str, hub: str) -> list[str]:
    """What a witness of the storage finds wrong."""
    with StorageWitness(connection_string, hub) as witness:
        try:
            witness.instances()
        except InconsistentHistoryError as error:
            return [f"{error}"]
    return []


def _look_at_open(army: Army, loads: Sequence[Load], statuses: dict[str, str | None]) -> None:
    """Ask for every instance whose end has not been seen."""
    for one in (one for load in loads for one in load.started):
        for instance_id in one.instance_ids:
            if statuses.get(instance_id) in (None, *_OPEN):
                status: Mapping[str, Any] = _read(army, f"/instances/{instance_id}") or {}
                statuses[instance_id] = status.get("runtimeStatus")


def _read(army: Army, path: str) -> Any:
    """What a host answers; None where there is nothing.

    Raises:
        RuntimeError: It answers neither, for longer than failing storage explains.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        status, body = ask(army.ports[0], "GET", _MANAGEMENT + path)
        if status in (200, 202):
            return json.loads(body)
        if status == 404:
            return None
        if time.monotonic() > deadline:
            raise RuntimeError(f"GET {path} is answered {status} for {_PATIENCE_SECONDS:g} s: {body[:300]!r}")
        time.sleep(_LOOK_SECONDS)
