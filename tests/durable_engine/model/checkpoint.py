"""What one episode leaves behind: history, messages and status, to be applied by a task hub.

The one result type that harness and host apply, each in its own way.
Invariant: applying it whole, or not at all, are the only two outcomes that a later episode can see.
"""

from __future__ import annotations

from dataclasses import dataclass

from durable_engine.model.events import ExecutionStarted, HistoryEvent, OrchestrationInstance
from durable_engine.model.ticks import Ticks

__all__ = ["Checkpoint", "InstanceUpdate", "Message", "Notice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An event on its way to an instance, or, if it is a TaskScheduled, to whoever runs activities.

    ``target`` is the receiving execution; a TaskScheduled names the execution that awaits it. Its execution id is None
    where any execution of the instance may take the event. ``deliver_at`` is the earliest moment, None for at once.
    """

    event: HistoryEvent
    target: OrchestrationInstance
    deliver_at: Ticks | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceUpdate:
    """What an episode changes about the instance as a whole.

    ``started`` is set when this execution began in the episode: name, input, version and creation time come from it.
    ``runtime_status`` and ``output`` are left as they are where they are None: the row is merged, and a merge clears
    nothing. ``custom_status`` is JSON text, and replaces the old one even when it is None.
    """

    execution_id: str | None
    last_updated_at: Ticks
    custom_status: str | None
    started: ExecutionStarted | None = None
    runtime_status: str | None = None
    output: str | None = None
    is_completed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that happened as on the real host and will surprise: what it was, and what to do about it."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The outcome of one episode of one instance.

    ``events`` are appended to the history; where ``replaces_history`` they are the whole history of a new execution
    (continue-as-new, and every entity batch). ``episode`` counts the OrchestratorStarted events up to the one that
    began this episode. ``sender`` is the execution that the messages name as theirs: the one that the episode found,
    not one that continue-as-new began, and without an execution id for an entity's first batch; None is ``instance``.
    ``left_behind`` are the histories of the executions that ended in this episode by continuing as new, to their end:
    storage keeps none of them. ``retries`` are the ids of further attempts of a call with retry options, and of the
    pauses before them.
    """

    instance: OrchestrationInstance
    episode: int
    events: tuple[HistoryEvent, ...]
    replaces_history: bool
    messages: tuple[Message, ...]
    update: InstanceUpdate
    notices: tuple[Notice, ...] = ()
    sender: OrchestrationInstance | None = None
    retries: frozenset[int] = frozenset()
    left_behind: tuple[tuple[HistoryEvent, ...], ...] = ()
