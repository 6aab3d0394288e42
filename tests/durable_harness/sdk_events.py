"""History events in the SDK's own form, and the SDK while the harness lets it work.

Role: what ``live_worker`` feeds into the SDK's executor; and a context in which the SDK parses each time once, and
says to the harness, not to Python's warnings, that a completion has come twice.
Called by: ``task_hub`` and ``leaf_check`` around everything that the SDK does. Calls: ``event_json`` and the SDK.
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
from azure.durable_functions.models.history.HistoryEvent import HistoryEvent as SdkEvent
from azure.durable_functions.models.TaskOrchestrationExecutor import TaskOrchestrationExecutor
from dateutil.parser import parse

from durable_engine.event_json import event_to_json
from durable_engine.events import HistoryEvent

__all__ = ["sdk_at_work", "to_sdk_event"]

_EVENT_MODULE: Final[Any] = sys.modules[SdkEvent.__module__]
_EXECUTOR_MODULE: Final[Any] = sys.modules[TaskOrchestrationExecutor.__module__]
# Four fifths of a replay go into dateutil. Equal texts give equal, immutable datetimes, so each is parsed once.
_parse_once: Final = lru_cache(maxsize=1 << 16)(parse)
# Each executor makes a class of its own, of equal names: one will do.
_named_once: Final = lru_cache(namedtuple)
_NOTICES: Final = ("_no_expected_type_notice_emitted", "_loose_codec_notice_emitted")


class _NoWarnings:
    """Takes the place of the module ``warnings`` in the executor, which warns of duplicates and nothing else.

    Where warnings are errors, the warning would be an error of the orchestration, which it is not in Azure.
    """

    @staticmethod
    def warn(message: str) -> None:
        """Say nothing: ``sdk_defects`` sees it from the history."""


@contextmanager
def sdk_at_work() -> Iterator[None]:
    """Let the SDK work: times from memory, no warnings about itself."""
    notices = [getattr(codec, name, None) for name in _NOTICES]
    before = _EVENT_MODULE.dt_parse, _EXECUTOR_MODULE.warnings, _EXECUTOR_MODULE.namedtuple
    _EVENT_MODULE.dt_parse, _EXECUTOR_MODULE.warnings = _parse_once, _NoWarnings
    _EXECUTOR_MODULE.namedtuple = _named_once
    strict_mode = codec._is_strict_mode
    is_strict = strict_mode()
    codec._is_strict_mode = lambda: is_strict  # it is asked for every value
    for name in _NOTICES:
        setattr(codec, name, True)
    try:
        yield
    finally:
        _EVENT_MODULE.dt_parse, _EXECUTOR_MODULE.warnings, _EXECUTOR_MODULE.namedtuple = before
        codec._is_strict_mode = strict_mode
        for name, value in zip(_NOTICES, notices, strict=True):
            setattr(codec, name, value)


def to_sdk_event(event: HistoryEvent) -> Any:
    """The event as the SDK reads it; call it within ``sdk_at_work``."""
    return SdkEvent(**event_to_json(event))
