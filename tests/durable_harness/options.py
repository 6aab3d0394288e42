"""How far exploration goes, and which schedules are run again: what the command line says to every harness.

The options of the pytest plugin as one value.
Invariant: without a command line, the defaults hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from durable_harness.exploring.token import ScheduleToken

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How far exploration goes: runs, and the seed of drawn ones; tokens to replay, and those that failed once."""

    budget: int = 5_000
    seed: int = 0
    replay: tuple[ScheduleToken, ...] = ()
    regressions: tuple[ScheduleToken, ...] = ()
