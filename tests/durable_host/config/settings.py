"""The app's settings on this machine, found and applied the way ``func start`` does it.

A variable that the environment has wins; the rest comes from local.settings.json, or, where there is none, from the
values of local.settings.sample.json, which is said. host.json is read elsewhere.
Invariant: reading changes nothing, only ``apply`` does; no note and no error text ever holds a setting's value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from durable_host.config.callers import HOW_TO_WRITE_AN_ORIGIN, is_origin, origins_in
from durable_host.config.lenient_json import load_lenient

__all__ = [
    "DEFAULT_CONNECTION",
    "Settings",
    "SettingsError",
    "StorageConnection",
    "read_settings",
    "storage_connection",
]

FILE = "local.settings.json"
SAMPLE = "local.settings.sample.json"
DEFAULT_CONNECTION = "AzureWebJobsStorage"


class SettingsError(Exception):
    """The settings cannot be used; the text names the file or the setting and says what to do."""


class IdentityConnectionError(SettingsError):
    """A storage connection is set up for an identity, with which this host cannot sign in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the files add to the environment, and the lines to print about it."""

    added: Mapping[str, str]
    notes: tuple[str, ...]
    source: Path | None
    local_http_port: int | None
    cors: str | None = None
    """Host.CORS: origins whose pages may call the host, separated by commas."""
    cors_credentials: bool = False
    """Host.CORSCredentials: whether such pages may send cookies and the like."""

    def apply(self, environment: MutableMapping[str, str]) -> None:
        """Put the settings where the app looks for them."""
        environment.update(self.added)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConnection:
    """A storage account for the task hub: the setting that named it, and its connection string."""

    setting: str
    connection_string: str

    @property
    def is_development_storage(self) -> bool:
        """Whether this is the shorthand for the emulator on this machine."""
        parts = (part.partition("=") for part in self.connection_string.split(";"))
        return any(
            key.strip().lower() == "usedevelopmentstorage" and value.strip().lower() == "true"
            for key, _, value in parts
        )


def read_settings(script_root: Path, environment: Mapping[str, str]) -> Settings:
    """Read the settings of the app in ``script_root``; ``environment`` is only looked at."""
    notes: list[str] = []
    source = next((path for path in (script_root / FILE, script_root / SAMPLE) if path.is_file()), None)
    if source is None:
        notes.append(f"No {FILE} in '{script_root}': the settings are the environment variables alone.")
        return Settings(added={}, notes=tuple(notes), source=None, local_http_port=None)
    if source.name == SAMPLE:
        notes.append(f"No {FILE} in '{script_root}': using the values of {SAMPLE}. Copy it to {FILE} to change them.")
    content = _load(source)
    candidates = _values(source, content) | _connection_strings(source, content)
    added = {}
    for name, value in candidates.items():
        # As func does: an empty variable counts as none (and Windows cannot hold one).
        if environment.get(name):
            notes.append(
                f"Skipping '{name}' from local settings as it's already defined in current environment variables."
            )
        else:
            added[name] = value
    cors = _cors(source, content)
    if not all(map(is_origin, origins_in(cors or ""))):
        notes.append(f"'{source}': Host.CORS names an origin that no page has: {HOW_TO_WRITE_AN_ORIGIN}.")
    return Settings(
        added=added,
        notes=tuple(notes),
        source=source,
        local_http_port=_local_http_port(source, content),
        cors=cors,
        cors_credentials=_cors_credentials(source, content),
    )


def storage_connection(environment: Mapping[str, str], name: str = DEFAULT_CONNECTION) -> StorageConnection:
    """Look up the storage account that host.json's ``connectionName`` names, in the order that the real host does."""
    prefixed = f"AzureWebJobs{name}"
    for setting in (f"ConnectionStrings:{prefixed}", prefixed, f"ConnectionStrings:{name}", name):
        value = environment.get(setting, "").strip()
        if value:
            return StorageConnection(setting=setting, connection_string=value)
    by_identity = sorted(
        setting
        for setting in environment
        if setting.startswith((f"{name}__", f"{prefixed}__")) and environment[setting]
    )
    if by_identity:
        raise IdentityConnectionError(
            f"The storage connection '{name}' is set up for an identity ({', '.join(by_identity)}), which works in "
            f"Azure but not in this host. Set '{name}' to a connection string, or to UseDevelopmentStorage=true."
        )
    raise SettingsError(
        f"There is no setting '{name}', and Durable Functions keeps its task hub in that storage account. Set "
        f"'{name}' to UseDevelopmentStorage=true (a storage emulator is then started here) or to a connection string, "
        f"in the environment or under Values in {FILE}."
    )


def _load(source: Path) -> dict[str, object]:
    try:
        content = load_lenient(source.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"'{source}', line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}). Correct that line."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"'{source}' is not text in UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    if not isinstance(content, dict):
        raise SettingsError(f"'{source}' must hold a JSON object, as in {SAMPLE}, and holds a {_kind(content)}.")
    if content.get("IsEncrypted"):
        raise SettingsError(
            f"'{source}' is encrypted (\"IsEncrypted\": true), and this host cannot decrypt it. "
            "Run 'func settings decrypt' in its folder, or copy the sample file over it."
        )
    return content


def _section(source: Path, content: dict[str, object], name: str) -> dict[str, object]:
    section = content.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise SettingsError(f"'{source}': \"{name}\" must be a JSON object, and is a {_kind(section)}.")
    return section


def _values(source: Path, content: dict[str, object]) -> dict[str, str]:
    return {name: _text(source, f"Values.{name}", value) for name, value in _section(source, content, "Values").items()}


def _connection_strings(source: Path, content: dict[str, object]) -> dict[str, str]:
    found = {}
    for name, entry in _section(source, content, "ConnectionStrings").items():
        value = entry.get("ConnectionString") if isinstance(entry, dict) else entry
        found[f"ConnectionStrings:{name}"] = _text(source, f"ConnectionStrings.{name}", value)
    return found


def _text(source: Path, where: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise SettingsError(
        f"'{source}': {where} must be a string, and is a {_kind(value)}. "
        "A setting that holds JSON is written as a string with escaped quotes."
    )


def _cors(source: Path, content: dict[str, object]) -> str | None:
    value = _section(source, content, "Host").get("CORS")
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"'{source}': Host.CORS must be a text of origins, separated by commas.")
    return value


def _cors_credentials(source: Path, content: dict[str, object]) -> bool:
    value = _section(source, content, "Host").get("CORSCredentials", False)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise SettingsError(f"'{source}': Host.CORSCredentials must be true or false.")
    return value


def _local_http_port(source: Path, content: dict[str, object]) -> int | None:
    value = _section(source, content, "Host").get("LocalHttpPort")
    if value is None:
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise SettingsError(f"'{source}': Host.LocalHttpPort must be a port number from 0 to 65535.")
    return int(text)


def _kind(value: object) -> str:
    kinds = {dict: "JSON object", list: "JSON array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")
