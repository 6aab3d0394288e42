"""The settings of ``local.settings.json``, for apps that read them when they are imported."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from durable_harness.core.errors import HarnessError

__all__ = ["SettingsFileError", "settings_of"]


class SettingsFileError(HarnessError, ValueError):
    """A settings file that cannot be read."""


@contextmanager
def settings_of(path: Path, environment: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Let the environment have the settings of a file during a block; what it has already stays as it is.

    Args:
        path: A ``local.settings.json``, whose ``Values`` are the settings.
        environment: Where an app reads its settings.

    Raises:
        SettingsFileError: There is no such file, it is no JSON object, or its values are encrypted or no texts.
    """
    added = {name: value for name, value in _values(path).items() if name not in environment}
    environment.update(added)
    try:
        yield
    finally:
        for name in added:
            environment.pop(name, None)


def _values(path: Path) -> dict[str, str]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsFileError(
            f"There is no settings file {path}. The option durable_settings names one, from the folder of the ini file."
        ) from None
    except ValueError as error:
        raise SettingsFileError(f"{path} is not JSON: {error}.") from None
    if not isinstance(settings, dict) or not isinstance(settings.get("Values", {}), dict):
        raise SettingsFileError(f'{path} is no settings file: it holds {{"Values": {{"NAME": "text"}}}}.')
    if settings.get("IsEncrypted"):
        raise SettingsFileError(f"The settings of {path} are encrypted: run `func settings decrypt` in its folder.")
    values: dict[str, Any] = settings.get("Values", {})
    odd = [name for name, value in values.items() if not isinstance(value, str)]
    if odd:
        raise SettingsFileError(f"{path}: the settings {', '.join(odd)} must be texts, in quotes.")
    return values
