"""host.json: the keys that this host honours, and the ones that it names because it does not.

One typed value for the whole host, made once at start.
Invariant: what is written in the file is either honoured or reported; nothing is passed over silently.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from durable_engine import MATCH_STRATEGIES, VersionRule
from durable_host.config.azure_limits import refused_in_azure
from durable_host.config.lenient_json import load_lenient
from durable_host.config.logs import LEVELS
from durable_host.config.times import seconds_of
from durable_host.task_hub.base.names import adapted_hub_name, default_hub_name
from durable_host.task_hub.base.options import MAX_PARTITIONS

__all__ = ["HostJson", "HostJsonError", "QueueOptions", "read_host_json"]

# What func start gives a function that host.json says nothing about.
_USUAL_TIMEOUT_SECONDS: Final = 1800

_HONOURED: Final = {
    "version",
    "functionTimeout",
    "logging.logLevel",
    "extensions.http.routePrefix",
    "extensions.blobs.poisonBlobThreshold",
    "extensions.blobs.maxDegreeOfParallelism",
    "extensions.queues.batchSize",
    "extensions.queues.maxDequeueCount",
    "extensions.queues.maxPollingInterval",
    "extensions.queues.messageEncoding",
    "extensions.queues.newBatchThreshold",
    "extensions.queues.visibilityTimeout",
    "extensions.durableTask.hubName",
    "extensions.durableTask.defaultVersion",
    "extensions.durableTask.versionMatchStrategy",
    "extensions.durableTask.versionFailureStrategy",
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
_SHORTEST_POLLING_SECONDS: Final = 0.05
_OVERRIDE: Final = "azurefunctionsjobhost__"
_LARGEST_QUEUE_BATCH: Final = 32
_LONGEST_VISIBILITY_SECONDS: Final = 7 * 86_400
_FAILURES: Final = ("Reject", "Fail")
_OVERRIDABLE: Final = ("NonRunningStates", "AnyState")


class HostJsonError(ValueError):
    """A host.json that cannot be used: the message says where, what, and what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """How queue triggers read: ``extensions.queues``; and, for the queue of found blobs, ``extensions.blobs``."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    max_polling_interval_seconds: float = 60.0
    visibility_timeout_seconds: float = 0.0
    is_base64: bool = True
    poison_blob_threshold: int = 5
    blob_parallelism: int = 8

    def for_blobs(self) -> QueueOptions:
        """How the queue of found blobs is read: so that no more than ``blob_parallelism`` of them run at once."""
        batch = min((self.blob_parallelism + 1) // 2, _LARGEST_QUEUE_BATCH)
        return replace(
            self,
            batch_size=batch,
            new_batch_threshold=self.blob_parallelism - batch,
            max_dequeue_count=self.poison_blob_threshold,
        )


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
    versions: VersionRule = field(default_factory=VersionRule)
    replaces_running: bool = False
    """Whether a start may replace an instance that has not ended."""
    function_timeout_seconds: float | None = None
    log_levels: Mapping[str, str]
    queues: QueueOptions = QueueOptions()
    has_tracing_choice: bool = False
    """Whether it says what to do about distributed tracing, of which the real host reminds otherwise."""
    notes: tuple[str, ...] = ()
    """One line for each key that is not honoured, and for each value that Azure would refuse."""


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
        data = load_lenient(text)
    except json.JSONDecodeError as error:
        raise HostJsonError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}). Correct the file.") from None
    if not isinstance(data, dict) or data.get("version") != "2.0":
        raise HostJsonError(f'{path}: "version" must be "2.0", the only one that this host reads.')
    return _Reader(path, _overridden(data, environment), environment).read()


def _overridden(data: Mapping[str, Any], environment: Mapping[str, str]) -> Mapping[str, Any]:
    """host.json with the values of ``AzureFunctionsJobHost__a__b`` in place of its own."""
    changed: dict[str, Any] = copy.deepcopy(dict(data))
    for name, value in environment.items():
        if not name.lower().startswith(_OVERRIDE):
            continue
        *parents, last = name[len(_OVERRIDE) :].split("__")
        place = changed
        for parent in parents:
            key = next((key for key in place if key.lower() == parent.lower()), parent)
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        place[next((key for key in place if key.lower() == last.lower()), last)] = value
    return changed


class _Reader:
    def __init__(self, path: Path, data: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._path, self._data, self._environment = path, data, environment

    def read(self) -> HostJson:
        durable, storage = "extensions.durableTask.", "extensions.durableTask.storageProvider."
        kind = self._get(storage + "type", str, "AzureStorage")
        is_managed = kind.lower() == "azuremanaged"
        if kind.lower() != "azurestorage" and not is_managed:
            raise self._error(storage + "type", kind, '"AzureStorage", or "azureManaged", which runs on it here')
        per_cpu = 10 * (os.cpu_count() or 1)
        hub_name = self._get(durable + "hubName", str, None)
        timeout = self._get("functionTimeout", str, None)
        name = self._resolved(durable + "hubName", hub_name) if hub_name else ""
        name = name or default_hub_name(self._environment.get("WEBSITE_SITE_NAME"))
        notes = tuple(self._notes(self._data, ""))
        if is_managed:
            hub = adapted_hub_name(name)
            notes = (_managed_note(name, hub), *notes)
            name = hub
        return HostJson(
            hub_name=name,
            # That of a scheduler names no storage account.
            connection_name=(None if is_managed else self._get(storage + "connectionName", str, None))
            or (None if is_managed else self._get(storage + "connectionStringName", str, None))
            or "AzureWebJobsStorage",
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
            versions=VersionRule(
                default_version=self._get(durable + "defaultVersion", str, None),
                match=self._one_of(durable + "versionMatchStrategy", MATCH_STRATEGIES, "CurrentOrOlder"),
                fails=self._one_of(durable + "versionFailureStrategy", _FAILURES, "Reject") == "Fail",
            ),
            replaces_running=self._replaces_running(durable + "overridableExistingInstanceStates"),
            function_timeout_seconds=None
            if timeout == "-1"
            else self._seconds("functionTimeout", _USUAL_TIMEOUT_SECONDS, at_least=0.001),
            log_levels=self._log_levels("logging.logLevel"),
            queues=self._queues("extensions.queues."),
            has_tracing_choice=self._has_tracing_choice(durable + "tracing."),
            notes=(*notes, *refused_in_azure(self._written)),
        )

    def _queues(self, key: str) -> QueueOptions:
        size, cores = self._get(key + "batchSize", int, 16), os.cpu_count() or 1
        encoding = self._get(key + "messageEncoding", str, "base64")
        if encoding.lower() not in ("base64", "none"):
            raise self._error(key + "messageEncoding", encoding, '"base64" or "none"')
        return QueueOptions(
            batch_size=min(size, _LARGEST_QUEUE_BATCH),
            new_batch_threshold=self._get(key + "newBatchThreshold", int, max(size // 2 * cores, 1), at_least=0),
            max_dequeue_count=self._get(key + "maxDequeueCount", int, 5),
            max_polling_interval_seconds=self._seconds(key + "maxPollingInterval", 60, at_least=0.1),
            visibility_timeout_seconds=self._seconds(key + "visibilityTimeout", 0, at_least=0),
            is_base64=encoding.lower() == "base64",
            poison_blob_threshold=self._get("extensions.blobs.poisonBlobThreshold", int, 5),
            blob_parallelism=self._get("extensions.blobs.maxDegreeOfParallelism", int, 8 * cores),
        )

    def _written(self, key: str) -> Any:
        """What the file says, None where it says nothing."""
        value: Any = self._data
        for part in key.split("."):
            if not isinstance(value, dict):
                return None
            # The real host reads keys without regard to case.
            value = next((v for k, v in value.items() if k.lower() == part.lower()), None)
        return value

    def _get(self, key: str, kind: type, default: Any, *, at_least: int = 1) -> Any:
        value = self._written(key)
        if value is None:
            return default
        if kind is int and isinstance(value, str) and value.isdecimal():
            value = int(value)  # The real host, too, takes numbers written as texts.
        if not isinstance(value, kind) or (isinstance(value, int) and (isinstance(value, bool) or value < at_least)):
            wanted = "a whole number, 0 or more" if kind is int and at_least == 0 else _KINDS[kind]
            raise self._error(key, value, wanted)
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

    def _one_of(self, key: str, allowed: Sequence[str], default: str) -> str:
        text: str = self._get(key, str, default)
        found = next((one for one in allowed if one.lower() == text.lower()), None)
        if found is None:
            raise self._error(key, text, " or ".join(allowed))
        return found

    def _has_tracing_choice(self, key: str) -> bool:
        enabled, version = self._written(key + "distributedTracingEnabled"), self._written(key + "version")
        return str(enabled).lower() == "true" and str(version).lower() in ("v2", "none")

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
        total = seconds_of(text)
        if total is None:
            raise self._error(key, text, 'a time in hours, minutes and seconds, such as "00:00:30"')
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


def _managed_note(name: str, hub: str) -> str:
    note = 'host.json: "azureManaged" (the Durable Task Scheduler) is not here; the task hub is kept in Azure Storage'
    if hub != name:
        note += f", under the name '{hub}', as '{name}' is none that Azure Storage takes"
    return f"{note}."


_KNOWN: Final = frozenset(key.lower() for key in _HONOURED)
_QUIET: Final = tuple(f"{key.lower()}." for key in _WITHOUT_MEANING_HERE)
_KINDS: Final = {int: "a positive whole number", str: "a text", dict: "an object"}
