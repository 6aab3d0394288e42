"""The host id: under which the hosts of one app on one machine find their locks, statuses and receipts in storage.

Invariant: the same folder on the same machine gives the same id, of at most 32 lower-case letters, digits and dashes.
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["host_id"]

_SETTING: Final = "AzureFunctionsWebHost__hostid"
_LONGEST: Final = 32


def host_id(script_root: Path, environment: Mapping[str, str]) -> str:
    """The id: the setting's, else one of the machine's name and the app's folder."""
    if given := environment.get(_SETTING, "").strip().lower():
        return given[:_LONGEST]
    number = int(hashlib.sha256(str(script_root.resolve()).encode()).hexdigest()[:8], 16)
    machine = re.sub(r"[^a-z0-9]+", "-", platform.node().lower()).strip("-")
    return f"{machine[: _LONGEST - 11]}-{number}".strip("-")
