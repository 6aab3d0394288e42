"""``python -m attack [--seed N] [--minutes N] [--kills N] ...``: attack hosts, and print what became of their work.

Without kills and faults (``--kills 0 --one-in 0``) it is a soak, and shows what the hosts weigh.

Invariant: the exit code is 1 if anything that was promised is lost, or counted twice, or a host does not stop in time.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from attack.long_attack import Plan, run

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Attack; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m attack", description="Attack hosts, and count their work.")
    parser.add_argument("--seed", type=int, help="what all choices are drawn from (default: a new one)")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long at most (default: 5)")
    parser.add_argument("--kills", type=int, help="end the attack after so many kills; 0: kill none")
    parser.add_argument("--hosts", type=int, default=3, help="how many hosts at a time (default: 3)")
    parser.add_argument("--one-in", type=int, default=7, help="one of so many storage requests fails (7); 0: none")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between two requests of a client (0.3)")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="leave the hosts' logs and all storage requests there"
    )
    parsed = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if parsed.seed is None else parsed.seed
    print(f"seed {seed}", flush=True)
    plan = Plan(
        minutes=parsed.minutes,
        kills=parsed.kills,
        hosts=parsed.hosts,
        one_in=parsed.one_in,
        pause_seconds=parsed.pause,
        keep=parsed.keep,
    )
    report = run(plan, random.Random(seed))
    print(f"{report.table}\nseed {seed}")
    for text in report.wrong:
        print(f"WRONG: {text}")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
