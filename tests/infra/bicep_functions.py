"""The functions of Bicep that this template calls, worked out without Azure.

Role: a table from a function's name to how many arguments it takes and what it answers.
Called by: ``bicep_expressions``.
Calls: hashlib and uuid, for the functions that hash.
Invariant: equal arguments, equal answers; a function that is not in the table is an error, never a guess.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.bicep_values import Value

__all__ = ["FUNCTIONS", "SUBSCRIPTION_ID", "TENANT_ID", "Function"]

SUBSCRIPTION_ID = "00000000-1111-2222-3333-444444444444"
TENANT_ID = "55555555-6666-7777-8888-999999999999"
_SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function: its answer, the least and the most arguments, and their types ('' takes any)."""

    answer: Callable[..., Value]
    least: int
    most: int
    types: str


def _unique_string(*parts: str) -> str:
    """Answer 13 lowercase letters and digits, as the real one does; the letters differ from the real ones."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:13]


def _guid(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\0".join(parts)))


def _union(*parts: Mapping[str, Value]) -> dict[str, Value]:
    return {key: value for part in parts for key, value in part.items()}


def _concat(*parts: list[Value]) -> list[Value]:
    return [item for part in parts for item in part]


def _contains(whole: str | list[Value] | Mapping[str, Value], part: str) -> bool:
    return part in whole


def _subscription_resource_id(kind: str, name: str) -> str:
    return f"{_SUBSCRIPTION}/providers/{kind}/{name}"


def _function(answer: Callable[..., Value], least: int, most: int, types: str) -> Function:
    return Function(answer=answer, least=least, most=most, types=types)


FUNCTIONS: Mapping[str, Function] = {
    "concat": _function(_concat, 1, 32, "array"),
    "contains": _function(_contains, 2, 2, ""),
    "empty": _function(lambda whole: not whole, 1, 1, ""),
    "endsWith": _function(str.endswith, 2, 2, "string"),
    "environment": _function(lambda: {"suffixes": {"storage": "core.windows.net"}}, 0, 0, ""),
    "guid": _function(_guid, 1, 32, "string"),
    "length": _function(len, 1, 1, ""),
    "startsWith": _function(str.startswith, 2, 2, "string"),
    "subscription": _function(lambda: {"id": _SUBSCRIPTION, "subscriptionId": SUBSCRIPTION_ID}, 0, 0, ""),
    "subscriptionResourceId": _function(_subscription_resource_id, 2, 2, "string"),
    "tenant": _function(lambda: {"tenantId": TENANT_ID}, 0, 0, ""),
    "toLower": _function(str.lower, 1, 1, "string"),
    "toUpper": _function(str.upper, 1, 1, "string"),
    "union": _function(_union, 1, 32, "object"),
    "uniqueString": _function(_unique_string, 1, 32, "string"),
}
