"""What the hooks read of azd's environment, and how they stop it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class StopDeployment(Exception):
    """Why azd must not go on, and what to do about it."""


def is_on(environment: Mapping[str, str], name: str, default: str) -> bool:
    """Answer whether a switch is on, by azd's own rule. An empty variable, as CI hands on an unset one, is unset."""
    return (environment.get(name) or default).lower() in ("1", "t", "true")
