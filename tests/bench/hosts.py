"""Benchmarks of several hosts on one task hub: what one more of them brings, and how even the partitions are shared.

Invariant: nothing is measured before every partition has an owner, and each host some.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.host import check_stored, new_hub, start_host
from bench.table import Row
from durable_host.azurite import Azurite
from host_process import HostProcess, StorageWitness, wait_until

__all__ = ["BENCHMARKS", "rows"]

_PARTITIONS: Final = 4
_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.1


def hosts_1(quick: bool = False) -> Row:
    """One host."""
    return _measured(1, quick)


def hosts_2(quick: bool = False) -> Row:
    """Two, beside one."""
    return _measured(2, quick)


def hosts_4(quick: bool = False) -> Row:
    """Four, beside one: each owns a single partition."""
    return _measured(4, quick)


def _measured(count: int, quick: bool) -> Row:
    instances, activities = (4, 10) if quick else (16, 50)
    rate, share = _rate_and_share(count, instances, activities)
    alone = rate if count == 1 else _rate_and_share(1, instances, activities)[0]
    return Row(
        name=f"hosts_{count} (least share {share:.2f})",
        value=rate,
        unit="activities/s",
        peer="one host",
        peer_value=alone,
        ratio=rate / alone,
    )


def _rate_and_share(count: int, instances: int, activities: int) -> tuple[float, float]:
    """Activities per second of fan-outs that run side by side; the least share of partitions, 1 being an even one."""
    hub = new_hub()
    with (
        Azurite.start() as azurite,
        contextlib.ExitStack() as running,
        StorageWitness(azurite.connection_string, hub) as witness,
    ):
        hosts = [running.enter_context(start_host(azurite.connection_string, hub)) for _ in range(count)]
        wait_until(lambda: _owners(witness) == count, f"{count} hosts own the partitions", seconds=_SECONDS)
        owned = Counter(witness.owners().values())
        _run(hosts[0], "warming", 4)
        ids = [f"instance-{number}" for number in range(instances)]
        began = time.perf_counter()
        with ThreadPoolExecutor(instances) as clients:
            list(clients.map(lambda one: _run(hosts[ids.index(one) % count], one, activities), ids))
        seconds = time.perf_counter() - began
        for one in ids:
            check_stored(witness, one, activities)
    return instances * activities / seconds, min(owned.values()) / (_PARTITIONS / count)


def _owners(witness: StorageWitness) -> int:
    owners = witness.owners().values()
    return 0 if not owners or None in owners else len(set(owners))


def _run(host: HostProcess, instance_id: str, activities: int) -> None:
    with host.client() as client:
        client.call("POST", f"/api/start/{activities}?id={instance_id}")
        client.wait_for(instance_id, seconds=_SECONDS, poll_seconds=_POLL_SECONDS)


BENCHMARKS: Final[Mapping[str, Callable[[bool], Row]]] = {"hosts_1": hosts_1, "hosts_2": hosts_2, "hosts_4": hosts_4}


def rows(quick: bool = False) -> list[Row]:
    """Measure everything."""
    return [measure(quick) for measure in BENCHMARKS.values()]
