"""What the harness uses of the SDK beyond its public API: all of it named here, and there with its shape.

A new SDK fails here first, and says which part is gone. The public API is what ``azure.durable_functions`` exports, and
the modules of ``azure.functions`` without an underscore.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import azure.durable_functions as df
import pytest

TESTS: Final = Path(__file__).parents[1]
PACKAGES: Final = ("durable_harness",)
ROOMS: Final = ("durable_harness/worker",)
"""The only folder that may touch what is private."""

MODULES: Final = {
    "azure.durable_functions.models.actions.Action": ("Action",),
    "azure.durable_functions.models.actions.ActionType": ("ActionType",),
    "azure.durable_functions.models.actions.CreateTimerAction": ("CreateTimerAction",),
    "azure.durable_functions.models.actions.NoOpAction": ("NoOpAction",),
    "azure.durable_functions.models.actions.SignalEntityAction": ("SignalEntityAction",),
    "azure.durable_functions.models.DurableOrchestrationContext": (
        "DurableOrchestrationContext",
        "parse_timespan_attrib",
    ),
    "azure.durable_functions.models.history.HistoryEvent": ("HistoryEvent", "dt_parse"),
    "azure.durable_functions.models.history.HistoryEventType": ("HistoryEventType",),
    "azure.durable_functions.models.Task": (
        "AtomicTask",
        "CompoundTask",
        "RetryAbleTask",
        "TaskBase",
        "TaskState",
        "TimerTask",
        "WhenAllTask",
        "WhenAnyTask",
    ),
    "azure.durable_functions.models.TaskOrchestrationExecutor": ("TaskOrchestrationExecutor", "namedtuple", "warnings"),
    "azure.durable_functions.models.utils.df_serialization": ("df_dumps",),
    "azure.functions._durable_functions": (
        "_is_strict_mode",
        "_loose_codec_notice_emitted",
        "_no_expected_type_notice_emitted",
    ),
}
"""Each private module that is used, and what of it."""


def plain(context: Any) -> None:
    """An orchestrator without a single task."""


def _context() -> Any:
    """A context as the SDK gives it to an orchestrator."""
    begun = [
        {
            "EventType": kind,
            "EventId": -1,
            "IsPlayed": False,
            "Timestamp": "2026-01-01T00:00:00Z",
            "Name": "plain",
            "Version": "",
        }
        for kind in (12, 0)
    ]
    given: list[Any] = []
    payload = {"history": begun, "instanceId": "one", "isReplaying": False, "parentInstanceId": None, "input": None}
    df.Orchestrator.create(given.append)(json.dumps(payload))
    return given[0]


def _task() -> Any:
    return _context().call_activity("one")


def _task_all() -> Any:
    context = _context()
    return context.task_all([context.call_activity("one")])


def _executor() -> Any:
    return _class("azure.durable_functions.models.TaskOrchestrationExecutor", "TaskOrchestrationExecutor")()


def _event() -> Any:
    return _class("azure.durable_functions.models.history.HistoryEvent", "HistoryEvent")(
        EventType=0, EventId=-1, IsPlayed=False, Timestamp="2026-01-01T00:00:00Z"
    )


def _decorated() -> Any:
    app = df.DFApp()
    app.orchestration_trigger(context_name="context", input_type=str)(plain)
    return app.get_functions()[0].get_user_function()


ATTRIBUTES: Final[dict[Callable[[], Any], dict[str, Any]]] = {
    _context: {
        "_actions": list,
        "_add_to_actions": Callable,
        "_add_to_open_tasks": Callable,
        "_continue_as_new_flag": bool,
        "_current_utc_datetime": object,
        "_custom_status": object,
        "_generate_task": Callable,
        "_input": object,
        "_input_expected_type": object,
        "_instance_id": str,
        "_is_replaying": bool,
        "_new_uuid_counter": int,
        "_parent_instance_id": object,
        "_record_fire_and_forget_action": Callable,
        "_sequence_number": int,
        "_version": object,
    },
    _task: {"_is_scheduled": bool},
    _task_all: {"_first_error": object},
    _executor: {"_is_processing_new_events": bool},
    _event: {"_event_id": int, "_event_type": int, "_is_played": bool, "_timestamp": object},
    _decorated: {"_df_input_type": type},
}
"""Each private attribute that is used, by the object that has it, with the type of its value."""

USED: Final = {name for names in ATTRIBUTES.values() for name in names}


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in MODULES.items() for name in names])
def test_the_sdk_has_each_private_name_that_is_used(module: str, name: str) -> None:
    found = importlib.import_module(module)

    assert hasattr(found, name)


@pytest.mark.parametrize(("make", "name"), [(make, name) for make, names in ATTRIBUTES.items() for name in names])
def test_the_sdks_objects_have_each_private_attribute_that_is_used(make: Callable[[], Any], name: str) -> None:
    value = getattr(make(), name)

    assert isinstance(value, ATTRIBUTES[make][name])


def test_the_executor_has_the_steps_that_are_called_one_by_one() -> None:
    executor = type(_executor())

    shapes = {
        name: list(inspect.signature(getattr(executor, name)).parameters)
        for name in ("initialize", "process_event", "resume_user_code", "get_orchestrator_state_str")
    }

    assert shapes == {
        "initialize": ["self"],
        "process_event": ["self", "event"],
        "resume_user_code": ["self"],
        "get_orchestrator_state_str": ["self"],
    }


def test_nothing_else_is_imported_from_inside_the_sdk() -> None:
    listed = {(module, name) for module, names in MODULES.items() for name in names}
    listed |= {(module.rpartition(".")[0], module.rpartition(".")[2]) for module in MODULES}

    wrong = [
        f"{where}: {module}.{name}"
        for path in _files(PACKAGES)
        for where, module, name in _private_imports(path)
        if not _is_in(path, ROOMS) or (module, name) not in listed
    ]

    assert wrong == [], "what is private of the SDK belongs into durable_harness/worker"


def test_nothing_else_touches_a_private_attribute_of_the_sdk() -> None:
    wrong = [
        f"{path.relative_to(TESTS)}, line {line}: {name}"
        for path in _files(PACKAGES)
        for line, name in _foreign_private(path)
        if not (_is_in(path, ROOMS) and name in USED | {one for names in MODULES.values() for one in names})
    ]

    assert wrong == [], "a private attribute of the SDK belongs into ATTRIBUTES here, and into durable_harness/worker"


def test_every_name_that_is_listed_is_used() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in _files(ROOMS))

    unused = [name for name in USED | {name for names in MODULES.values() for name in names} if name not in text]

    assert unused == []


_NOT_OF_THE_SDK: Final = {"_inst", "_getframe"}
"""Private names of Python's own library: the hidden instance of ``random``, the frames of ``sys``."""


