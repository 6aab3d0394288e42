"""The functions of an app: what each is triggered by, how it is called, and which of them run here.

Loads a Python v2 app from its script root and indexes it as the Python worker and the Durable extension do.
Invariant: durable functions are found by name whatever its case; every function is listed, also one that is not run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from durable_engine import ACTIVITY_TRIGGER as ACTIVITY
from durable_engine import ENTITY_TRIGGER as ENTITY
from durable_engine import ORCHESTRATION_TRIGGER as ORCHESTRATION
from durable_engine import durable_name
from durable_host.app.declared import DeclaredFunction
from durable_host.app.function_folders import function_folders, import_folders
from durable_host.app.loading import DEFAULT_SCRIPT_FILE, AppError, check_host_json_for_sdk, import_functions, line_of
from durable_host.app.parameters import RefusedSignatureError, Signature, check_signature
from durable_host.config.times import seconds_of

__all__ = [
    "ACTIVITY",
    "BLOB",
    "CLIENT",
    "ENTITY",
    "EVENT_GRID",
    "HTTP",
    "ORCHESTRATION",
    "QUEUE",
    "TIMER",
    "AppError",
    "Binding",
    "FunctionIndex",
    "IndexedFunction",
    "RetryPolicy",
]

HTTP: Final = "httpTrigger"
TIMER: Final = "timerTrigger"
QUEUE: Final = "queueTrigger"
BLOB: Final = "blobTrigger"
EVENT_GRID: Final = "eventGridTrigger"
CLIENT: Final = "durableClient"

_SERVED: Final = frozenset({HTTP, TIMER, QUEUE, BLOB, EVENT_GRID})
_FILLED: Final = frozenset({CLIENT, "blob", "table"})
_WRITTEN: Final = frozenset({"http", "blob", "queue", "table"})
"""The triggers, input bindings and output bindings that are served here, beside the durable ones."""

_DURABLE_KINDS: Final = {ORCHESTRATION: "orchestrator", ACTIVITY: "activity", ENTITY: "entity"}
"""Trigger type to the word that messages use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One binding as the worker reports it; ``raw`` is the JSON object of a function.json."""

    name: str
    type: str
    direction: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """A function's own retries: how many, -1 for ever, and the seconds before each."""

    times: int
    least_seconds: float
    most_seconds: float

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> RetryPolicy | None:
        """The policy that a decorator ``retry`` or a function.json says."""
        if not settings:
            return None
        least = settings.get("delay_interval") or settings.get("minimum_interval") or "00:00:00"
        most = settings.get("maximum_interval") or least
        return cls(
            times=int(settings.get("max_retry_count") or 0),
            least_seconds=seconds_of(least) or 0.0,
            most_seconds=seconds_of(most) or 0.0,
        )

    def delay(self, attempt: int) -> float:
        """The seconds before a retry; ``attempt`` counts from 1."""
        return float(min(self.least_seconds * 2 ** (attempt - 1), self.most_seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFunction:
    """One function of the app.

    ``durable_name`` is what orchestrations call it by. ``not_run`` says why this host does not run it, None if it does.
    """

    name: str
    durable_name: str
    trigger: Binding
    bindings: tuple[Binding, ...]
    function: Callable[..., Any]
    signature: Signature
    directory: str
    is_disabled: bool
    not_run: str | None
    retry: RetryPolicy | None = None
    script_file: str = DEFAULT_SCRIPT_FILE
    entry_point: str = ""

    @property
    def kind(self) -> str:
        """The trigger's type, such as ``activityTrigger``."""
        return self.trigger.type

    @property
    def is_retried_by_its_trigger(self) -> bool:
        """Whether its trigger tries it again by itself, so that a retry policy multiplies the attempts."""
        return self.kind in (QUEUE, BLOB)

    @property
    def uses_sdk(self) -> bool:
        """Whether it is a durable function, or has a durable client."""
        return self.kind in _DURABLE_KINDS or any(binding.type == CLIENT for binding in self.bindings)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionIndex:
    """All functions of one app, in the order in which the app declares them."""

    script_root: Path
    script_file: str
    functions: tuple[IndexedFunction, ...]
    ignored_folders: tuple[str, ...] = ()
    """Folders of the v1 model beside a v2 app, which are not loaded."""
    _durable: Mapping[tuple[str, str], IndexedFunction] = field(repr=False, default_factory=dict)

    @classmethod
    def load(
        cls,
        script_root: Path,
        *,
        script_file: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> FunctionIndex:
        """Import and index the app; ``AppError`` says in one line what keeps it from running."""
        settings = os.environ if environment is None else environment
        name = script_file or settings.get("PYTHON_SCRIPT_FILE_NAME") or DEFAULT_SCRIPT_FILE
        path = script_root / name
        folders = function_folders(script_root)
        is_v1 = bool(folders) and not path.is_file()
        declared = import_folders(script_root, folders) if is_v1 else import_functions(script_root, name)
        functions = tuple(_indexed(function, path, settings) for function in declared)
        if any(one.uses_sdk for one in functions):
            check_host_json_for_sdk(script_root)
        ignored = () if is_v1 else tuple(folder.name for folder in folders)
        return cls(
            script_root=script_root,
            script_file=name,
            functions=functions,
            ignored_folders=ignored,
            _durable=_by_durable_name(functions, path),
        )

    def find(self, name: str) -> IndexedFunction | None:
        """The function of a name, as the admin API addresses it."""
        return next((function for function in self.functions if function.name.lower() == name.lower()), None)

    def orchestrator(self, name: str) -> IndexedFunction | None:
        """The orchestrator that a start or a sub-orchestration call means."""
        return self._durable.get((ORCHESTRATION, name.lower()))

    def activity(self, name: str) -> IndexedFunction | None:
        """The activity that an orchestration's call means."""
        return self._durable.get((ACTIVITY, name.lower()))

    def entity(self, name: str) -> IndexedFunction | None:
        """The entity function that an entity id's name means."""
        return self._durable.get((ENTITY, name.lower()))

    def of_kind(self, kind: str) -> tuple[IndexedFunction, ...]:
        """The enabled functions with one type of trigger."""
        return tuple(function for function in self.functions if function.kind == kind and not function.is_disabled)

    def is_disabled(self, kind: str, name: str) -> bool:
        """Whether the app has such a durable function, switched off by a setting."""
        return any(
            function.is_disabled and function.kind == kind and function.durable_name.lower() == name.lower()
            for function in self.functions
        )

    def unknown(self, kind: str, name: str) -> str:
        """What the Durable extension says about a name that it does not know."""
        word = _DURABLE_KINDS[kind]
        known = "', '".join(function.durable_name for function in self.of_kind(kind))
        start = f"The function '{name}' doesn't exist, is disabled, or is not an {word} function. "
        if not known:
            return f"{start}Additional info: No {word} functions are currently registered!"
        return f"{start}Additional info: The following are the known {word} functions: '{known}'."

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines to print: what this host leaves out of the app."""
        notes = list(_notes(self.functions))
        if self.ignored_folders:
            notes.append(
                f"Folders with a function.json ({', '.join(self.ignored_folders)}) are not loaded: {self.script_file} "
                "beside them is the whole app, as on the real host."
            )
        return tuple(notes)


def _indexed(declared: DeclaredFunction, path: Path, settings: Mapping[str, str]) -> IndexedFunction:
    user_function, name = declared.function, declared.name
    bindings = tuple(_binding(raw) for raw in declared.bindings)
    where, line = line_of(user_function, path)
    trigger = next(binding for binding in bindings if binding.name == declared.trigger_name)
    try:
        signature = check_signature(user_function, bindings)
    except RefusedSignatureError as error:
        advice = f". {error.advice}" if error.advice else ""
        if trigger.type in (ORCHESTRATION, ENTITY) and trigger.name != "context":
            advice = (
                f'. The worker takes no other name than "context": write context_name="context", not {trigger.name!r}'
            )
        raise AppError(f"cannot load the {name} function: {error}{advice}", path=where, line=line) from error
    return IndexedFunction(
        name=name,
        durable_name=durable_name(trigger.raw, name) or name,
        trigger=trigger,
        bindings=bindings,
        function=user_function,
        signature=signature,
        directory=str(declared.directory),
        script_file=declared.script_file,
        entry_point=declared.entry_point,
        is_disabled=declared.is_disabled or _is_disabled(name, settings),
        not_run=_reason_not_to_run(trigger, signature),
        retry=RetryPolicy.of(declared.retry),
    )


def _binding(raw: Mapping[str, Any]) -> Binding:
    # Its older name is still taken by the extension, and stands in many a function.json.
    kind = CLIENT if raw["type"] == "orchestrationClient" else raw["type"]
    return Binding(name=raw["name"], type=kind, direction=str(raw.get("direction", "IN")).upper(), raw=raw)


def _is_disabled(name: str, settings: Mapping[str, str]) -> bool:
    keys = (f"AzureWebJobs.{name}.Disabled", f"AzureWebJobs_{name}_Disabled")
    return any(settings.get(key, "").strip().lower() in ("true", "1") for key in keys)


def _reason_not_to_run(trigger: Binding, signature: Signature) -> str | None:
    if trigger.type not in _SERVED and trigger.type not in _DURABLE_KINDS:
        return f"a {trigger.type} is not run by this host"
    others = sorted(kind for name, kind in signature.inputs.items() if name != trigger.name and kind not in _FILLED)
    if others:
        return f"an input binding of type {', '.join(others)} is not filled by this host"
    return None


def _by_durable_name(functions: Iterable[IndexedFunction], path: Path) -> Mapping[tuple[str, str], IndexedFunction]:
    found: dict[tuple[str, str], IndexedFunction] = {}
    for function in functions:
        if function.kind not in _DURABLE_KINDS or function.is_disabled:
            continue
        key = (function.kind, function.durable_name.lower())
        if key in found:
            where, line = line_of(function.function, path)
            raise AppError(
                f"two {_DURABLE_KINDS[function.kind]} functions are called '{function.durable_name}' "
                f"({found[key].name} and {function.name}). Names are compared without regard to case: rename one.",
                path=where,
                line=line,
            )
        found[key] = function
    return found


def _notes(functions: Iterable[IndexedFunction]) -> Iterable[str]:
    for function in functions:
        if function.not_run:
            yield (
                f"Function '{function.name}' is listed and not run: {function.not_run}. "
                "Use 'func start', or deploy the app, to run it."
            )
        elif outputs := sorted({*function.signature.outputs.values(), *_other_return(function)} - _WRITTEN):
            yield (
                f"Function '{function.name}' runs, but what it writes to its output binding of type "
                f"{', '.join(outputs)} is dropped by this host."
            )


def _other_return(function: IndexedFunction) -> set[str]:
    returned = function.signature.return_binding
    return {returned} if returned and returned != "http" and returned not in _DURABLE_KINDS else set()
