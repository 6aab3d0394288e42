"""Lists what the harness offers: ``python -m durable_harness``."""

from __future__ import annotations

from durable_harness.listing import public_names

if __name__ == "__main__":
    print("\n".join(public_names()))
