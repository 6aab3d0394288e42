"""The texts of failures, as the real host writes them.

From what user code raised to the reason and details of a failed activity, orchestration or sub-orchestration.
Invariant: details are one line of valid JSON, because users parse them out of ``str(exception)``.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

from durable_engine.model.dotnet_json import compact_json

__all__ = [
    "UserException",
    "activity_failure",
    "http_activity_failure",
    "orchestrator_failure",
    "sub_orchestration_details",
    "unhandled_details",
]

_COR_E_EXCEPTION = -2146233088
_OUR_FRAMES = "   at durable_engine, in place of the Functions host's own frames"
# A sub-orchestration's details end in the frames of .NET; this line alone is the same on every real host.
_SUB_FRAMES = (
    "   at System.Threading.Tasks.Task.ThrowIfExceptional(Boolean includeTaskCanceledExceptions)\n"
    "   at durable_engine, in place of the Functions host's own frames"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserException:
    """What user code raised, as the Python worker reports it to the host.

    ``stack`` is the formatted traceback without its heading: every frame line begins with two spaces, and it ends in
    a newline.
    """

    type_name: str
    message: str
    stack: str

    @classmethod
    def of(cls, exception: BaseException) -> UserException:
        """The report of a caught exception."""
        stack = "".join(traceback.format_tb(exception.__traceback__))
        return cls(type_name=type(exception).__name__, message=str(exception), stack=stack)

    @property
    def text(self) -> str:
        """``ValueError: what was wrong``."""
        return f"{self.type_name}: {self.message}"

    @property
    def rpc_text(self) -> str:
        """The text of the host's RpcException: what a plain function's failure shows."""
        return f"Result: Failure\nException: {self.text}\nStack: {self.stack}"


def activity_failure(name: str, raised: UserException) -> tuple[str, str]:
    """Reason and details of a failed activity; both are what ``str(exception)`` shows to the orchestrator."""
    inner = {
        "$type": "Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException, Microsoft.Azure.WebJobs.Script",
        "IsUserException": False,
        "RemoteStackTrace": raised.stack,
        "RemoteMessage": raised.text,
        "RemoteTypeName": None,
        "Message": raised.rpc_text,
        "Data": _NO_DATA,
        "InnerException": None,
        "HelpLink": None,
        "Source": "System.Private.CoreLib",
        "HResult": _COR_E_EXCEPTION,
        "StackTrace": _OUR_FRAMES,
    }
    details = {
        "$type": "System.Exception, System.Private.CoreLib",
        "ClassName": "System.Exception",
        "Message": raised.text,
        "Data": None,
        "InnerException": inner,
        "HelpURL": None,
        "StackTraceString": None,
        "RemoteStackTraceString": None,
        "RemoteStackIndex": 0,
        "ExceptionMethod": None,
        "HResult": _COR_E_EXCEPTION,
        "Source": None,
        "WatsonBuckets": None,
    }
    return f"Activity function '{name}' failed: {raised.text}", compact_json(details)


def http_activity_failure(message: str, *, native_error: int | None) -> tuple[str, str]:
    """Reason and details of a ``call_http`` without an answer; ``native_error`` is the socket's errno, if any."""
    inner: dict[str, Any] | None = None
    if native_error is not None:
        inner = {
            "$type": "System.Net.Sockets.SocketException, System.Net.Primitives",
            "ClassName": "System.Net.Sockets.SocketException",
            "Message": message.partition(" (")[0],
            "Data": None,
            "InnerException": None,
            "HelpURL": None,
            "StackTraceString": _OUR_FRAMES,
            "RemoteStackTraceString": None,
            "RemoteStackIndex": 0,
            "ExceptionMethod": None,
            "HResult": -2147467259,
            "Source": "System.Net.Sockets",
            "WatsonBuckets": None,
            "NativeErrorCode": native_error,
        }
    details = {
        "$type": "System.Net.Http.HttpRequestException, System.Net.Http",
        "HttpRequestError": 2,
        "StatusCode": None,
        "Message": message,
        "Data": _NO_DATA,
        "InnerException": inner,
        "HelpLink": None,
        "Source": "System.Net.Http",
        "HResult": -2147467259,
        "StackTrace": _OUR_FRAMES,
    }
    return message, compact_json(details)


def orchestrator_failure(name: str, error: str) -> str:
    """The output of an orchestration whose function failed."""
    return f"Orchestrator function '{name}' failed: {error}"


def sub_orchestration_details(error: str) -> str:
    """The details that a parent gets of a failed sub-orchestration."""
    return f"Message: {error}, StackTrace: {_SUB_FRAMES}"


def unhandled_details(text: str) -> str:
    """The details that a parent gets of a sub-orchestration which replayed differently from its history."""
    return (
        "Unhandled exception while executing orchestration: "
        f"DurableTask.Core.Exceptions.NonDeterministicOrchestrationException: {text}\n{_OUR_FRAMES}"
    )


_NO_DATA = {"$type": "System.Collections.ListDictionaryInternal, System.Private.CoreLib"}
