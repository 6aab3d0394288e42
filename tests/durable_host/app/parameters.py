"""What the Python worker demands of a function's parameters before it loads the function.

The worker's checks, so that what is refused in Azure is refused here, with the worker's own words.
Invariant: a ``Signature`` names every binding's parameter once; a function that the worker would not load has none.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from durable_host.app.converters import decoder_of, registered
from durable_host.app.deferred import is_deferred

__all__ = ["DeclaredBinding", "RefusedSignatureError", "Signature", "check_signature"]


class RefusedSignatureError(Exception):
    """The worker would not load the function; the text is the worker's, ``advice`` is ours."""

    def __init__(self, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.advice = advice


class DeclaredBinding(Protocol):
    """A binding as a decorator declared it."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def direction(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """How a function is called: parameter to binding type, for what goes in and for what comes out."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    requires_context: bool
    return_binding: str | None
    return_annotation: Any
    is_async: bool
    annotations: Mapping[str, Any] = field(default_factory=dict)

    def converter(self, binding: DeclaredBinding) -> Any:
        """azure-functions' converter for an input, or the generic one."""
        return decoder_of(binding.type, self.annotations.get(binding.name))

    def output_annotation(self, name: str) -> Any:
        """What the annotation ``Out[...]`` of an output holds."""
        arguments = typing.get_args(self.annotations.get(name))
        return arguments[0] if arguments else None


def check_signature(function: Callable[..., Any], bindings: Sequence[DeclaredBinding]) -> Signature:
    """The function's signature, or the worker's reason for refusing it."""
    parameters = set(inspect.signature(function).parameters)
    try:
        annotations = typing.get_type_hints(function)
    except Exception as error:
        raise RefusedSignatureError(f"its annotations cannot be read: {type(error).__name__}: {error}") from error
    for binding in bindings:
        _check_direction(binding)
    bound = {binding.name: binding for binding in bindings if binding.name != "$return"}
    requires_context = _takes_context(parameters, bound, annotations)
    if requires_context:
        parameters.discard("context")
    if unbound := parameters - bound.keys():
        raise RefusedSignatureError(
            f"the following parameters are declared in Python but not in function.json: {unbound!r}",
            "Each parameter is the name of a binding, or context; what {name} in a blob's path stands for is no "
            "parameter, and is found in the blob's name",
        )
    if missing := bound.keys() - parameters:
        raise RefusedSignatureError(
            f"the following parameters are declared in function.json but not in Python: {set(missing)!r}",
            "Each binding's name is a parameter of the function",
        )
    for binding in bound.values():
        if binding.name in annotations:
            _check_annotation(binding, annotations[binding.name])
    return_binding = _return_binding(bindings)
    explicit = any(binding.name == "$return" for binding in bindings)
    if explicit and "return" in annotations:
        _check_return(annotations["return"], return_binding)
    return Signature(
        inputs={name: binding.type for name, binding in bound.items() if binding.direction != "OUT"},
        outputs={name: binding.type for name, binding in bound.items() if binding.direction == "OUT"},
        requires_context=requires_context,
        return_binding=return_binding,
        return_annotation=annotations.get("return"),
        is_async=inspect.iscoroutinefunction(function),
        annotations=annotations,
    )


def has_implicit_output(binding_type: str) -> bool:
    """Whether a function's return value belongs to its trigger, as for activities and orchestrators."""
    converter = registered(binding_type)
    if converter is None:
        return True
    return bool(getattr(converter, "has_implicit_output", lambda: False)())


def _check_direction(binding: DeclaredBinding) -> None:
    if binding.direction == "INOUT":
        raise RefusedSignatureError('"inout" bindings are not supported')
    if binding.name == "$return" and binding.direction != "OUT":
        raise RefusedSignatureError('"$return" binding must have direction set to "out"')


def _takes_context(parameters: set[str], bound: Mapping[str, Any], annotations: Mapping[str, Any]) -> bool:
    if "context" not in parameters or "context" in bound:
        return False
    annotation = annotations.get("context")
    if "context" in annotations and not (isinstance(annotation, type) and annotation.__name__ == "Context"):
        raise RefusedSignatureError(
            f'the "context" parameter is expected to be of type azure.functions.Context, got {annotation!r}'
        )
    return True


def _check_annotation(binding: DeclaredBinding, annotation: object) -> None:
    origin = typing.get_origin(annotation) or annotation
    is_out = isinstance(origin, type) and origin.__name__ == "Out"
    python_type: object = annotation
    if is_out:
        arguments = typing.get_args(annotation)
        if len(arguments) != 1:
            raise RefusedSignatureError(f"binding {binding.name} has invalid Out annotation {annotation!r}")
        python_type = arguments[0]
    if not isinstance(python_type, type) and not _is_generic(python_type):
        raise RefusedSignatureError(
            f"binding {binding.name} has invalid non-type annotation {annotation!r} (the worker takes classes and "
            "generics of typing, such as typing.List[str]; leave the annotation out if it is another)"
        )
    if binding.direction != "OUT" and is_deferred(python_type):
        return
    if binding.direction == "OUT" and not is_out:
        raise RefusedSignatureError(
            f'binding {binding.name} is declared to have the "out" direction, but its annotation in Python is not a '
            "subclass of azure.functions.Out"
        )
    if binding.direction != "OUT" and is_out:
        raise RefusedSignatureError(
            f'binding {binding.name} is declared to have the "in" direction in function.json, but its annotation is '
            "azure.functions.Out in Python"
        )
    if python_type in (str, bytes) and not has_implicit_output(binding.type):
        return
    check = "check_output_type_annotation" if is_out else "check_input_type_annotation"
    if not _accepts(binding.type, check, python_type):
        raise RefusedSignatureError(
            f'type of {binding.name} binding in function.json "{binding.type}" does not match its Python annotation '
            f'"{getattr(python_type, "__name__", python_type)}"'
        )


def _check_return(annotation: object, binding_type: str | None) -> None:
    if not isinstance(annotation, type):
        raise RefusedSignatureError(f"has invalid non-type return annotation {annotation!r}")
    if binding_type is not None and not _accepts(binding_type, "check_output_type_annotation", annotation):
        raise RefusedSignatureError(
            f'Python return annotation "{annotation.__name__}" does not match binding type "{binding_type}"'
        )


def _accepts(binding_type: str, check: str, python_type: object) -> bool:
    converter = registered(binding_type)
    try:
        if converter is None:
            return isinstance(python_type, type) and issubclass(python_type, (str, bytes))
        return bool(getattr(converter, check)(python_type))
    except TypeError:
        # A converter asks issubclass, which a generic cannot answer: no class of the binding's, so it is refused.
        return False


def _return_binding(bindings: Sequence[DeclaredBinding]) -> str | None:
    explicit = [binding.type for binding in bindings if binding.name == "$return"]
    implicit = [binding.type for binding in bindings if has_implicit_output(binding.type)]
    return next(reversed(explicit or implicit), None)


def _is_generic(annotation: object) -> bool:
    """The worker's test: a class's or typing's generic, but no union, tuple, or builtin such as ``list[str]``."""
    if isinstance(annotation, types.GenericAlias | types.UnionType):
        return False
    origin = typing.get_origin(annotation)
    return origin is not None and origin not in (
        typing.Union,
        tuple,
        typing.ClassVar,
        collections.abc.Callable,
    )
