"""A task hub in memory: instances, what is on its way to them, and one virtual clock.

Applies the engine's checkpoints, as the local host does in Azure Storage, and delivers events to instances.
Invariant: ids come from names and counters, so that equal orders of events give equal histories.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from durable_engine import (
    AnswerError,
    Checkpoint,
    EventRaised,
    ExecutionStarted,
    HistoryEvent,
    Message,
    OrchestrationInstance,
    TaskScheduled,
    Ticks,
    run_entity_batch,
    run_episode,
    split_entity_id,
)
from durable_harness.app.answers import Answers
from durable_harness.app.fake_entity import FakeEntity
from durable_harness.app.functions import AppFunctions
from durable_harness.app.outcomes import HttpRequest, answer_for, input_of, run_answer
from durable_harness.core.errors import HarnessError, NotPossibleError, RunawayError
from durable_harness.core.virtual_clock import VirtualClock
from durable_harness.hub.arrivals import Arrival, Arrivals, Call
from durable_harness.hub.facts import HubFacts
from durable_harness.hub.inspector import Inspector
from durable_harness.hub.instance import HubInstance
from durable_harness.worker.live_replay import InstanceReplayer
from durable_harness.worker.sdk_events import sdk_at_work
from durable_harness.worker.user_code import Watch

__all__ = ["TaskHub"]

MAX_EPISODES: Final = 20_000
"""How many episodes a hub runs before it takes the orchestration for one that never ends."""


class TaskHub:
    """Instances and messages of one test."""

    def __init__(
        self,
        app: AppFunctions,
        answers: Answers,
        *,
        watch: Watch,
        inspector: Inspector,
        is_live: bool,
        clock: VirtualClock,
    ) -> None:
        self.app, self.answers = app, answers
        self.clock = clock
        self.instances: dict[str, HubInstance] = {}
        self.arrivals = Arrivals()
        self.calls: list[Call] = []
        """Every call of an activity, in the order of scheduling."""
        self.episodes_run = 0
        self.faults_left = 0
        """How many things may still go wrong."""
        self.may_fail = False
        """Whether anything may go wrong at all."""
        self.inspector = inspector
        self.facts = HubFacts()
        self._watch, self._is_live = watch, is_live
        self.starts = 0
        """How many orchestrations were started by clients."""
        self._waiting: dict[str, None] = {}

    def start(
        self, name: str, input_text: str | None, instance_id: str | None = None, version: str | None = None
    ) -> HubInstance:
        """Start an orchestration, as a client does: its start message waits in its inbox."""
        orchestrator = self.app.orchestrator(name)
        self.starts += 1
        instance_id = instance_id or f"{orchestrator.name}-{self.starts}"
        old = self.instances.get(instance_id)
        if old is not None and not old.is_completed:
            raise NotPossibleError(
                f"Instance {instance_id!r} is {old.runtime_status} already: give another instance_id, or end it first."
            )
        event = ExecutionStarted(
            timestamp=self.clock.now,
            instance=OrchestrationInstance(
                instance_id=instance_id, execution_id=self._id(f"start {instance_id} {self.starts}")
            ),
            name=orchestrator.name,
            input=input_text,
            version=version or self.app.versions.default_version,
            generation=0 if old is None else 1,
        )
        self._begin(event)
        return self.instances[instance_id]

    def take_over(self, entity: HubInstance) -> None:
        """Let an entity of another hub be here as it was left there."""
        own = self._create(entity.instance_id, entity.name)
        own.history, own.execution_id, own.started = list(entity.history), entity.execution_id, entity.started
        own.runtime_status, own.custom_status_text = entity.runtime_status, entity.custom_status_text
        own.episode_count, own.ids_given = entity.episode_count, entity.ids_given

    def post(self, event: HistoryEvent, target: OrchestrationInstance, due_at: Ticks | None = None) -> Arrival:
        """Put an event on its way to an instance."""
        if due_at is not None:
            self.facts.timed.add(target.instance_id)
        return self.arrivals.add(target, event=event, due_at=due_at)

    def deliver(self, arrival: Arrival) -> bool:
        """Let an arrival reach its instance's inbox; False where nobody takes it any more."""
        self.arrivals.take(arrival)
        if arrival.due_at is not None and arrival.due_at > self.clock.now:
            self.clock.jump_to(arrival.due_at)
        return self.receive(self.event_of(arrival), arrival.target)

    def event_of(self, arrival: Arrival) -> HistoryEvent:
        """The event that arrives; of a call, the one that reports its outcome."""
        if arrival.event is not None:
            return arrival.event
        call = arrival.call
        if call is None or call.outcome is None:
            raise NotPossibleError("Nobody has said what this call gives: complete or fail it, or answer it by name.")
        if call.done_at is None:
            call.done_at = self.clock.now
            call.ended_after = self.instances[call.instance_id].calls_begun, len(self.calls)
        call.arrival = None
        self._note_accepted(call)
        return call.outcome.completion(call.cause, self.clock.now)

    def receive(self, event: HistoryEvent, target: OrchestrationInstance) -> bool:
        """Put an event into the inbox of its instance."""
        if isinstance(event, ExecutionStarted):
            return self._begin(event)
        instance = self.instances.get(target.instance_id)
        if instance is None:
            if not target.instance_id.startswith("@"):
                return False
            instance = self._create(target.instance_id, target.instance_id)
        if instance.is_completed or target.execution_id not in (None, instance.execution_id):
            return False
        instance.inbox.append(event)
        self._waiting[instance.instance_id] = None
        return True

    @property
    def waiting(self) -> list[HubInstance]:
        """Instances whose episode can be run on what is in their inbox, the one that has waited longest first."""
        waiting = (self.instances[instance_id] for instance_id in self._waiting)
        return [instance for instance in waiting if instance.refusal is None]

    def run_waiting_episodes(self) -> bool:
        """Run one episode of every instance that has something in its inbox; False if there was none."""
        waiting = self.waiting
        for instance in waiting:
            self.run_episode(instance)
        return bool(waiting)

    def run_messages(self) -> None:
        """Run episodes until no instance has told another anything: children start, entities answer, calls wait."""
        while self.run_waiting_episodes():
            for arrival in self.arrivals.messages:
                self.deliver(arrival)

    def run_episode(self, instance: HubInstance) -> Checkpoint:
        """Run one episode on everything in the inbox, and apply its checkpoint."""
        checkpoint = self.prepare_episode(instance)
        self.send(checkpoint)
        self.store(instance, checkpoint)
        return checkpoint

    def prepare_episode(self, instance: HubInstance) -> Checkpoint:
        """Run one episode on everything in the inbox; nothing of it is applied."""
        self.episodes_run += 1
        if self.episodes_run > MAX_EPISODES:
            raise RunawayError(
                f"{MAX_EPISODES:,} episodes, and {instance.instance_id!r} is {instance.runtime_status} still, at "
                f"{self.clock.moment}. Step an orchestration that never ends with start(), or end it with terminate()."
            )
        new_id = self._ids_for(instance)
        now = self.clock.now
        with sdk_at_work():
            if instance.is_entity:
                return self._entity_batch(instance, now, new_id)
            return run_episode(
                instance.history,
                instance.inbox,
                self.app.engine_app,
                now=now,
                new_id=new_id,
                replayer=instance.replayer,
                episode=instance.episode_count + 1,
            )

    def repeat(self, arrival: Arrival) -> None:
        """Let the same message come once more, after this one."""
        self.arrivals.add(arrival.target, event=arrival.event, call=arrival.call, is_repeat=True)

    def receive_again(self, instance: HubInstance, batch: Sequence[HistoryEvent], *, is_new_execution: bool) -> None:
        """Put messages that were never deleted into the inbox again; a new execution takes events from outside only."""
        if not instance.is_completed:
            own = EventRaised if is_new_execution else HistoryEvent
            instance.inbox = [
                event for event in batch if isinstance(event, own) and not isinstance(event, ExecutionStarted)
            ]
        if instance.inbox:
            self._waiting[instance.instance_id] = None

    def store(self, instance: HubInstance, checkpoint: Checkpoint, *, with_row: bool = True) -> None:
        """Apply what a checkpoint says of the instance itself, and empty its inbox."""
        instance.apply(checkpoint, with_row=with_row)
        instance.inbox.clear()
        self._waiting.pop(instance.instance_id, None)
        self.inspector.after_episode(instance, checkpoint)

    def send(self, checkpoint: Checkpoint) -> None:
        """Put everything on its way that a checkpoint sends."""
        with sdk_at_work():
            sender = checkpoint.instance.instance_id
            for message in checkpoint.messages:
                self.facts.note_message(sender, message.target.instance_id)
                self._send(message)

    def _send(self, message: Message) -> None:
        event, target = message.event, message.target
        if isinstance(event, TaskScheduled):
            self._schedule(event, target, event.event_id)
        elif isinstance(event, ExecutionStarted) and self.answers.has("function", event.name) and event.parent:
            self._schedule(event, event.parent.instance, event.parent.task_schedule_id)
        else:
            self.post(event, target, message.deliver_at)

    def _schedule(self, cause: TaskScheduled | ExecutionStarted, target: OrchestrationInstance, event_id: int) -> None:
        instance = self.instances[target.instance_id]
        again = next((call for call in self.calls if call.cause == cause), None) if instance.crashes else None
        if again is not None:  # sent twice, because a host died between its two steps
            again.runs += 1
            self.arrivals.add(target, call=again, is_repeat=True)
            return
        call = Call(
            cause=cause,
            input=input_of(cause),
            instance_id=target.instance_id,
            event_id=event_id,
            origins=instance.origins,
            scheduled_at=self.clock.now,
            execution_id=target.execution_id,
            begun_after=(instance.calls_begun, len(self.calls)),
        )
        instance.calls_begun += 1
        self.calls.append(call)
        if isinstance(call.input, HttpRequest):
            instance.accepted.pop(call.input.url, None)
        call.answered = answer_for(cause, self.answers, self.app)
        due_at = None
        if call.answered is not None:
            self.run_call(call)
            if call.answered.delay is not None:
                due_at = self.clock.now + call.answered.delay
                self.facts.timed.add(target.instance_id)
        self.arrivals.add(target, call=call, due_at=due_at)

    def _note_accepted(self, call: Call) -> None:
        """Remember an HTTP call that was answered 202: its result stands elsewhere."""
        if not isinstance(call.input, HttpRequest) or call.outcome is None:
            return
        response = call.outcome.value
        if not isinstance(response, dict) or response.get("statusCode") != 202:
            return
        headers = response.get("headers") or {}
        for name, location in headers.items():
            if name.lower() == "location":
                self.instances[call.instance_id].accepted[str(location)] = call.input.url

    def run_call(self, call: Call) -> None:
        """Let the answer of a call run, once more where it has run before: what it gives now is what counts."""
        answered = call.answered
        if answered is None:
            return
        with sdk_at_work():
            call.outcome = run_answer(call.name, call.input, answered, self.app)
        call.runs += 1
        if not answered.is_constant or answered.shares is not None:
            call.results.append(str(call.outcome.error or call.outcome.result))
            self.facts.note_answer(answered.shares, call.instance_id, f"{call.name}({call.input!r})")

    def drop_dead(self, *, also_timed: bool = False) -> None:
        """Forget what is on its way to an execution that has ended; what has a time makes time pass all the same."""
        dead = [arrival for arrival in self.arrivals if self._is_dead(arrival)]
        for arrival in dead:
            if also_timed or arrival.due_at is None:
                self.arrivals.take(arrival)

    def _is_dead(self, arrival: Arrival) -> bool:
        instance = self.instances.get(arrival.target.instance_id)
        if instance is None or isinstance(arrival.event, ExecutionStarted) or arrival.target.execution_id is None:
            return False
        return instance.is_completed or arrival.target.execution_id != instance.execution_id

    def _begin(self, event: ExecutionStarted) -> bool:
        instance_id = event.instance.instance_id
        old = self.instances.get(instance_id)
        if old is not None and old.execution_id == event.instance.execution_id:
            return False
        if old is not None and (old.started is None or old.started.parent != event.parent):
            self.facts.reused.add(instance_id)  # another start than one that a crash has sent twice
        if event.parent is not None:
            self.facts.parents[instance_id] = event.parent.instance.instance_id
        instance = self._create(instance_id, event.name)
        instance.begin(event)
        instance.refusal = None if self.app.versions.fails else self.app.versions.problem(event.version)
        instance.inbox.append(event)
        self._waiting[instance_id] = None
        return True

    def _create(self, instance_id: str, name: str) -> HubInstance:
        replayer = InstanceReplayer(self.app, self._watch, is_live=self._is_live)
        instance = self.instances[instance_id] = HubInstance(instance_id, name, replayer, created_at=self.clock.now)
        return instance

    def _entity_batch(self, instance: HubInstance, now: Ticks, new_id: Callable[[], str]) -> Checkpoint:
        name = split_entity_id(instance.instance_id)[0]
        code = self.app.entities.get(name)
        fake = FakeEntity(name, self.answers) if code is None and self.app.is_bare else None
        fake = fake or FakeEntity.if_answered(name, self.answers)
        try:
            return run_entity_batch(
                instance.instance_id,
                instance.history,
                instance.inbox,
                fake or code,
                self.app.known,
                now=now,
                new_id=new_id,
            )
        except AnswerError as error:
            if isinstance(error.__cause__, HarnessError):
                raise error.__cause__ from None
            raise

    def _ids_for(self, instance: HubInstance) -> Callable[[], str]:
        """New ids for what an instance begins, by their number: they do not tell how its events were batched."""

        def new_id() -> str:
            instance.ids_given += 1
            return self._id(f"{instance.instance_id} {instance.ids_given}")

        return new_id

    @staticmethod
    def _id(text: str) -> str:
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
