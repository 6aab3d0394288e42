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
_USUAL_MOMENT: Final = "yyyy-MM-ddTHH-mm-ssZ"
_PART: Final = re.compile(r"([A-Za-z])\1*|.", re.DOTALL)
_NAME: Final = re.compile(r"\{([^{}]+)\}")


class SettingError(Exception):
    """A binding names a setting that there is not, or is written in a way that cannot be read.

    The text is the real host's; what to do about it is in a note.
    """


def resolve_settings(text: str, settings: Mapping[str, str]) -> str:
    """Put the settings' values in; SettingError where one is missing."""

    def value(match: re.Match[str]) -> str:
        found = settings.get(match[1])
        if found is None:
            error = SettingError(f"'%{match[1]}%' does not resolve to a value.")
            error.add_note(f"Set {match[1]} under Values in local.settings.json, or in the environment.")
            raise error
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
    lowered, _, form = name.partition(":")
    if lowered.lower() == "rand-guid":
        return _guid(form)
    if lowered.lower() == "datetime":
        return _moment(datetime.now(UTC), form or _USUAL_MOMENT)
    value: Any = names
    for part in name.split("."):
        found = {key.lower(): one for key, one in value.items()} if isinstance(value, Mapping) else {}
        if part.lower() not in found:
            raise BindingError(f"No value for named parameter '{name}'.")
        value = found[part.lower()]
    return value


def _guid(form: str) -> str:
    """A new id in one of .NET's forms."""
    guid = new_guid()
    forms = {"": guid, "D": guid, "N": guid.replace("-", ""), "B": f"{{{guid}}}", "P": f"({guid})"}
    if form.strip().upper() not in forms:
        raise BindingError(f"The form '{form}' of {{rand-guid}} is none of D, N, B and P.")
    return forms[form.strip().upper()]


def _moment(moment: datetime, form: str) -> str:
    """A moment in one of .NET's forms, of those that are made of numbers alone."""
    parts = {
        "yyyy": f"{moment.year:04d}",
        "yy": f"{moment.year % 100:02d}",
        "MM": f"{moment.month:02d}",
        "dd": f"{moment.day:02d}",
        "HH": f"{moment.hour:02d}",
        "mm": f"{moment.minute:02d}",
        "ss": f"{moment.second:02d}",
        "fff": f"{moment.microsecond // 1000:03d}",
        "T": "T",
        "Z": "Z",
    }

    def written(match: re.Match[str]) -> str:
        part = match[0]
        if part.isalpha() and part not in parts:
            known = ", ".join(parts)
            raise BindingError(f"'{part}' in the form '{form}' of {{datetime}} is not known to this host: use {known}.")
        return parts.get(part, part)

    return _PART.sub(written, form)
