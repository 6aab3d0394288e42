"""The texts of failures, as the real host writes them.

From what user code raised to the reason and details of a failed activity, orchestration or sub-orchestration.
Invariant: details are one line of valid JSON, because users parse them out of ``str(exception)``.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

from durable_engine.model.dotnet_json import compact_json
from durable_engine.model.json_reader import JsonReaderError

__all__ = [
    "UserException",
    "activity_failure",
    "http_activity_failure",
    "orchestrator_failure",
    "sub_orchestration_details",
    "unhandled_details",
    "unhandled_task_failure",
    "unreadable_result",
]

_COR_E_EXCEPTION = -2146233088
_NO_TEXT = "Unhandled exception in function. Could not serialize original exception message."
_OUR_FRAMES = "   at durable_engine, in place of the Functions host's own frames"
# A sub-orchestration's details, which its parent's users read, end in the frames of extension 3.19.0: always these two.
_SUB_FRAMES = (
    "   at System.Threading.Tasks.Task.ThrowIfExceptional(Boolean includeTaskCanceledExceptions)\n"
    "   at Microsoft.Azure.WebJobs.Extensions.DurableTask.TaskOrchestrationShim.InvokeUserCodeAndHandleResults("
    "RegisteredFunctionInfo orchestratorInfo, OrchestrationContext innerContext) in "
    "/_/src/WebJobs.Extensions.DurableTask/Listener/TaskOrchestrationShim.cs:line 148"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserException:
    """What user code raised, as the Python worker reports it to the host.

    ``type_name`` is empty where the exception could not be turned into text: then the message stands alone. ``stack``
    is the formatted traceback without its heading: every frame line begins with two spaces, and it ends in a newline.
    """

    type_name: str
    message: str
    stack: str

    @classmethod
    def of(cls, exception: BaseException) -> UserException:
        """The report of a caught exception; one that would end the worker is told as the host tells of that."""
        stack = "".join(traceback.format_tb(exception.__traceback__))
        if isinstance(exception, SystemExit):
            code = exception.code if isinstance(exception.code, int) else int(exception.code is not None)
            return cls(type_name="", message=f"python exited with code {code} (0x{code & 0xFFFFFFFF:X})", stack=stack)
        try:
            message = str(exception)
        except Exception:  # user code's own __str__ may raise anything; the worker has a text for that
            return cls(type_name="", message=_NO_TEXT, stack=stack)
        return cls(type_name=type(exception).__name__, message=message, stack=stack)

    @property
    def text(self) -> str:
        """``ValueError: what was wrong``."""
        return f"{self.type_name}: {self.message}" if self.type_name else self.message

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


def unreadable_result(name: str, error: JsonReaderError) -> tuple[str, str]:
    """Reason and details of an activity whose result the host's JSON reader refuses."""
    type_name = f"Newtonsoft.Json.{error.exception_type}"
    details = {
        "$type": f"{type_name}, Newtonsoft.Json",
        "ClassName": type_name,
        "Message": str(error),
        "Data": None,
        "InnerException": None,
        "HelpURL": None,
        "StackTraceString": _OUR_FRAMES,
        "RemoteStackTraceString": None,
        "RemoteStackIndex": 0,
        "ExceptionMethod": None,
        "HResult": _COR_E_EXCEPTION,
        "Source": "Newtonsoft.Json",
        "WatsonBuckets": None,
    }
    return f"Activity function '{name}' failed: {error}", compact_json(details)


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


def unhandled_task_failure(type_name: str, message: str) -> tuple[str, dict[str, Any]]:
    """Details and FailureDetails of a task of the host's own that failed in the host's own code."""
    failure = {
        "ErrorType": type_name,
        "ErrorMessage": message,
        "StackTrace": _OUR_FRAMES,
        "InnerFailure": None,
        "IsNonRetriable": False,
        "Properties": None,
    }
    return f"Unhandled exception while executing task: {type_name}: {message}\n{_OUR_FRAMES}", failure


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
