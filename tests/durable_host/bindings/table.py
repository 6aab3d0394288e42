"""The table binding: one entity or several read as JSON, or written from what a function gave.

Invariant: an entity that is not there reads as None; rows are given and taken with PartitionKey and RowKey.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables.aio import TableServiceClient
from azure.functions.meta import Datum

from durable_host.app.trigger import BindingError
from durable_host.bindings.making import made_when_missing

__all__ = ["read_table", "write_table"]


async def read_table(service: TableServiceClient, binding: Mapping[str, Any]) -> Datum | None:
    """The row that partition key and row key name, else the rows of the partition, the filter and ``take``."""
    client = service.get_table_client(binding["tableName"])
    partition, row = binding.get("partitionKey"), binding.get("rowKey")
    try:
        if partition and row:
            return Datum(json.dumps(dict(await client.get_entity(partition, row)), default=str), "string")
        parts = [f"PartitionKey eq '{partition}'"] if partition else []
        parts += [f"({binding['filter']})"] if binding.get("filter") else []
        rows = client.query_entities(" and ".join(parts)) if parts else client.list_entities()
        most = int(binding.get("take") or 0)
        found: list[dict[str, Any]] = []
        async for entity in rows:
            found.append(dict(entity))
            if len(found) == most:
                break
    except ResourceNotFoundError:
        return None if partition and row else Datum("[]", "string")
    return Datum(json.dumps(found, default=str), "string")


async def write_table(service: TableServiceClient, binding: Mapping[str, Any], datum: Datum) -> None:
    """Add the row, or each row of a list; keys that a row does not have are the binding's."""
    value = datum.value
    try:
        rows = json.loads(value) if isinstance(value, str | bytes) else value
    except ValueError as error:
        raise BindingError(f"The table '{binding['tableName']}' takes JSON objects, not {value!r}.") from error
    client = service.get_table_client(binding["tableName"])
    for row in rows if isinstance(rows, list) else [rows]:
        if not isinstance(row, dict):
            raise BindingError(f"The table '{binding['tableName']}' takes JSON objects, not {row!r}.")
        entity = {"PartitionKey": binding.get("partitionKey"), "RowKey": binding.get("rowKey"), **row}
        try:
            await made_when_missing(partial(client.create_entity, entity), client.create_table)
        except (HttpResponseError, ValueError) as error:
            raise BindingError(
                f"Error while handling parameter after function returned: the table '{binding['tableName']}' refuses "
                f"the row {entity['PartitionKey']!r}, {entity['RowKey']!r}: {error}"
            ) from error
