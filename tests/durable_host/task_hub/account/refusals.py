"""What storage says when it does not do as it is told: whether another try is worth it, and the line for the log."""

from __future__ import annotations

from typing import Final

from azure.core.exceptions import AzureError, HttpResponseError

__all__ = ["first_line", "is_passing", "is_refusal"]

_REFUSED: Final = frozenset({400, 413, 414, 431})
_OF_ANOTHER: Final = "PopReceiptMismatch"
"""The one 400 that says nothing of what was sent: another host has the message by now."""


def is_refusal(error: BaseException) -> bool:
    """Whether storage has refused what it was sent, such as a key or a name that it cannot hold."""
    if not isinstance(error, HttpResponseError) or error.status_code not in _REFUSED:
        return False
    return getattr(error, "error_code", None) != _OF_ANOTHER


def is_passing(error: BaseException) -> bool:
    """Whether storage is to blame: away, busy, or in the hands of another writer."""
    return isinstance(error, AzureError) and not is_refusal(error)


def first_line(error: BaseException) -> str:
    """What an error says in its first line: in those of storage ids, and the XML of the answer, follow."""
    return (str(error).splitlines() or [type(error).__name__])[0]
