"""The long attack: a mixed load on several hosts, which are killed and frozen over a storage that fails.

Invariant: when the attack is over, storage is healed and every host let go; what is not done then within the time that
hosts need to do it is lost.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from attack.aftermath import settled_verdict, what_storage_holds
from attack.army import Army
from attack.load import Load
from attack.nonsense import Nonsense
from attack.storage_faults import FaultyStorage
from attack.verdict import Verdict
from attack.weights import Weights
from durable_host.azurite import Azurite

__all__ = ["Plan", "Report", "run"]

_APP: Final = Path(__file__).with_name("long_app")
_SETTINGS: Final = {
    "PYTHON_SCRIPT_FILE_NAME": "long_app.py",
    "LOCAL_HOST_LEASE_SECONDS": "3",
    "LOCAL_HOST_LEASE_RENEW_SECONDS": "0.5",
}
_CLIENTS: Final = 2
_FREEZES: Final = 0.05
_FROZEN_SECONDS: Final = (0.2, 6.0)
"""Some are shorter than a lease or the hold on a message, some longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how hard; and the folder in which to keep what shows how it went."""

    minutes: float
    kills: int | None
    hosts: int
    one_in: int
    pause_seconds: float
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was done and what became of it, and what is wrong."""

    table: str
    wrong: list[str]


def run(plan: Plan, choices: random.Random) -> Report:
    """Attack until the time is over or the kills are done, and judge."""
    hub = f"Long{uuid.uuid4().hex[:12]}"
    began = time.monotonic()
    with contextlib.ExitStack() as resources:
        azurite = resources.enter_context(Azurite.start())
        folder, record = _kept_in(plan.keep, resources)
        # Each with choices of its own, because threads take turns as they like.
        storage = FaultyStorage(azurite.connection_string, _own(choices), one_in=plan.one_in, record=record)
        with storage:
            environment = {
                **_SETTINGS,
                "ATTACK_HUB": hub,
                "AzureWebJobsStorage": storage.connection_string,
            }
            with Army(_APP, folder, environment, plan.hosts) as army:
                nonsense = Nonsense(azurite.connection_string, hub, _own(choices))
                names = [f"client{number}" for number in range(_CLIENTS)]
                loads = [Load(name, lambda: army.ports, _own(choices), plan.pause_seconds) for name in names]
                weights = Weights()
                _attack(plan, army, loads, nonsense, choices, weights)
                storage.heal()
                verdict = settled_verdict(army, loads)
                verdict.wrong += what_storage_holds(azurite.connection_string, hub)
                army.stop()
                if army.late_stops:
                    verdict.wrong.append(f"{army.late_stops} hosts did not stop in time, or not with 0")
                if verdict.wrong:
                    print("\n".join(army.log_of(number)[-6000:] for number in range(army.size)))
                minutes = (time.monotonic() - began) / 60
                return Report(_table(minutes, army, storage, nonsense, verdict, weights), verdict.wrong)


def _kept_in(folder: Path | None, resources: contextlib.ExitStack) -> tuple[Path, TextIO | None]:
    """Where the hosts write their logs, and the file for what they ask of storage."""
    if folder is None:
        return Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="attack-"))), None
    folder.mkdir(parents=True, exist_ok=True)
    return folder, resources.enter_context((folder / "requests.jsonl").open("w", encoding="utf-8"))


def _attack(
    plan: Plan, army: Army, loads: list[Load], nonsense: Nonsense, choices: random.Random, weights: Weights
) -> None:
    clients = [threading.Thread(target=load.run, daemon=True) for load in loads]
    for client in clients:
        client.start()
    end = time.monotonic() + 60 * plan.minutes
    told = 0
    while time.monotonic() < end and not (plan.kills and army.kills >= plan.kills):
        number = choices.randrange(plan.hosts)
        weights.look(army.pids)
        # Now and then before it is up, else while it works.
        if choices.random() < 0.9:
            army.wait_until_ready(number)
            time.sleep(choices.uniform(0.0, 1.5))
        if choices.random() < _FREEZES:
            army.freeze(number, choices.uniform(*_FROZEN_SECONDS))
        elif plan.kills != 0:
            army.kill(number)
        if choices.random() < 0.2:
            nonsense.add()
        if army.kills >= told + 50:
            told = army.kills
            done = sum(len(load.started) for load in loads)
            print(f"{told} kills, {army.freezes} freezes, {done} instances", flush=True)
    for load in loads:
        load.stop()
    for client in clients:
        client.join()


def _table(
    minutes: float, army: Army, storage: FaultyStorage, nonsense: Nonsense, verdict: Verdict, weights: Weights
) -> str:
    started, ended = verdict.started, verdict.ended
    rows = [
        ("minutes", f"{minutes:.1f}"),
        ("hosts at a time", army.size),
        ("kills (SIGKILL)", army.kills),
        ("freezes (SIGSTOP)", army.freezes),
        ("starts that storage failed", army.failed_starts),
        ("storage requests", f"{storage.asked}, {storage.failed} of them failed"),
        ("pieces of nonsense", nonsense.put),
        ("instances asked for", ", ".join(f"{number} {word}" for word, number in sorted(started.items()))),
        ("instances now", ", ".join(f"{number} {word}" for word, number in sorted(ended.items()))),
        ("entity operations expected", f"{verdict.expected} to {verdict.expected + verdict.unsure}"),
        ("entity operations applied", verdict.applied),
        *weights.rows(),
        ("wrong", len(verdict.wrong)),
    ]
    return "\n".join(f"{name:30} {value}" for name, value in rows)


def _own(choices: random.Random) -> random.Random:
    return random.Random(choices.random())
