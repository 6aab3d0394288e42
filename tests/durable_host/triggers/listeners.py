"""All listeners of an app: made at start, run beside the host, stopped before it.

Invariant: a function that cannot be listened for is left out with the real host's words; the others run.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Final, Self

from azure.core.exceptions import AzureError

from durable_host.app.index import BLOB, QUEUE, TIMER, FunctionIndex, IndexedFunction
from durable_host.app.trigger import Trigger
from durable_host.app.worker import Worker
from durable_host.bindings.accounts import Accounts, UnknownConnectionError
from durable_host.bindings.expressions import SettingError
from durable_host.bindings.values import StorageBindings, with_settings
from durable_host.config.host_json import QueueOptions
from durable_host.config.logs import event
from durable_host.task_hub.account.refusals import first_line
from durable_host.triggers.blob import BlobListener
from durable_host.triggers.blob_pattern import BlobPattern
from durable_host.triggers.blob_scan import POISON_QUEUE, BlobScan, scan_queue
from durable_host.triggers.queue import QueueListener, queue_trigger_by_hand
from durable_host.triggers.queue_reader import LONGEST_QUEUE_NAME, QueueReader, poison_of
from durable_host.triggers.schedule import Schedule, ScheduleError, parse_schedule
from durable_host.triggers.singleton import LockLostError
from durable_host.triggers.timer import TimerListener

__all__ = ["Listeners"]

_QUEUE_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_AGAIN_SECONDS: Final = 5.0
_EXTENSIONS: Final = "Microsoft.Azure.WebJobs.Extensions"
_log = logging.getLogger("Host.Startup")


class QueueNameError(SettingError):
    """A queue trigger names what cannot be the name of a queue."""


class Listeners:
    """The timers, queues and blobs of one app. ``async with`` listens until the block ends."""

    def __init__(
        self,
        index: FunctionIndex,
        worker: Worker,
        accounts: Accounts,
        bindings: StorageBindings,
        options: QueueOptions,
        host_id: str,
        *,
        patience_seconds: float = 10.0,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._index, self._worker, self._accounts, self._bindings = index, worker, accounts, bindings
        self._options, self._host_id, self._patience_seconds = options, host_id, patience_seconds
        self._environment = environment
        self._tasks: list[asyncio.Task[None]] = []
        self._readers: list[QueueReader] = []
        self._timers: dict[str, TimerListener] = {}
        self._blobs: dict[str, BlobListener] = {}
        self.errors: dict[str, str] = {}
        """Functions that are in error, and why, in the real host's words."""
        self.problems: dict[str, str] = {}
        """The same for a person: without what the host calls its parts, and with what to do."""

    async def __aenter__(self) -> Self:
        for function in self._index.functions:
            if function.not_run is None and function.kind in (TIMER, QUEUE, BLOB):
                try:
                    await self._prepare(function)
                except (SettingError, ScheduleError, UnknownConnectionError) as error:
                    self._refuse(function, error)
        if any(not self._index_of(name).is_disabled for name in self._blobs):
            await self._start_scan()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        running: list[QueueReader | TimerListener] = [*self._readers, *self._timers.values()]
        await asyncio.gather(*(one.finish(self._patience_seconds) for one in running))

    async def by_hand(self, function: IndexedFunction, text: str | None) -> Trigger:
        """What a call of the admin API gives to a timer, queue or blob function."""
        if function.kind == TIMER:
            return await self._timers[function.name].by_hand(text)
        if function.kind == QUEUE:
            return queue_trigger_by_hand(function, text)
        return await self._blobs[function.name].by_hand(text)

    async def _prepare(self, function: IndexedFunction) -> None:
        raw = with_settings(function.trigger, self._environment)
        if function.kind == TIMER:
            await self._prepare_timer(function, parse_schedule(str(raw["schedule"]), self._environment))
        elif function.kind == QUEUE:
            await self._prepare_queue(function, str(raw["queueName"]), raw.get("connection"))
        else:
            service = await self._accounts.blobs(raw.get("connection"))
            pattern = BlobPattern(str(raw["path"]))
            self._blobs[function.name] = BlobListener(function, pattern, self._worker, service, self._bindings)

    async def _prepare_timer(self, function: IndexedFunction, schedule: Schedule) -> None:
        timer = TimerListener(function, schedule, self._worker, await self._accounts.blobs(None), self._host_id)
        self._timers[function.name] = timer
        if not function.is_disabled:
            timer.say_next()
            self._run(f"the timer of function '{function.name}'", timer.run_for_ever)

    async def _prepare_queue(self, function: IndexedFunction, name: str, connection: str | None) -> None:
        queue = name.lower()
        if not 3 <= len(queue) <= LONGEST_QUEUE_NAME or set(queue) - _QUEUE_NAME:
            error = QueueNameError(
                f'A queue name can contain only letters, numbers, and dash(-) characters - "{queue}" '
                "(Parameter 'name')"
            )
            error.add_note(f"Write 3 to {LONGEST_QUEUE_NAME} of them; a queue's name takes no {{expression}} either.")
            raise error
        service = await self._accounts.queues(connection)
        if function.is_disabled:
            return
        listener = QueueListener(function, queue, self._worker, is_base64=self._options.is_base64)
        reader = QueueReader(
            service,
            queue,
            listener.handle,
            self._options,
            poison=poison_of(queue),
            most_attempts=self._options.max_dequeue_count,
        )
        self._readers.append(reader)
        self._bindings.on_sent(queue, reader.wake)
        self._run(f"queue '{queue}' of function '{function.name}'", reader.run_for_ever)

    async def _start_scan(self) -> None:
        enabled = [one for one in self._blobs.values() if not one.function.is_disabled]
        queues = await self._accounts.queues(None)
        scan = BlobScan(enabled, await self._accounts.blobs(None), queues, self._host_id)
        reader = QueueReader(
            queues,
            scan_queue(self._host_id),
            scan.handle,
            self._options.for_blobs(),
            poison=POISON_QUEUE,
            most_attempts=self._options.poison_blob_threshold,
        )
        self._readers.append(reader)
        scan.on_found = reader.wake
        self._run("blobs", scan.run_for_ever)
        self._run("the queue of found blobs", reader.run_for_ever)

    def _run(self, what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.append(asyncio.create_task(_again_and_again(what, work)))

    def _refuse(self, function: IndexedFunction, error: Exception) -> None:
        name, problem = function.name, str(error)
        outer = f"Error indexing method 'Functions.{name}'"
        inner = f"{_part(function, error)}: {problem}".rstrip(".")
        self.errors[name] = f"Microsoft.Azure.WebJobs.Host: {outer}. {inner}."
        self.problems[name] = " ".join([f"{problem.rstrip('.')}.", *getattr(error, "__notes__", ())])
        # The start has one line for each function in error, in which a person reads all of this.
        _log.error("%s\n%s\n ---> %s", outer, outer, problem, extra=event(0, only_in_full=True))
        logging.getLogger(f"Function.{name}").error("%s", self.errors[name], extra=event(0, only_in_full=True))
        disabled = "Function 'Functions.%s' failed indexing and will be disabled."
        _log.warning(disabled, name, extra=event(0, only_in_full=True))

    def _index_of(self, name: str) -> IndexedFunction:
        return self._blobs[name].function


def _part(function: IndexedFunction, error: Exception) -> str:
    """Which part of the real host finds this wrong: its messages begin with that."""
    if isinstance(error, ScheduleError):
        return f"{_EXTENSIONS}"
    if isinstance(error, UnknownConnectionError | QueueNameError):
        return f"{_EXTENSIONS}.Storage.{'Blobs' if function.kind == BLOB else 'Queues'}"
    return "Microsoft.Azure.WebJobs.Host"


async def _again_and_again(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """A listener goes on until it is cancelled: storage that was away for a while, or a lost lock, does not end it."""
    told = ""
    while True:
        try:
            await work()
        except (AzureError, LockLostError) as error:
            if (reason := first_line(error)) != told:  # said once, not every few seconds
                told = reason
                _log.warning("Listening to %s is interrupted, and tried again: %s", what, reason)
        except Exception:
            # A listener that has ended would be worse than one that begins anew with an error in the log.
            _log.exception("Listening to %s has failed, and begins anew.", what)
        await asyncio.sleep(_AGAIN_SECONDS)
