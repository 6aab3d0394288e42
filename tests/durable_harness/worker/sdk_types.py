"""The SDK's private classes that the harness has to know, under the SDK's own names.

Every import of the SDK's insides stands in this module; ``tests/harness/test_sdk_surface.py`` holds each against the
installed SDK.
"""

from __future__ import annotations

from typing import Any

from azure.durable_functions.models.actions.Action import Action
from azure.durable_functions.models.actions.ActionType import ActionType
from azure.durable_functions.models.actions.CreateTimerAction import CreateTimerAction
from azure.durable_functions.models.actions.NoOpAction import NoOpAction
from azure.durable_functions.models.actions.SignalEntityAction import SignalEntityAction
from azure.durable_functions.models.DurableOrchestrationContext import DurableOrchestrationContext
from azure.durable_functions.models.history.HistoryEvent import HistoryEvent as SdkEvent
from azure.durable_functions.models.history.HistoryEventType import HistoryEventType
from azure.durable_functions.models.Task import (
    AtomicTask,
    CompoundTask,
    RetryAbleTask,
    TaskBase,
    TaskState,
    TimerTask,
    WhenAllTask,
    WhenAnyTask,
)
from azure.durable_functions.models.TaskOrchestrationExecutor import TaskOrchestrationExecutor
from azure.durable_functions.models.utils.df_serialization import df_dumps

__all__ = [
    "Action",
    "ActionType",
    "AtomicTask",
    "CompoundTask",
    "CreateTimerAction",
    "DurableOrchestrationContext",
    "HistoryEventType",
    "NoOpAction",
    "RetryAbleTask",
    "SdkEvent",
    "SignalEntityAction",
    "TaskBase",
    "TaskOrchestrationExecutor",
    "TaskState",
    "TimerTask",
    "WhenAllTask",
    "WhenAnyTask",
    "df_dumps",
    "first_error",
]


def first_error(task: Any) -> BaseException | None:
    """The first failure that a compound task has met, None where it has met none."""
    error: BaseException | None = task._first_error
    return error
