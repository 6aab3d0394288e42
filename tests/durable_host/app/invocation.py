"""One call of a user's function: what goes in, what comes out, and what the function sees around it.

The values that a call is made of, converted by azure-functions' own converters as the Python worker does.
Invariant: what user code raises is reported as a ``UserException``, never raised into the host.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from azure.functions._abc import RetryContext, RpcException, TraceContext
from azure.functions.meta import Datum

from durable_host.app.index import CLIENT, Binding, IndexedFunction

__all__ = ["ClientBindingText", "InvocationPlan"]

ClientBindingText = Callable[[Binding], str]
"""Gives the text that a durableClient binding receives."""


class _TraceContext(TraceContext):
    """No distributed tracing here: a context with nothing in it, which user code may read."""

    @property
    def trace_state(self) -> str:
        return ""

    @property
    def trace_parent(self) -> str:
        return ""

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class _RetryContext(RetryContext):
    """No function-level retry here: always the first attempt."""

    @property
    def retry_count(self) -> int:
        return 0

    @property
    def max_retry_count(self) -> int:
        return 0

    @property
    def exception(self) -> RpcException:
        return None  # type: ignore[return-value]  # as the worker does on a first attempt


class InvocationContext(func.Context):
    """What a parameter named ``context`` gets."""

    def __init__(self, function: IndexedFunction, invocation_id: str) -> None:
        self._function = function
        self._invocation_id = invocation_id
        self._local = threading.local()
        self._local.invocation_id = invocation_id

    @property
    def invocation_id(self) -> str:
        """The id under which the host logs this call."""
        return self._invocation_id

    @property
    def thread_local_storage(self) -> threading.local:  # type: ignore[override]  # the SDK says type, means instance
        """Where a thread of the user's sets ``invocation_id`` so that its log lines belong to this call."""
        return self._local

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._function.name

    @property
    def function_directory(self) -> str:
        """The folder of the app."""
        return self._function.directory

    @property
    def trace_context(self) -> TraceContext:
        """Distributed tracing: empty."""
        return _TraceContext()

    @property
    def retry_context(self) -> RetryContext:
        """Function-level retry: none."""
        return _RetryContext()


class _Out(func.Out[object]):
    """An output parameter; what is set is kept, and dropped with the call."""

    def __init__(self) -> None:
        self._value: object = None

    def set(self, val: object) -> None:
        self._value = val

    def get(self) -> object:
        return self._value


@dataclass(frozen=True, slots=True)
class InvocationPlan:
    """How one function is called; made once, used for every call."""

    function: IndexedFunction
    _decode: Callable[..., Any]
    _encode: Callable[..., Datum] | None
    _clients: tuple[Binding, ...]
    _client_text: ClientBindingText

    @classmethod
    def of(cls, function: IndexedFunction, client_text: ClientBindingText) -> InvocationPlan:
        """Look up the converters of a function's bindings."""
        registry = func.get_binding_registry()  # type: ignore[no-untyped-call]  # the SDK's
        decoder = registry.get(function.trigger.type)
        returned = function.signature.return_binding
        encoder = registry.get(returned) if returned else None
        return cls(
            function,
            decoder.decode if decoder is not None else _as_text,
            encoder.encode if encoder is not None else None,
            tuple(binding for binding in function.bindings if binding.type == CLIENT),
            client_text,
        )

    def arguments(self, trigger_data: Datum, invocation_id: str) -> dict[str, Any]:
        """The keyword arguments of one call."""
        function = self.function
        arguments: dict[str, Any] = {function.trigger.name: self._decode(trigger_data, trigger_metadata={})}
        for binding in self._clients:
            arguments[binding.name] = self._client_text(binding)
        for name in function.signature.outputs:
            arguments[name] = _Out()
        if function.signature.requires_context:
            arguments["context"] = InvocationContext(function, invocation_id)
        return arguments

    def result(self, returned: object) -> Datum | None:
        """What a call returned, encoded for its return binding; None when it has none."""
        binding = self.function.signature.return_binding
        if binding is None:
            if returned is not None:
                raise RuntimeError(
                    f"function {self.function.name!r} without a $return binding returned a non-None value"
                )
            return None
        if self._encode is None:
            return None
        try:
            return self._encode(returned, expected_type=self.function.signature.return_annotation)
        except NotImplementedError:
            raise TypeError(
                f'unable to encode outgoing TypedData: unsupported type "{binding}" for Python type '
                f'"{type(returned).__name__}"'
            ) from None


def _as_text(data: Datum, *, trigger_metadata: Mapping[str, Any]) -> object:
    value: object = data.value
    return value
