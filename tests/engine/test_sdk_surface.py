"""What is used of the SDK beyond its public face: each thing by name, and that nothing else reaches for more."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable_engine import close_http_session
from durable_engine.wire.sdk_surface import ActionType

TESTS = Path(__file__).parents[1]
PRIVATE = "azure.durable_functions.models"
THE_ROOM = TESTS / "durable_engine" / "wire"

ACTION_TYPES = {
    "CALL_ACTIVITY": 0,
    "CALL_ACTIVITY_WITH_RETRY": 1,
    "CALL_SUB_ORCHESTRATOR": 2,
    "CALL_SUB_ORCHESTRATOR_WITH_RETRY": 3,
    "CONTINUE_AS_NEW": 4,
    "CREATE_TIMER": 5,
    "WAIT_FOR_EXTERNAL_EVENT": 6,
    "CALL_ENTITY": 7,
    "CALL_HTTP": 8,
    "SIGNAL_ENTITY": 9,
    "WHEN_ANY": 11,
    "WHEN_ALL": 12,
}
"""What the extension knows each kind of action by: the numbers are the wire's, the names the SDK's."""


def _mentions(path: Path) -> Iterator[str]:
    """Where a file names a module of the SDK that is not public, in an import or in a text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)):
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.Constant(value=str(text)):
                names = [text]
            case _:
                continue
        if any(name == PRIVATE or name.startswith(f"{PRIVATE}.") for name in names):
            yield f"{path.relative_to(TESTS)}, line {node.lineno}: {names[0]}"


@pytest.mark.parametrize("package", ["durable_engine", "durable_host"])
def test_only_the_wire_room_names_the_sdks_own_modules(package: str) -> None:
    outside = [
        mention
        for path in sorted((TESTS / package).rglob("*.py"))
        if THE_ROOM not in path.parents
        for mention in _mentions(path)
    ]

    assert outside == []


def test_the_wire_room_names_these_modules_of_the_sdk_and_no_others() -> None:
    named = {mention.rpartition(": ")[2] for path in sorted(THE_ROOM.glob("*.py")) for mention in _mentions(path)}

    assert named == {f"{PRIVATE}.actions.ActionType", f"{PRIVATE}.utils.http_utils"}


def test_the_sdk_numbers_its_actions_as_the_extension_does() -> None:
    assert {action.name: int(action) for action in ActionType} == ACTION_TYPES


def test_the_sdks_module_of_http_calls_keeps_a_session_and_can_close_it() -> None:
    module = importlib.import_module(f"{PRIVATE}.utils.http_utils")

    assert inspect.iscoroutinefunction(module._get_session)
    assert inspect.iscoroutinefunction(module._close_session)


def test_the_sdks_session_is_closed() -> None:
    async def is_closed() -> bool:
        session = await importlib.import_module(f"{PRIVATE}.utils.http_utils")._get_session()
        await close_http_session()
        return bool(session.closed)

    assert asyncio.run(is_closed())
