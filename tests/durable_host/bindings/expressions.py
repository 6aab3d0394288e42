"""Binding expressions: ``%SETTING%`` and ``{name}`` in the values of a binding.

Invariant: a text without signs is returned as it is; what cannot be resolved is an error with the real host's words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from durable_host.app.trigger import BindingError
from durable_host.clock import new_guid

__all__ = ["SettingError", "resolve_settings", "resolved", "value_text"]

_SETTING: Final = re.compile(r"%([^%]+)%")
_NAME: Final = re.compile(r"\{([^{}]+)\}")


class SettingError(Exception):
    """A binding names a setting that there is not, or is written in a way that cannot be read."""


def resolve_settings(text: str, settings: Mapping[str, str]) -> str:
    """Put the settings' values in; SettingError where one is missing."""

    def value(match: re.Match[str]) -> str:
        found = settings.get(match[1])
        if found is None:
            raise SettingError(f"'%{match[1]}%' does not resolve to a value.")
        return found

    return _SETTING.sub(value, text)


def resolved(text: str, names: Mapping[str, Any]) -> str:
    """Put the trigger's values in; BindingError where one is missing."""
    return _NAME.sub(lambda match: value_text(_value(match[1].strip(), names)), text)


def value_text(value: object) -> str:
    """A value as .NET writes it into a text."""
    if isinstance(value, bool):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _value(name: str, names: Mapping[str, Any]) -> object:
    lowered = name.partition(":")[0].lower()
    if lowered == "rand-guid":
        return new_guid()
    if lowered == "datetime":
        return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
    value: Any = names
    for part in name.split("."):
        found = {key.lower(): one for key, one in value.items()} if isinstance(value, Mapping) else {}
        if part.lower() not in found:
            raise BindingError(f"No value for named parameter '{name}'.")
        value = found[part.lower()]
    return value
