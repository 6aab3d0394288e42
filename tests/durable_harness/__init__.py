"""A deterministic test harness for Durable Functions in Python: real SDK, virtual time, every order, every fault."""

from durable_harness.core import sdk_version as sdk_version  # refuses what is not 1.x of the SDK

# isort: split
from durable_engine import HistoryError, HistoryEvent, HistoryMismatchError, HistoryReport, Timeline, VersionRule
from durable_harness.app.answers import app_activity, in_turn
from durable_harness.app.outcomes import HttpRequest, http_response
from durable_harness.checks.determinism import deterministic
from durable_harness.core.errors import (
    AnswersUsedUpError,
    BadAnswerError,
    BadTokenError,
    DeterminismError,
    DivergenceError,
    HarnessError,
    MisuseError,
    NotPossibleError,
    NotProvedError,
    OrchestratorError,
    OrderDependentError,
    ReplayMismatchError,
    RunawayError,
    StuckError,
    UnansweredError,
    UnknownNameError,
    UnusedWarning,
    WrongArgumentError,
)
from durable_harness.core.findings import Finding, SdkDefectWarning
from durable_harness.entity_handle import EntityHandle, OperationResult
from durable_harness.exploring.exploration import Exploration, Schedule
from durable_harness.exploring.schedule import Ending, UnrepeatableAnswerError
from durable_harness.harness import Harness
from durable_harness.history_replay import replay_history
from durable_harness.hub.arrivals import Call
from durable_harness.instance import Instance
from durable_harness.options import Options
from durable_harness.running.pending import Pending, PendingTimer
from durable_harness.running.raised_events import Raised, raised
from durable_harness.running.run_result import ActivityCall, Run, Timer
from durable_harness.worker.log_capture import LogLine
from durable_harness.world import World

__all__ = [
    "ActivityCall",
    "AnswersUsedUpError",
    "BadAnswerError",
    "BadTokenError",
    "Call",
    "DeterminismError",
    "DivergenceError",
    "Ending",
    "EntityHandle",
    "Exploration",
    "Finding",
    "Harness",
    "HarnessError",
    "HistoryError",
    "HistoryEvent",
    "HistoryMismatchError",
    "HistoryReport",
    "HttpRequest",
    "Instance",
    "LogLine",
    "MisuseError",
    "NotPossibleError",
    "NotProvedError",
    "OperationResult",
    "Options",
    "OrchestratorError",
    "OrderDependentError",
    "Pending",
    "PendingTimer",
    "Raised",
    "ReplayMismatchError",
    "Run",
    "RunawayError",
    "Schedule",
    "SdkDefectWarning",
    "StuckError",
    "Timeline",
    "Timer",
    "UnansweredError",
    "UnknownNameError",
    "UnrepeatableAnswerError",
    "UnusedWarning",
    "VersionRule",
    "World",
    "WrongArgumentError",
    "app_activity",
    "deterministic",
    "http_response",
    "in_turn",
    "raised",
    "replay_history",
]
