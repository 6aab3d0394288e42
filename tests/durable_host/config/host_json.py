"""host.json: the keys that this host honours, and the ones that it names because it does not.

One typed value for the whole host, made once at start.
Invariant: what is written in the file is either honoured or reported; nothing is passed over silently.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from durable_host.config.logs import LEVELS
from durable_host.task_hub.base.names import default_hub_name
from durable_host.task_hub.base.options import MAX_PARTITIONS

__all__ = ["HostJson", "HostJsonError", "read_host_json"]

# What func start gives a function that host.json says nothing about.
_USUAL_TIMEOUT_SECONDS: Final = 1800

_HONOURED: Final = {
    "version",
    "functionTimeout",
    "logging.logLevel",
    "extensions.http.routePrefix",
    "extensions.durableTask.hubName",
    "extensions.durableTask.defaultVersion",
    "extensions.durableTask.maxConcurrentActivityFunctions",
    "extensions.durableTask.maxConcurrentOrchestratorFunctions",
    "extensions.durableTask.maxConcurrentEntityFunctions",
    "extensions.durableTask.overridableExistingInstanceStates",
    "extensions.durableTask.storageProvider.connectionName",
    "extensions.durableTask.storageProvider.connectionStringName",
    "extensions.durableTask.storageProvider.partitionCount",
    "extensions.durableTask.storageProvider.controlQueueVisibilityTimeout",
    "extensions.durableTask.storageProvider.workItemQueueVisibilityTimeout",
    "extensions.durableTask.storageProvider.maxQueuePollingInterval",
    "extensions.durableTask.storageProvider.type",
}
# These tune the real host and mean nothing here; saying so would only be noise.
_WITHOUT_MEANING_HERE: Final = (
    "aggregator",
    "concurrency",
    "extensionBundle",
    "healthMonitor",
    "logging",
    "managedDependency",
    "retry",
    "singleton",
    "telemetryMode",
    "watchDirectories",
    "extensions.durableTask.tracing",
    "extensions.durableTask.extendedSessionsEnabled",
)
_TIMESPAN: Final = re.compile(r"(?:(\d{1,5})\.)?([01]?\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,7}))?\Z", re.ASCII)
_SHORTEST_POLLING_SECONDS: Final = 0.05
_LONGEST_VISIBILITY_SECONDS: Final = 7 * 86_400
_OVERRIDABLE: Final = ("NonRunningStates", "AnyState")


class HostJsonError(ValueError):
    """A host.json that cannot be used: the message says where, what, and what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostJson:
    """The host's settings. Times are in seconds; a limit of None means the default of the machine."""

    hub_name: str
    connection_name: str = "AzureWebJobsStorage"
    partition_count: int = 4
    control_visibility_seconds: int = 30
    work_item_visibility_seconds: int = 30
    max_polling_interval_seconds: float = 30.0
    max_activities: int
    max_orchestrators: int
    max_entities: int
    route_prefix: str = "api"
    default_version: str | None = None
    replaces_running: bool = False
    """Whether a start may replace an instance that has not ended."""
    function_timeout_seconds: float | None = None
    log_levels: Mapping[str, str]
    notes: tuple[str, ...] = ()
    """One line for each key that is not honoured."""


def read_host_json(script_root: Path, environment: Mapping[str, str] = os.environ) -> HostJson:
    """Read the script root's host.json; ``%NAME%`` in a value stands for that setting."""
    path = script_root / "host.json"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise HostJsonError(f"{path} is not text in UTF-8 (byte {error.start}). Save it as UTF-8.") from None
    except FileNotFoundError:
        raise HostJsonError(
            f'{path} does not exist: a Function app\'s folder needs one. Create it with {{"version": "2.0"}}, or '
            "give the app's folder with --script-root."
        ) from None
    except OSError as error:
        raise HostJsonError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise HostJsonError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}). Correct the file.") from None
    if not isinstance(data, dict) or data.get("version") != "2.0":
        raise HostJsonError(f'{path}: "version" must be "2.0", the only one that this host reads.')
    return _Reader(path, data, environment).read()


