"""Hosts of the app that misbehaves, each on a task hub of its own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from host_process import HostProcess

__all__ = ["ATTACK_APP", "new_hub", "start_attacked"]

ATTACK_APP: Final = Path(__file__).with_name("app")
_SHORT: Final[Mapping[str, str]] = {
    "PYTHON_SCRIPT_FILE_NAME": "attack_app.py",
    "LOCAL_HOST_LEASE_SECONDS": "10",
    "LOCAL_HOST_LEASE_RENEW_SECONDS": "1",
}


def new_hub() -> str:
    """The name of a hub that nobody has."""
    return f"Attack{uuid.uuid4().hex[:12]}"


def start_attacked(
    connection_string: str,
    hub: str,
    *,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> HostProcess:
    """Start a host on a hub."""
    settings = {**_SHORT, "ATTACK_HUB": hub, **(environment or {})}
    return HostProcess.start(ATTACK_APP, connection_string=connection_string, environment=settings, arguments=arguments)
