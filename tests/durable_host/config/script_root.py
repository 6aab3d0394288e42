"""The app's folder: the one that was given, else the one that ``func start`` would take.

Invariant: what is returned is a folder; whether the app in it can be read is for others to say.
"""

from __future__ import annotations

from pathlib import Path

from durable_host.config.settings import SettingsError

__all__ = ["HELP", "find_script_root"]

HELP = "the app's folder (default: this one, or the next above it that has a host.json)"


def find_script_root(given: Path | None, *, here: Path | None = None) -> Path:
    """Return the app's folder.

    Args:
        given: what ``--script-root`` says, None if it says nothing.
        here: where to look then; the working directory if left out.

    Raises:
        SettingsError: There is no such folder, or no host.json in ``here`` and above.
    """
    if given is not None:
        if not given.is_dir():
            raise SettingsError(f"'{given}' is not a folder: give the app's folder with --script-root.")
        return given
    start = here or Path.cwd()
    for folder in (start, *start.parents):
        if (folder / "host.json").is_file():
            return folder
    below = sorted(path.parent.name for path in start.glob("*/host.json"))
    hint = f": --script-root {below[0]}" if below else "."
    raise SettingsError(
        f"There is no host.json in '{start}' or in a folder above it, so no app was found. Change to the app's folder, "
        f"or give it{hint}"
    )