def _files(folders: tuple[str, ...]) -> list[Path]:
    return [path for folder in folders for path in sorted((TESTS / folder).rglob("*.py"))]


def _is_in(path: Path, folders: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(TESTS / folder) for folder in folders)


def _private_imports(path: Path) -> Iterator[tuple[str, str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported = [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            imported = [(alias.name.rpartition(".")[0], alias.name.rpartition(".")[2]) for alias in node.names]
        else:
            continue
        for module, name in imported:
            if _is_private(module, name):
                yield f"{path.relative_to(TESTS)}, line {node.lineno}", module, name


def _is_private(module: str, name: str) -> bool:
    if module == "azure.durable_functions":
        return name not in df.__all__
    if module.startswith("azure.durable_functions."):
        return True
    return module.startswith("azure.") and any(part.startswith("_") for part in [*module.split("."), name])


def _foreign_private(path: Path) -> Iterator[tuple[int, str]]:
    """Private attributes that a file reads or writes, and that none of our classes and modules has."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr"):
            name = ast.unparse(node.args[1]).strip("'")
        else:
            continue
        is_private = name.startswith("_") and not name.endswith("__") and name not in _NOT_OF_THE_SDK
        if is_private and (name in USED or name not in _own_names()):
            yield node.lineno, name


_OWN: set[str] = set()


def _own_names() -> set[str]:
    """The private names that our own classes define."""
    if not _OWN:
        for path in _files(PACKAGES):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    _OWN.add(node.name)
                elif isinstance(node, ast.AnnAssign):
                    _OWN.add(node.target.attr if isinstance(node.target, ast.Attribute) else ast.unparse(node.target))
                elif isinstance(node, ast.Assign):
                    for target in node.targets:
                        _OWN.update(
                            one.attr if isinstance(one, ast.Attribute) else one.id
                            for one in ast.walk(target)
                            if isinstance(one, (ast.Attribute, ast.Name))
                        )
    return _OWN