class _Reader:
    def __init__(self, path: Path, data: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._path, self._data, self._environment = path, data, environment

    def read(self) -> HostJson:
        durable, storage = "extensions.durableTask.", "extensions.durableTask.storageProvider."
        kind = self._get(storage + "type", str, "AzureStorage")
        if kind.lower() != "azurestorage":
            raise self._error(storage + "type", kind, 'this host keeps task hubs in "AzureStorage" alone')
        per_cpu = 10 * (os.cpu_count() or 1)
        hub_name = self._get(durable + "hubName", str, None)
        timeout = self._get("functionTimeout", str, None)
        return HostJson(
            hub_name=self._resolved(durable + "hubName", hub_name)
            if hub_name
            else default_hub_name(self._environment.get("WEBSITE_SITE_NAME")),
            connection_name=self._get(storage + "connectionName", str, None)
            or self._get(storage + "connectionStringName", str, "AzureWebJobsStorage"),
            partition_count=self._partition_count(storage + "partitionCount"),
            control_visibility_seconds=self._visibility(storage + "controlQueueVisibilityTimeout"),
            work_item_visibility_seconds=self._visibility(storage + "workItemQueueVisibilityTimeout"),
            max_polling_interval_seconds=self._seconds(
                storage + "maxQueuePollingInterval", 30, at_least=_SHORTEST_POLLING_SECONDS
            ),
            max_activities=self._get(durable + "maxConcurrentActivityFunctions", int, per_cpu),
            max_orchestrators=self._get(durable + "maxConcurrentOrchestratorFunctions", int, per_cpu),
            max_entities=self._get(durable + "maxConcurrentEntityFunctions", int, per_cpu),
            route_prefix=self._get("extensions.http.routePrefix", str, "api").strip("/"),
            default_version=self._get(durable + "defaultVersion", str, None),
            replaces_running=self._replaces_running(durable + "overridableExistingInstanceStates"),
            function_timeout_seconds=None
            if timeout == "-1"
            else self._seconds("functionTimeout", _USUAL_TIMEOUT_SECONDS, at_least=0.001),
            log_levels=self._log_levels("logging.logLevel"),
            notes=tuple(self._notes(self._data, "")),
        )

    def _get(self, key: str, kind: type, default: Any) -> Any:
        value: Any = self._data
        for part in key.split("."):
            if not isinstance(value, dict):
                return default
            # The real host reads keys without regard to case.
            value = next((v for k, v in value.items() if k.lower() == part.lower()), None)
        if value is None:
            return default
        if kind is int and isinstance(value, str) and value.isdecimal():
            value = int(value)  # The real host, too, takes numbers written as texts.
        if not isinstance(value, kind) or (isinstance(value, int) and (isinstance(value, bool) or value < 1)):
            raise self._error(key, value, _KINDS[kind])
        return value

    def _resolved(self, key: str, value: str) -> str:
        def setting(match: re.Match[str]) -> str:
            if not self._environment.get(match[1]):
                raise HostJsonError(
                    f"{self._path}: {key!r} is {value!r}, but there is no setting {match[1]!r}. Set it in the "
                    "environment or in local.settings.json, or write the name itself."
                )
            return self._environment[match[1]]

        return re.sub(r"%([^%]+)%", setting, value)

    def _partition_count(self, key: str) -> int:
        count: int = self._get(key, int, 4)
        if count > MAX_PARTITIONS:
            raise self._error(key, count, f"a number from 1 to {MAX_PARTITIONS}")
        return count

    def _visibility(self, key: str) -> int:
        seconds = self._seconds(key, 30, at_least=1)
        if seconds > _LONGEST_VISIBILITY_SECONDS:
            raise self._error(key, self._get(key, str, None), 'at most seven days ("7.00:00:00"), as a queue allows')
        return int(seconds)

    def _replaces_running(self, key: str) -> bool:
        text: str = self._get(key, str, _OVERRIDABLE[0])
        if text.lower() not in (state.lower() for state in _OVERRIDABLE):
            raise self._error(key, text, " or ".join(_OVERRIDABLE))
        return text.lower() == "anystate"

    def _log_levels(self, key: str) -> dict[str, str]:
        levels: dict[str, Any] = self._get(key, dict, {})
        for name, level in levels.items():
            if not isinstance(level, str) or level.lower() not in LEVELS:
                raise self._error(f"{key}.{name}", level, f"one of {', '.join(LEVELS)}")
        return levels

    def _seconds(self, key: str, default: float, *, at_least: float) -> float:
        text = self._get(key, str, None)
        if text is None:
            return default
        match = _TIMESPAN.match(text)
        if match is None:
            raise self._error(key, text, 'a time in hours, minutes and seconds, such as "00:00:30"')
        days, hours, minutes, seconds, fraction = match.groups()
        whole = int(days or 0) * 86_400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        total = whole + int((fraction or "0").ljust(7, "0")) / 10_000_000
        if total < at_least:
            raise self._error(key, text, f"a time of at least {at_least:g} s")
        return total

    def _notes(self, value: Any, prefix: str) -> list[str]:
        if prefix and (prefix.lower() in _KNOWN or f"{prefix.lower()}.".startswith(_QUIET)):
            return []
        if isinstance(value, dict):
            return [note for key, child in value.items() for note in self._notes(child, f"{prefix}.{key}".lstrip("."))]
        return [f"host.json: {prefix!r} is not honoured by this host."]

    def _error(self, key: str, value: object, expected: str) -> HostJsonError:
        return HostJsonError(f"{self._path}: {key!r} is {value!r}, but must be {expected}.")


_KNOWN: Final = frozenset(key.lower() for key in _HONOURED)
_QUIET: Final = tuple(f"{key.lower()}." for key in _WITHOUT_MEANING_HERE)
_KINDS: Final = {int: "a positive whole number", str: "a text", dict: "an object"}
