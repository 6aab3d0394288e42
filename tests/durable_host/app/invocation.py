"""One call of a user's function: what goes in, what comes out, and what the function sees around it.

The values that a call is made of, converted by azure-functions' own converters as the Python worker does.
Invariant: what user code raises is reported as a ``UserException``, never raised into the host.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import azure.functions as func
from azure.functions._abc import RetryContext, TraceContext
from azure.functions.meta import Datum

from durable_engine import UserException
from durable_host.app.converters import encoder_of, knows_triggers
from durable_host.app.index import CLIENT, Binding, IndexedFunction
from durable_host.app.trigger import Trigger

__all__ = ["Call", "ClientBindingText", "InvocationPlan", "Outcome"]

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


@dataclass(frozen=True, slots=True)
class _RetryContext:
    """Which of the runs this is that a retry policy of the function asks for; 0 of 0 without one.

    As the worker's own it has less than azure-functions declares: no ``exception``.
    """

    retry_count: int
    max_retry_count: int
    rpc_exception: None = None


class InvocationContext(func.Context):
    """What a parameter named ``context`` gets."""

    def __init__(self, function: IndexedFunction, invocation_id: str, attempt: int = 0) -> None:
        self._function, self._attempt = function, attempt
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
        """Function-level retry: which run this is."""
        retry = self._function.retry
        return cast(RetryContext, _RetryContext(self._attempt, retry.times if retry else 0))


class _Out(func.Out[object]):
    """An output parameter; what is set last is written when the call has succeeded."""

    def __init__(self) -> None:
        self._value: object = None

    def set(self, val: object) -> None:
        self._value = val

    def get(self) -> object:
        return self._value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one call ended: what it returned for its trigger, what is to be written, or what it raised.

    A value that its trigger cannot take has failed as if the function had raised; ``refused_type`` is then its type.
    """

    returned: Datum | None = None
    written: Mapping[str, Datum] = field(default_factory=dict)
    raised: UserException | None = None
    refused_type: str | None = None


@dataclass(frozen=True, slots=True)
class InvocationPlan:
    """How one function is called; made once, used for every call."""

    function: IndexedFunction
    _client_text: ClientBindingText

    @classmethod
    def of(cls, function: IndexedFunction, client_text: ClientBindingText) -> InvocationPlan:
        """The plan of a function."""
        return cls(function, client_text)

    def value(self, binding: Binding, call: Call) -> object:
        """What the parameter of a binding gets."""
        if binding.type == CLIENT:
            return self._client_text(binding)
        is_trigger = binding is self.function.trigger
        given = call.trigger.data if is_trigger else call.inputs.get(binding.name)
        if given is not None and not isinstance(given, Datum):
            return given  # an object of a storage client, made for the call
        # As the worker: a parameter of text or bytes is not the trigger's own converter's, and sees no metadata.
        kind = self.function.signature.converter(binding)
        if kind is None:
            return None if given is None else given.value
        metadata = call.trigger.metadata if is_trigger or knows_triggers(kind) else None
        return kind.decode(given, trigger_metadata=metadata)

    def encoded(self, binding_type: str, value: object, annotation: Any, *, is_returned: bool = False) -> Datum:
        """What a function gave, for a binding of that type."""
        encoder = encoder_of(binding_type, annotation, is_returned=is_returned)
        try:
            datum: Datum = encoder.encode(value, expected_type=annotation)
        except NotImplementedError:
            raise TypeError(
                f'unable to encode outgoing TypedData: unsupported type "{encoder}" for Python type '
                f'"{type(value).__name__}"'
            ) from None
        return datum


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a function: everything that goes in, and what is made of what comes out."""

    plan: InvocationPlan
    trigger: Trigger
    inputs: Mapping[str, Any]
    invocation_id: str
    attempt: int = 0

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments."""
        function = self.plan.function
        by_name = {binding.name: binding for binding in function.bindings}
        arguments: dict[str, Any] = {name: self.plan.value(by_name[name], self) for name in function.signature.inputs}
        for name in function.signature.outputs:
            arguments[name] = _Out()
        if function.signature.requires_context:
            arguments["context"] = InvocationContext(function, self.invocation_id, self.attempt)
        return arguments

    def outcome(self, returned: object, arguments: Mapping[str, Any]) -> Outcome:
        """What the call gave, encoded."""
        function, signature = self.plan.function, self.plan.function.signature
        written = {
            name: self.plan.encoded(kind, value, signature.output_annotation(name))
            for name, kind in signature.outputs.items()
            if (value := arguments[name].get()) is not None
        }
        kind = signature.return_binding
        if kind is None:
            if returned is not None:
                raise RuntimeError(f"function {function.name!r} without a $return binding returned a non-None value")
            return Outcome(written=written)
        try:
            datum = self.plan.encoded(kind, returned, signature.return_annotation, is_returned=True)
        except Exception as error:
            return Outcome(raised=UserException.of(error), refused_type=type(returned).__name__)
        if any(binding.name == "$return" and binding.type != "http" for binding in function.bindings):
            written["$return"] = datum
        return Outcome(returned=datum, written=written)
