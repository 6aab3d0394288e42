"""One instance in a task hub: its history, its inbox, and what clients see of it.

The rows that a real task hub has of an instance, and the replayer that is kept for it.
Invariant: the history is exactly what checkpoints have put there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from durable_engine import (
    Answer,
    Checkpoint,
    EventSent,
    ExecutionStarted,
    HistoryEvent,
    Notice,
    SchedulerState,
    Ticks,
    parsed_json,
)
from durable_harness.worker.live_replay import InstanceReplayer

__all__ = ["EpisodeRecord", "HubInstance"]


@dataclass(frozen=True, slots=True)
class EpisodeRecord:
    """One episode as it ended: how long the history was then, and what the SDK had answered."""

    history_length: int
    answer: Answer | None


class HubInstance:
    """An orchestration instance or an entity."""

    def __init__(self, instance_id: str, name: str, replayer: InstanceReplayer, *, created_at: Ticks) -> None:
        self.instance_id, self.name, self.replayer = instance_id, name, replayer
        self.execution_id: str | None = None
        self.started: ExecutionStarted | None = None
        self.history: list[HistoryEvent] = []
        self.earlier: list[tuple[HistoryEvent, ...]] = []
        """The histories of the executions that have continued as new, the first first."""
        self.inbox: list[HistoryEvent] = []
        self.refusal: str | None = None
        """Why no episode of it is run here: it is of another version, and waits for a host of that."""
        self.runtime_status = "Pending"
        self.output_text: str | None = None
        self.custom_status_text: str | None = None
        self.is_completed = False
        self.created_at = self.updated_at = created_at
        self.episode_count = 0
        self.episodes: list[EpisodeRecord] = []
        """The episodes of the present execution."""
        self.statuses: list[str | None] = []
        """The custom status after each episode, over all executions."""
        self.crashes = 0
        self.ids_given = 0
        """How many ids it has given to what it has begun."""
        self.calls_begun = 0
        self.notices: dict[str, Notice] = {}
        self.host_numbers: dict[int, str] = {}
        """What the host has given each id of this execution to."""
        self.compared = 0
        """Up to which id that agrees with what the SDK has given it to."""
        self.suspended_at: list[int] = []
        """Numbers of this execution's episodes that ended at a place in the code which was new then."""
        self.accepted: dict[str, str] = {}
        """The Location of each HTTP call that was answered 202 and not asked for since, and the call's URL."""
        self.asked_entities: dict[str, str] = {}
        """The ids of the requests of this execution, and the entity that each went to."""

    @property
    def is_entity(self) -> bool:
        """Whether this is an entity."""
        return self.instance_id.startswith("@")

    @property
    def output(self) -> Any:
        """What the management API shows as output: a value, or the text of a failure, or a reason."""
        return parsed_json(self.output_text)

    @property
    def custom_status(self) -> Any:
        """The custom status as a value."""
        return parsed_json(self.custom_status_text)

    @property
    def scheduler(self) -> SchedulerState:
        """What an entity remembers."""
        started = next((event for event in self.history if isinstance(event, ExecutionStarted)), None)
        return SchedulerState.parse(started.input if started else None)

    def begin(self, started: ExecutionStarted) -> None:
        """Note which execution this is; its first episode has not run yet."""
        self.started, self.execution_id = started, started.instance.execution_id

    def apply(self, checkpoint: Checkpoint, *, with_row: bool = True) -> None:
        """Store an episode's history and, as a second step, the status that clients see."""
        if checkpoint.replaces_history:
            self.history = list(checkpoint.events)
            self.episodes.clear()
            self.host_numbers.clear()
            self.compared = 0
            self.suspended_at.clear()
            self.earlier += checkpoint.left_behind
        else:
            self.history.extend(checkpoint.events)
        self.asked_entities |= {
            json.loads(event.input or "{}").get("id", ""): event.instance_id
            for event in checkpoint.events
            if isinstance(event, EventSent)
        }
        self.episode_count += 1
        update = checkpoint.update
        self.execution_id = update.execution_id
        if update.started is not None:
            self.started = update.started
        if with_row:
            self.updated_at, self.custom_status_text = update.last_updated_at, update.custom_status
            if update.runtime_status is not None:
                self.runtime_status = update.runtime_status
                if update.output is not None:  # a row's column without a new value keeps the old one
                    self.output_text = update.output
            self.is_completed = self.is_completed or update.is_completed
            self.statuses.append(update.custom_status)
        self.episodes.append(EpisodeRecord(len(self.history), self.replayer.answer))
        for notice in checkpoint.notices:
            self.notices.setdefault(notice.text, notice)

    @property
    def origins(self) -> Sequence[int]:
        """For each event id of this execution, the place of the action that it was given to."""
        replay = self.replayer.replay_now
        return replay.origins if replay else ()
