"""What a function's bindings give it before it runs, and what becomes of what it gave.

Invariant: settings are put in first and the trigger's values at each call; a function whose binding cannot be filled
does not run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from azure.core.exceptions import AzureError
from azure.functions.meta import Datum

from durable_host.app.deferred import deferred_value, is_deferred
from durable_host.app.index import CLIENT, Binding, IndexedFunction
from durable_host.app.trigger import BindingError, Trigger
from durable_host.bindings.accounts import Accounts, UnknownConnectionError
from durable_host.bindings.blob import read_blob, split_path, write_blob
from durable_host.bindings.expressions import SettingError, resolve_settings, resolved
from durable_host.bindings.queue import send_messages
from durable_host.bindings.table import read_table, write_table
from durable_host.task_hub.account.refusals import first_line

__all__ = ["StorageBindings", "with_settings"]

_FOR_CLIENTS = "DURABLE_HOST_CONNECTION_"


class StorageBindings:
    """The bindings of one host's functions to storage."""

    def __init__(
        self, accounts: Accounts, *, is_base64: bool = True, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._accounts, self._is_base64, self._environment = accounts, is_base64, environment
        self._readers: dict[str, list[Callable[[], None]]] = {}

    def on_sent(self, queue: str, call: Callable[[], None]) -> None:
        """Call this whenever a function's output has gone to a queue of that name, so that its reader looks at once."""
        self._readers.setdefault(queue, []).append(call)

    async def read(self, function: IndexedFunction, trigger: Trigger, invocation_id: str) -> Mapping[str, Any]:
        """The values of the input bindings, by parameter."""
        values: dict[str, Any] = {}
        for binding in function.bindings:
            if binding.direction == "OUT" or binding is function.trigger or binding.type == CLIENT:
                continue
            annotation = function.signature.annotations.get(binding.name)
            try:
                values[binding.name] = await self._input(binding, trigger, annotation)
            except (BindingError, SettingError, UnknownConnectionError) as error:
                causes = error.causes if isinstance(error, BindingError) else (str(error),)
                raise BindingError(*causes) from error
            except AzureError as error:
                raise BindingError(f"Exception binding parameter '{binding.name}'", first_line(error)) from error
        return values

    async def write(
        self, function: IndexedFunction, values: Mapping[str, Datum], trigger: Trigger, invocation_id: str
    ) -> None:
        """Write what the function gave, in the order of its bindings."""
        for binding in function.bindings:
            if binding.name in values:
                try:
                    await self._output(binding, values[binding.name], trigger, invocation_id)
                except (SettingError, UnknownConnectionError) as error:
                    raise BindingError(str(error)) from error
                except AzureError as error:
                    outer = f"Error while handling parameter {binding.name} after function returned:"
                    raise BindingError(outer, first_line(error)) from error

    def deferred(self, annotation: Any, binding: Binding, path: str) -> object:
        """A client of the storage SDK for a path, which may be a container alone."""
        container, _, blob = path.partition("/")
        connection = str(binding.raw.get("connection") or "AzureWebJobsStorage")
        # The extension reads a setting of the environment, and knows no UseDevelopmentStorage=true.
        setting = f"{_FOR_CLIENTS}{connection}"
        os.environ[setting] = self._accounts.connection_string(connection)
        return deferred_value(annotation, connection=setting, container=container, blob=blob)

    async def _input(self, binding: Binding, trigger: Trigger, annotation: object) -> object:
        raw = self._raw(binding, trigger)
        connection = raw.get("connection")
        if is_deferred(annotation):
            return self.deferred(annotation, binding, raw["path"])
        if binding.type == "blob":
            is_binary = str(raw.get("dataType", "")).upper() == "BINARY"
            return await read_blob(await self._accounts.blobs(connection), raw["path"], is_binary=is_binary)
        return await read_table(await self._accounts.tables(connection), raw)

    async def _output(self, binding: Binding, datum: Datum, trigger: Trigger, invocation_id: str) -> None:
        raw = self._raw(binding, trigger)
        connection = raw.get("connection")
        if binding.type == "blob":
            split_path(raw["path"])
            await write_blob(await self._accounts.blobs(connection), raw["path"], datum, invocation_id)
        elif binding.type == "queue":
            queues = await self._accounts.queues(connection)
            await send_messages(queues, raw["queueName"], datum, is_base64=self._is_base64)
            for call in self._readers.get(str(raw["queueName"]).lower(), ()):
                call()
        elif binding.type == "table":
            await write_table(await self._accounts.tables(connection), raw, datum)

    def _raw(self, binding: Binding, trigger: Trigger) -> dict[str, Any]:
        """The binding's members with everything put in."""
        return {
            key: resolved(value, trigger.names) if isinstance(value, str) else value
            for key, value in with_settings(binding, self._environment).items()
        }


def with_settings(binding: Binding, environment: Mapping[str, str]) -> dict[str, Any]:
    """A binding's members with the settings put in; SettingError where one is missing."""
    return {
        key: resolve_settings(value, environment) if isinstance(value, str) else value
        for key, value in binding.raw.items()
    }
