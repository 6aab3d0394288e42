"""What the Durable extension does with one instance: pure, no I/O, no clock, no randomness."""

from durable_engine.checking.check import HistoryMismatchError, HistoryReport, check_history, replay_history
from durable_engine.checking.decisions import plain_input
from durable_engine.checking.standing import Standing, standing_of
from durable_engine.entities.batch import run_entity_batch
from durable_engine.entities.messages import OPERATION, EntitySender, client_signal, entity_instance_id, split_entity_id
from durable_engine.entities.scheduler import SchedulerState
from durable_engine.histories.episodes import SCHEDULED, RecordedEpisode, episodes_of, last_episode
from durable_engine.histories.rewinding import Rewinding, rewind_history
from durable_engine.histories.rows import HistorySource, event_from_row, row_time
from durable_engine.model.checkpoint import Checkpoint, InstanceUpdate, Message, Notice
from durable_engine.model.dotnet_json import compact_json, parsed_json
from durable_engine.model.errors import AnswerError, EngineError, HistoryError
from durable_engine.model.event_json import Member, event_from_json, event_to_json, members_of
from durable_engine.model.events import (
    EVENT_CLASSES,
    FINAL_STATUSES,
    ORCHESTRATION_STATUS,
    SOURCE_INSTANCE,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    GenericEvent,
    HistoryEvent,
    JsonObject,
    OrchestrationInstance,
    OrchestratorCompleted,
    OrchestratorStarted,
    ParentInstance,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.failures import (
    UserException,
    http_activity_failure,
    orchestrator_failure,
    sub_orchestration_details,
    unhandled_task_failure,
)
from durable_engine.model.functions import KnownFunctions
from durable_engine.model.instance_ids import is_made_up
from durable_engine.model.json_reader import JsonReaderError, first_json, read_json
from durable_engine.model.notices import early_timer
from durable_engine.model.ticks import (
    NEVER,
    TICKS_PER_SECOND,
    Ticks,
    ticks_from_datetime,
    ticks_from_text,
    ticks_to_datetime,
    ticks_to_full_text,
    ticks_to_seconds_text,
    ticks_to_text,
)
from durable_engine.model.versions import MATCH_STRATEGIES, VersionRule, compare_versions
from durable_engine.orchestration.actions import HTTP_ACTIVITY
from durable_engine.orchestration.episode import App, run_episode
from durable_engine.orchestration.replay import Replay
from durable_engine.timeline.model import Call, CallKind, Outcome, TimelineModel
from durable_engine.timeline.scale import duration_text
from durable_engine.timeline.style import DRAWING_STYLE
from durable_engine.timeline.timeline import Timeline, timeline_of
from durable_engine.wire.activity import ActivityOutcome, activity_input, completion_of
from durable_engine.wire.declared_function import (
    ACTIVITY_TRIGGER,
    ENTITY_TRIGGER,
    ORCHESTRATION_TRIGGER,
    SdkFunction,
    durable_name,
    read_function,
)
from durable_engine.wire.sdk_call import (
    Answer,
    OrchestratorCode,
    call_orchestrator,
    execution_started,
    orchestrator_members,
    orchestrator_payload,
    read_answer,
    state_of_failure,
)
from durable_engine.wire.sdk_surface import close_http_session

__all__ = [
    "ACTIVITY_TRIGGER",
    "DRAWING_STYLE",
    "ENTITY_TRIGGER",
    "EVENT_CLASSES",
    "FINAL_STATUSES",
    "HTTP_ACTIVITY",
    "MATCH_STRATEGIES",
    "NEVER",
    "OPERATION",
    "ORCHESTRATION_STATUS",
    "ORCHESTRATION_TRIGGER",
    "SCHEDULED",
    "SOURCE_INSTANCE",
    "TICKS_PER_SECOND",
    "ActivityOutcome",
    "Answer",
    "AnswerError",
    "App",
    "Call",
    "CallKind",
    "Checkpoint",
    "EngineError",
    "EntitySender",
    "EventRaised",
    "EventSent",
    "ExecutionCompleted",
    "ExecutionResumed",
    "ExecutionStarted",
    "ExecutionSuspended",
    "ExecutionTerminated",
    "GenericEvent",
    "HistoryError",
    "HistoryEvent",
    "HistoryMismatchError",
    "HistoryReport",
    "HistorySource",
    "InstanceUpdate",
    "JsonObject",
    "JsonReaderError",
    "KnownFunctions",
    "Member",
    "Message",
    "Notice",
    "OrchestrationInstance",
    "OrchestratorCode",
    "OrchestratorCompleted",
    "OrchestratorStarted",
    "Outcome",
    "ParentInstance",
    "RecordedEpisode",
    "Replay",
    "Rewinding",
    "SchedulerState",
    "SdkFunction",
    "Standing",
    "SubOrchestrationInstanceCompleted",
    "SubOrchestrationInstanceCreated",
    "SubOrchestrationInstanceFailed",
    "TaskCompleted",
    "TaskFailed",
    "TaskScheduled",
    "Ticks",
    "Timeline",
    "TimelineModel",
    "TimerCreated",
    "TimerFired",
    "UserException",
    "VersionRule",
    "activity_input",
    "call_orchestrator",
    "check_history",
    "client_signal",
    "close_http_session",
    "compact_json",
    "compare_versions",
    "completion_of",
    "durable_name",
    "duration_text",
    "early_timer",
    "entity_instance_id",
    "episodes_of",
    "event_from_json",
    "event_from_row",
    "event_to_json",
    "execution_started",
    "first_json",
    "http_activity_failure",
    "is_made_up",
    "last_episode",
    "members_of",
    "orchestrator_failure",
    "orchestrator_members",
    "orchestrator_payload",
    "parsed_json",
    "plain_input",
    "read_answer",
    "read_function",
    "read_json",
    "replay_history",
    "rewind_history",
    "row_time",
    "run_entity_batch",
    "run_episode",
    "split_entity_id",
    "standing_of",
    "state_of_failure",
    "sub_orchestration_details",
    "ticks_from_datetime",
    "ticks_from_text",
    "ticks_to_datetime",
    "ticks_to_full_text",
    "ticks_to_seconds_text",
    "ticks_to_text",
    "timeline_of",
    "unhandled_task_failure",
]
