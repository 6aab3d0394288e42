"""The storage of a start: the task hub's account, and the emulator where a setting stands for it.

Invariant: the emulator is started once, whichever setting needs it first, and left with the start's other resources.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from durable_host.cli.stopping import say
from durable_host.config.host_json import HostJson
from durable_host.config.settings import DEFAULT_CONNECTION, SettingsError, storage_connection

if TYPE_CHECKING:
    from durable_host.app.index import IndexedFunction

__all__ = ["needs_emulator", "open_hub_storage", "open_storage_of_bindings"]

_IN_STORAGE: Final = frozenset({"timerTrigger", "queueTrigger", "blobTrigger", "queue", "blob", "table"})


def open_hub_storage(host_json: HostJson, resources: contextlib.ExitStack, *, clean: bool) -> str:
    """The connection string of the task hub's account; its emulator is started if none listens."""
    connection = storage_connection(os.environ, host_json.connection_name)
    if connection.is_development_storage:
        return _emulator(resources, clean=clean)
    if clean:
        raise SettingsError(
            f"--clean removes the data of the storage emulator that this host starts, but '{connection.setting}' "
            "names another storage account. Leave --clean out, or set it to UseDevelopmentStorage=true."
        )
    return connection.connection_string


def open_storage_of_bindings(
    functions: Iterable[IndexedFunction], host_json: HostJson, resources: contextlib.ExitStack
) -> str | None:
    """The emulator's connection string where the hub is elsewhere, and a trigger or binding names the emulator."""
    if storage_connection(os.environ, host_json.connection_name).is_development_storage:
        return None
    return _emulator(resources, clean=False) if needs_emulator(functions, os.environ) else None


def needs_emulator(functions: Iterable[IndexedFunction], environment: Mapping[str, str]) -> bool:
    """Whether one of the connections that the functions name is ``UseDevelopmentStorage=true``."""
    for name in {*_connections(functions)}:
        with contextlib.suppress(SettingsError):  # which the function that names it is refused for
            if storage_connection(environment, name).is_development_storage:
                return True
    return False


def _connections(functions: Iterable[IndexedFunction]) -> Iterator[str]:
    for function in functions:
        for binding in function.bindings:
            if binding.type in _IN_STORAGE:
                yield str(binding.raw.get("connection") or DEFAULT_CONNECTION)
        if function.kind in _IN_STORAGE:
            yield DEFAULT_CONNECTION  # locks, statuses and receipts


def _emulator(resources: contextlib.ExitStack, *, clean: bool) -> str:
    from durable_host.azurite import open_development_storage

    logging.getLogger("durable_host.azurite").setLevel(logging.INFO)
    storage = resources.enter_context(open_development_storage(clean=clean))
    say(storage.note)
    return storage.connection_string
