"""Benchmarks of large fan-outs: beside the storage operations that they need, and how long their end takes.

Azurite's cost of a request grows with the messages that wait in all queues, so that a rate is told beside its peer's:
the more activities, the lower both. On disk each text is appended to a file, and all messages are saved every 5 s.
Invariant: a fan-out counts only if no lease was lost and no episode given up meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from bench.host import PEER, POLL_SECONDS, StartStorage, bench_host, is_over
from bench.storage_peer import storage_fan_out_rate
from bench.table import Row
from bench.tail_peer import end_seconds, last_result_at
from durable_engine import TICKS_PER_SECOND
from durable_host.azurite import Azurite
from durable_host.clock import now
from host_process import wait_until

__all__ = ["BENCHMARKS", "rows"]

LONG_POLL_SECONDS: Final = 0.05
SECONDS: Final = 600.0


def host_fan_out_100(quick: bool = False) -> Row:
    """A hundred activities at once."""
    with bench_host() as host:
        rates = [100 / host.fan_out(100, poll_seconds=2 * POLL_SECONDS) for _ in range(1 if quick else 7)]
    return Row(name="host_fan_out_100", value=statistics.median(rates), unit="activities/s", recorded=105)


def host_fan_out_250(quick: bool = False) -> Row:
    """The same of 250."""
    return _fan_out("host_fan_out_250", 50 if quick else 250, times=1 if quick else 3)


def host_fan_out(quick: bool = False) -> Row:
    """A thousand activities at once, beside the storage operations that they need."""
    return _fan_out("host_fan_out", 100 if quick else 1000, times=1 if quick else 3, recorded=86)


def host_fan_out_disk(quick: bool = False) -> Row:
    """The same on an Azurite that keeps its data on disk, as it does for `durable-host start`."""
    return _fan_out("host_fan_out_disk", 100 if quick else 1000, times=1, storage=_on_disk)


def host_fan_out_4000(quick: bool = False) -> Row:
    """The same of 4,000, once: it takes minutes."""
    return _fan_out("host_fan_out_4000", 200 if quick else 4000, times=1)


def host_fan_out_4000_as_published(quick: bool = False) -> Row:
    """The same on an Azurite as it comes from npm, on which the real host was measured."""
    storage = partial(Azurite.start, as_published=True)
    return _fan_out("host_fan_out_4000_as_published", 200 if quick else 4000, times=1, recorded=17, storage=storage)


def _fan_out(
    name: str, count: int, *, times: int, recorded: float | None = None, storage: StartStorage = Azurite.start
) -> Row:
    # Each on an Azurite of its own, as one that has had thousands of messages is slower; and in turn, as what else the
    # machine does comes and goes.
    pairs = [(_fan_out_rate(count, storage), _peer_rate(count, storage)) for _ in range(times)]
    rate, peer = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    return Row(
        name=name,
        value=rate,
        unit="activities/s",
        peer=PEER,
        peer_value=peer,
        ratio=rate / peer,
        recorded=recorded,
    )


def _fan_out_rate(count: int, storage: StartStorage) -> float:
    with bench_host(storage) as host:
        return count / host.fan_out(count, poll_seconds=LONG_POLL_SECONDS)


def _peer_rate(count: int, storage: StartStorage) -> float:
    with storage() as azurite:
        storage_fan_out_rate(azurite.connection_string, 20)  # as warm as the host was
        return storage_fan_out_rate(azurite.connection_string, count)


@contextlib.contextmanager
def _on_disk() -> Iterator[Azurite]:
    with tempfile.TemporaryDirectory(prefix="azurite-") as folder, Azurite.start(location=Path(folder)) as azurite:
        yield azurite


def host_fan_out_end(quick: bool = False) -> Row:
    """From the last result of a thousand to the status Completed, beside that episode alone: a replay, and its rows."""
    pairs = [_end_and_alone(100 if quick else 1000) for _ in range(1 if quick else 3)]
    value, alone = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    return Row(
        name="host_fan_out_end",
        value=value,
        unit="s",
        peer="one replay by the SDK, and its rows",
        peer_value=alone,
        ratio=alone / value,
    )


def _end_and_alone(count: int) -> tuple[float, float]:
    instance_id = "fan-out"
    with bench_host() as host:
        began = now()
        seconds = host.fan_out(count, poll_seconds=LONG_POLL_SECONDS, instance_id=instance_id)
        wait_until(lambda: is_over(host.witness, instance_id), "its messages are deleted", seconds=SECONDS)
        last = asyncio.run(last_result_at(host.connection_string, host.hub, instance_id))
        alone = asyncio.run(end_seconds(host.connection_string, host.hub, instance_id))
    return (began - last) / TICKS_PER_SECOND + seconds, alone


BENCHMARKS: Final[Mapping[str, Callable[[bool], Row]]] = {
    "host_fan_out_100": host_fan_out_100,
    "host_fan_out_250": host_fan_out_250,
    "host_fan_out": host_fan_out,
    "host_fan_out_disk": host_fan_out_disk,
    "host_fan_out_4000": host_fan_out_4000,
    "host_fan_out_4000_as_published": host_fan_out_4000_as_published,
    "host_fan_out_end": host_fan_out_end,
}


def rows(quick: bool = False) -> list[Row]:
    """Measure everything."""
    return [measure(quick) for measure in BENCHMARKS.values()]
