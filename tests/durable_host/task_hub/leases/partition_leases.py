"""Partition leases: who owns which control queue, and what one look at them makes a worker do.

The rules of the table partition manager, as pure functions of the rows, the worker and the time.
Invariant: a lease is taken only when it is free, run out, or handed over to the taker; balancing moves leases until no
worker has more than one more than another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from durable_engine import Ticks
from durable_host.task_hub.tables.history_rows import Row, table_time, ticks_of

__all__ = ["PartitionLease", "fresh_row", "plan_pass", "plan_release", "read_lease", "write_lease"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLease:
    """One row: who owns the queue now, and who has asked to own it next."""

    queue: str
    current_owner: str | None = None
    next_owner: str | None = None
    owned_since: Ticks | None = None
    last_renewal: Ticks | None = None
    expires_at: Ticks | None = None
    is_draining: bool = False
    etag: str = ""

    @property
    def future_owner(self) -> str | None:
        """Who will own the queue when all that was asked for is done."""
        return self.next_owner or self.current_owner


def read_lease(row: Any) -> PartitionLease:
    """The lease of a row.

    Raises:
        AttributeError, TypeError, ValueError: A column holds something that it cannot hold.
    """
    return PartitionLease(
        queue=row["RowKey"],
        current_owner=_owner_of(row, "CurrentOwner"),
        next_owner=_owner_of(row, "NextOwner"),
        owned_since=_time_of(row, "OwnedSince"),
        last_renewal=_time_of(row, "LastRenewal"),
        expires_at=_time_of(row, "ExpiresAt"),
        is_draining=bool(row.get("IsDraining", False)),
        etag=row.metadata["etag"],
    )


def write_lease(lease: PartitionLease) -> Row:
    """The whole row of a lease; what it has not got is left out, and so removed."""
    row: Row = {"PartitionKey": "", "RowKey": lease.queue, "IsDraining": lease.is_draining}
    texts = {"CurrentOwner": lease.current_owner, "NextOwner": lease.next_owner}
    times = {"OwnedSince": lease.owned_since, "LastRenewal": lease.last_renewal, "ExpiresAt": lease.expires_at}
    row |= {column: text for column, text in texts.items() if text is not None}
    row |= {column: table_time(ticks) for column, ticks in times.items() if ticks is not None}
    return row


def fresh_row(queue: str) -> Row:
    """The row of a queue that nobody has owned yet."""
    return write_lease(PartitionLease(queue=queue))


def plan_pass(
    leases: Sequence[PartitionLease], *, me: str, now: Ticks, duration: Ticks, drained: Collection[str]
) -> list[PartitionLease]:
    """The leases after one pass of this worker, in the order of the rows; ``drained`` are its queues without work in
    flight. Leases that stay as they are keep their identity, so that only changed ones are written."""
    planned = [_claim_or_keep(lease, me=me, now=now, duration=duration, drained=drained) for lease in leases]
    return _balance(planned, me=me)


def plan_release(lease: PartitionLease, *, now: Ticks, duration: Ticks, is_drained: bool) -> PartitionLease:
    """An own lease on the way to a stop: first it drains, and others see that; then it is nobody's."""
    if is_drained and lease.is_draining:
        return replace(lease, current_owner=None, is_draining=False)
    return replace(lease, is_draining=True, last_renewal=now, expires_at=now + duration)


def _claim_or_keep(
    lease: PartitionLease, *, me: str, now: Ticks, duration: Ticks, drained: Collection[str]
) -> PartitionLease:
    has_run_out = lease.expires_at is not None and now >= lease.expires_at
    is_free = lease.current_owner is None and lease.next_owner in (None, me)
    if is_free or (has_run_out and lease.current_owner != me):
        return replace(
            lease,
            current_owner=me,
            next_owner=None,
            owned_since=now,
            last_renewal=now,
            expires_at=now + duration,
            is_draining=False,
        )
    if lease.current_owner != me:
        if lease.current_owner is not None and lease.is_draining and lease.next_owner is None:
            return replace(lease, next_owner=me)  # its owner is stopping
        return lease
    if lease.next_owner is None:
        return replace(lease, last_renewal=now, expires_at=now + duration, is_draining=False)
    if lease.is_draining and lease.queue in drained:
        return replace(lease, current_owner=None, is_draining=False)
    return replace(lease, is_draining=True, last_renewal=now, expires_at=now + duration)


def _balance(leases: Sequence[PartitionLease], *, me: str) -> list[PartitionLease]:
    """Ask for leases of workers that have more than their share, until the share is even."""
    owned: Mapping[str, list[int]] = _by_future_owner(leases)
    others = {owner: indexes for owner, indexes in owned.items() if owner != me}
    mine, result = len(owned.get(me, ())), list(leases)
    while others:
        richest = max(others.values(), key=len)
        # Only what nobody has asked for yet can be asked for.
        free = [index for index in richest if result[index].next_owner is None]
        if len(richest) <= mine + 1 or not free:
            break
        index = free[0]
        result[index] = replace(result[index], next_owner=me)
        richest.remove(index)
        mine += 1
    return result


def _by_future_owner(leases: Sequence[PartitionLease]) -> dict[str, list[int]]:
    owned: defaultdict[str, list[int]] = defaultdict(list)
    for index, lease in enumerate(leases):
        if lease.future_owner is not None:
            owned[lease.future_owner].append(index)
    return owned


def _owner_of(row: Mapping[str, Any], column: str) -> str | None:
    owner = row.get(column) or None
    if owner is not None and not isinstance(owner, str):
        raise TypeError(f"{column} is {owner!r}, and not a worker's name")
    return owner


def _time_of(row: Mapping[str, Any], column: str) -> Ticks | None:
    return ticks_of(row[column]) if row.get(column) is not None else None
