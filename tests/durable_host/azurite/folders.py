"""Where Azurite's program and its data are kept.

A clone of this repository keeps both in ``.azurite`` at its root, which git ignores. Installed as a distribution, the
program is in the user's cache folder and the data in the user's data folder: all apps of this machine share the
emulator at the usual ports, so its data belongs to no one app.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

__all__ = ["DATA", "HOME"]

_PACKAGES = Path(__file__).parents[2]
_NAME = "durable-host"


def _is_clone() -> bool:
    return (_PACKAGES / "pyproject.toml").is_file()


HOME = _PACKAGES.parent / ".azurite" if _is_clone() else Path(platformdirs.user_cache_dir(_NAME, appauthor=False))
"""The folder of installed programs."""

DATA = HOME / "data" if _is_clone() else Path(platformdirs.user_data_dir(_NAME, appauthor=False)) / "azurite"
"""The folder of the data behind ``UseDevelopmentStorage=true``."""
