"""Errors of the management API, in the Durable extension's two JSON forms.

    ApiError           answers {"Message"}
    └── DotNetError    answers {"Message", "ExceptionMessage", "ExceptionType", "StackTrace"}

What a handler raises to end a request early.
Invariant: messages are the real host's, to the letter; SDK clients show some of them to their users.
"""

from __future__ import annotations

import traceback
from typing import Final

from azure.core.exceptions import AzureError

from durable_engine import JsonReaderError
from durable_host.http.messages import Answer, json_answer
from durable_host.task_hub.account.refusals import first_line
from durable_host.task_hub.base.names import id_problem

__all__ = [
    "ARGUMENT_EXCEPTION",
    "INVALID_OPERATION",
    "ApiError",
    "DotNetError",
    "argument_error",
    "check_id",
    "invalid_json",
    "invalid_operation",
    "refused_by_storage",
    "unexpected",
]

ARGUMENT_EXCEPTION: Final = "System.ArgumentException"
INVALID_OPERATION: Final = "System.InvalidOperationException"
_JSON_READER: Final = "Newtonsoft.Json.JsonReaderException"
_BAD_ARGUMENT: Final = "One or more of the arguments submitted is incorrect"
_SOMETHING_WRONG: Final = "Something went wrong while processing your request"
_STORAGE_EXCEPTION: Final = "DurableTask.AzureStorage.Storage.DurableTaskStorageException"
_STORAGE_FAILED: Final = "An error occurred while communicating with Azure Storage"
_OUR_FRAMES: Final = "   at durable_host.http.management, in place of the Durable extension's own frames"


class ApiError(Exception):
    """Ends a request with an error that has no exception behind it."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)

    def answer(self) -> Answer:
        """The answer that the client gets."""
        return json_answer(self.status, {"Message": self.message})


class DotNetError(ApiError):
    """Ends a request as the .NET exception of this type and message would."""

    def __init__(
        self, status: int, message: str, *, exception_message: str, exception_type: str, stack: str = _OUR_FRAMES
    ) -> None:
        super().__init__(status, message)
        self.exception_message, self.exception_type, self.stack = exception_message, exception_type, stack

    def answer(self) -> Answer:
        """The answer that the client gets."""
        return json_answer(
            self.status,
            {
                "Message": self.message,
                "ExceptionMessage": self.exception_message,
                "ExceptionType": self.exception_type,
                "StackTrace": self.stack,
            },
        )


def argument_error(exception_message: str, *, message: str = _BAD_ARGUMENT) -> DotNetError:
    """A 400 for an ArgumentException."""
    return DotNetError(400, message, exception_message=exception_message, exception_type=ARGUMENT_EXCEPTION)


def check_id(instance_id: str) -> None:
    """Refuse an id that no table can hold, before anything is queued for it; the real host answers 500."""
    if problem := id_problem(instance_id):
        raise argument_error(problem)


def invalid_operation(exception_message: str) -> DotNetError:
    """A 500 for an InvalidOperationException, which the extension does not map to a 4xx."""
    return DotNetError(500, _SOMETHING_WRONG, exception_message=exception_message, exception_type=INVALID_OPERATION)


def invalid_json(error: JsonReaderError) -> DotNetError:
    """A 400 for a body that is not JSON."""
    return DotNetError(400, "Invalid JSON content", exception_message=str(error), exception_type=_JSON_READER)


def refused_by_storage(error: Exception) -> DotNetError:
    """A 400 for what is too long, or in another way nothing that storage takes; the real host answers 500."""
    reason = first_line(error).rstrip(".")
    return argument_error(f"Storage refuses what the request asks for: {reason}. Ask for less, or by shorter names.")


def unexpected(error: Exception) -> DotNetError:
    """A 500 for whatever else went wrong; the stack is Python's."""
    if isinstance(error, AzureError):
        return DotNetError(500, _SOMETHING_WRONG, exception_message=_STORAGE_FAILED, exception_type=_STORAGE_EXCEPTION)
    return DotNetError(
        500,
        _SOMETHING_WRONG,
        exception_message=str(error),
        exception_type=f"{type(error).__module__}.{type(error).__qualname__}",
        stack="".join(traceback.format_tb(error.__traceback__)),
    )
