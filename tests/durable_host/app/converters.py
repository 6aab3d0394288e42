"""Which converter stands between the host's value and a function's parameter: azure-functions' own, or the generic one.

Invariant: chosen as the Python worker chooses, which goes by the parameter's annotation first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from azure.functions import get_binding_registry
from azure.functions.meta import Datum

__all__ = ["GenericBinding", "decoder_of", "encoder_of", "knows_triggers", "registered"]


class GenericBinding:
    """The worker's converter of text and bytes, and of bindings that azure-functions has none for."""

    @classmethod
    def decode(cls, data: Datum | None, *, trigger_metadata: Mapping[str, Datum] | None) -> object:
        """The value itself."""
        if data is None:
            return None
        value: object = data.value
        return value

    @classmethod
    def encode(cls, obj: object, *, expected_type: object) -> Datum:
        """Text and bytes as they are, other values as JSON."""
        if obj is None:
            return Datum(None, None)
        if isinstance(obj, str):
            return Datum(obj, "string")
        if isinstance(obj, bytes | bytearray):
            return Datum(bytes(obj), "bytes")
        if isinstance(obj, dict | list | int | float):
            return Datum(json.dumps(obj), "json")
        raise NotImplementedError


def registered(binding_type: str) -> Any:
    """azure-functions' converter of a binding's type, None if it has none."""
    return get_binding_registry().get(binding_type)  # type: ignore[no-untyped-call]  # the SDK's


def decoder_of(binding_type: str, annotation: object) -> Any:
    """The converter of an input."""
    converter = registered(binding_type)
    if converter is None or (annotation in (str, bytes) and not _returns_by_itself(converter)):
        return GenericBinding
    return converter


def encoder_of(binding_type: str, annotation: object, *, is_returned: bool) -> Any:
    """The converter of an output; for what a function returns, its annotation does not count."""
    return decoder_of(binding_type, None if is_returned else annotation)


def knows_triggers(converter: Any) -> bool:
    """Whether a converter is also a trigger's: then it is told the trigger's metadata wherever it serves."""
    return bool(getattr(converter, "has_trigger_support", lambda: False)())


def _returns_by_itself(converter: Any) -> bool:
    return bool(getattr(converter, "has_implicit_output", lambda: False)())
