"""History events in the SDK's own form, and the SDK while the harness lets it work.

What ``live_worker`` feeds into the SDK's executor; and a context in which the SDK parses each time once, and says to
the harness, not to Python's warnings, that a completion has come twice.
Invariant: an SDK event made here equals the one that the SDK makes of the payload.
"""

from __future__ import annotations

import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import azure.functions._durable_functions as codec

from durable_engine import HistoryEvent, event_to_json
from durable_harness.worker.sdk_types import DurableOrchestrationContext, SdkEvent, TaskOrchestrationExecutor

__all__ = ["sdk_at_work", "to_sdk_event"]

_EVENT_MODULE: Final[Any] = sys.modules[SdkEvent.__module__]
_CONTEXT_MODULE: Final[Any] = sys.modules[DurableOrchestrationContext.__module__]
_EXECUTOR_MODULE: Final[Any] = sys.modules[TaskOrchestrationExecutor.__module__]
# Four fifths of a replay go into dateutil. Equal texts give equal, immutable datetimes, so each is parsed once.
_parse_once: Final = lru_cache(maxsize=1 << 16)(_EVENT_MODULE.dt_parse)


class _NoWarnings:
    """Takes the place of the module ``warnings`` in the executor, which warns of duplicates and nothing else.

    Where warnings are errors, the warning would be an error of the orchestration, which it is not in Azure.
    """

    @staticmethod
    def warn(message: str) -> None:
        """Say nothing: ``sdk_defects`` sees it from the history."""


_REPLACED: Final[tuple[tuple[Any, str, Any], ...]] = (
    (_EVENT_MODULE, "dt_parse", _parse_once),
    (_CONTEXT_MODULE, "parse_timespan_attrib", lru_cache(_CONTEXT_MODULE.parse_timespan_attrib)),
    # Each executor makes a class of its own, of equal names: one will do.
    (_EXECUTOR_MODULE, "namedtuple", lru_cache(namedtuple)),
    (_EXECUTOR_MODULE, "warnings", _NoWarnings),
    (codec, "_no_expected_type_notice_emitted", True),
    (codec, "_loose_codec_notice_emitted", True),
    (codec, "_is_strict_mode", codec._is_strict_mode),
)
"""What of the SDK is replaced while it works, by what gives the same."""

_BLANK: Final = vars(SdkEvent(EventType=0, EventId=-1, IsPlayed=False, Timestamp="2026-01-01T00:00:00Z"))

_depth = 0


@contextmanager
def sdk_at_work() -> Iterator[None]:
    """Let the SDK work: what it parses again and again from memory, no warnings about itself."""
    global _depth
    if _depth:
        yield
        return
    before = [(module, name, getattr(module, name)) for module, name, _ in _REPLACED]
    is_strict = codec._is_strict_mode()
    for module, name, value in _REPLACED:
        setattr(module, name, value)
    codec._is_strict_mode = lambda: is_strict  # it is asked for every value
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        for module, name, value in before:
            setattr(module, name, value)


def to_sdk_event(event: HistoryEvent) -> Any:
    """The event as the SDK reads it; call it within ``sdk_at_work``."""
    sdk_event = SdkEvent.__new__(SdkEvent)
    members = vars(sdk_event)
    members.update(_BLANK)
    members.update(event_to_json(event))
    members["_event_type"], members["_event_id"] = members.pop("EventType"), members.pop("EventId")
    members["_is_played"], members["_timestamp"] = members.pop("IsPlayed"), _parse_once(members.pop("Timestamp"))
    return sdk_event
