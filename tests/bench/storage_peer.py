"""The peer of the host's fan-out: the storage operations that a fan-out needs in our design, and nothing else.

How fast it could be if orchestrators, activities and the dispatcher took no time at all.
Invariant: the same operations, of the same size, in the same order for each activity, as many at a time as the host
has. What is prepared is not measured.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from azure.core import MatchConditions
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from durable_engine import HistoryEvent, Message, OrchestrationInstance, TaskCompleted, TaskScheduled
from durable_host.clock import now
from durable_host.task_hub.account.storage import StorageAccount
from durable_host.task_hub.queues.messages import MessageData, message_text
from durable_host.task_hub.tables.history_rows import Row, event_to_row, sentinel_row

__all__ = ["storage_fan_out_rate", "storage_way_seconds"]

KEPT_SECONDS: Final = 30
ROWS_OF_A_BATCH: Final = 99
ACTIVITIES_AT_A_TIME: Final = 10 * (os.cpu_count() or 1)
PUTS_AT_A_TIME: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """Texts and rows of one fan-out."""

    work_items: Sequence[str]
    results: Sequence[str]
    scheduled_rows: Sequence[Row]
    completed_rows: Sequence[Row]
    sentinel: Row


def storage_fan_out_rate(connection_string: str, count: int) -> float:
    """Activities per second."""
    return asyncio.run(_measure(connection_string, count))


def storage_way_seconds(connection_string: str, count: int, times: int) -> list[float]:
    """How long the operations of one small instance take, one after the other, from its start to its last row."""
    return asyncio.run(_measure_way(connection_string, count, times))


async def _measure_way(connection_string: str, count: int, times: int) -> list[float]:
    prefix = f"peer{uuid.uuid4().hex[:12]}"
    async with StorageAccount(connection_string) as account:
        work_items, control = account.queue(f"{prefix}-workitems"), account.queue(f"{prefix}-control-00")
        history, instances = account.table(f"{prefix}History"), account.table(f"{prefix}Instances")
        await asyncio.gather(
            work_items.create_queue(), control.create_queue(), history.create_table(), instances.create_table()
        )
        return [await _Way(work_items, control, history, instances, _prepare(count)).seconds() for _ in range(times)]


@dataclass(frozen=True, slots=True)
class _Way:
    """What one instance asks of storage, in the order in which the host asks for it."""

    work_items: QueueClient
    control: QueueClient
    history: TableClient
    instances: TableClient
    texts: _Prepared

    async def seconds(self) -> float:
        row = {**self.texts.sentinel, "PartitionKey": uuid.uuid4().hex, "RowKey": ""}
        instance = _FanOut(self.work_items, self.control, self.history, _of_instance(self.texts, row["PartitionKey"]))
        began = time.perf_counter()
        start = await _kept(self.control, self.texts.results[0])
        await self.instances.create_entity(row)
        items = [await _kept(self.work_items, text) for text in self.texts.work_items]
        await instance.append(instance.texts.scheduled_rows)
        await self.instances.update_entity(row, mode=UpdateMode.MERGE)
        await self.control.delete_message(start)
        results = []
        for text, item in zip(self.texts.results, items, strict=True):
            results.append(await _kept(self.control, text))
            await self.work_items.delete_message(item)
        await instance.append(instance.texts.completed_rows)
        await self.instances.update_entity(row, mode=UpdateMode.MERGE)
        seconds = time.perf_counter() - began
        for result in results:
            await self.control.delete_message(result)
        return seconds


def _of_instance(texts: _Prepared, key: str) -> _Prepared:
    """The same rows under another key, because each instance begins with none."""
    return replace(
        texts,
        scheduled_rows=[{**row, "PartitionKey": key} for row in texts.scheduled_rows],
        completed_rows=[{**row, "PartitionKey": key} for row in texts.completed_rows],
        sentinel={**texts.sentinel, "PartitionKey": key},
    )


async def _measure(connection_string: str, count: int) -> float:
    prefix = f"peer{uuid.uuid4().hex[:12]}"
    prepared = _prepare(count)
    async with StorageAccount(connection_string) as account:
        work_items, control = account.queue(f"{prefix}-workitems"), account.queue(f"{prefix}-control-00")
        history = account.table(f"{prefix}History")
        await asyncio.gather(work_items.create_queue(), control.create_queue(), history.create_table())
        fan_out = _FanOut(work_items, control, history, prepared)
        began = time.perf_counter()
        await fan_out.run()
        return count / (time.perf_counter() - began)


class _FanOut:
    """One fan-out's operations: activities begin as soon as their work items are out, as the host's do."""

    def __init__(self, work_items: QueueClient, control: QueueClient, history: TableClient, texts: _Prepared) -> None:
        self._work_items, self._control, self._history, self.texts = work_items, control, history, texts
        self._puts, self._places = asyncio.Semaphore(PUTS_AT_A_TIME), asyncio.Semaphore(ACTIVITIES_AT_A_TIME)
        self._done: asyncio.Queue[tuple[int, QueueMessage]] = asyncio.Queue()
        self._etag: str | None = None

    async def run(self) -> None:
        count = len(self.texts.work_items)
        activities: list[asyncio.Task[None]] = []

        async def schedule(number: int) -> None:
            async with self._puts:
                item = await _kept(self._work_items, self.texts.work_items[number])
            activities.append(asyncio.create_task(self._complete(number, item)))

        await asyncio.gather(*(schedule(number) for number in range(count)))
        await self.append(self.texts.scheduled_rows)
        saved = 0
        while saved < count:
            results = [await self._done.get() for _ in range(min(ROWS_OF_A_BATCH, count - saved))]
            await self.append([self.texts.completed_rows[number] for number, _ in results])
            await asyncio.gather(*(self._control.delete_message(message) for _, message in results))
            saved += len(results)
        await asyncio.gather(*activities)

    async def _complete(self, number: int, item: QueueMessage) -> None:
        async with self._places:
            result = await _kept(self._control, self.texts.results[number])
            self._done.put_nowait((number, result))
            await self._work_items.delete_message(item)

    async def append(self, rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), ROWS_OF_A_BATCH):
            operations: list[Any] = [("create", row) for row in rows[start : start + ROWS_OF_A_BATCH]]
            if self._etag is None:
                operations.append(("create", self.texts.sentinel))
            else:
                condition = {"etag": self._etag, "match_condition": MatchConditions.IfNotModified}
                operations.append(("update", self.texts.sentinel, {"mode": UpdateMode.MERGE, **condition}))
            answers = await self._history.submit_transaction(operations)
            self._etag = str(answers[-1]["etag"])


async def _kept(queue: QueueClient, text: str) -> QueueMessage:
    """Put a message and hold it, as the host does with what it would only receive again."""
    return await queue.send_message(text, visibility_timeout=KEPT_SECONDS, time_to_live=-1)


def _prepare(count: int) -> _Prepared:
    instance = OrchestrationInstance(instance_id="fan-out", execution_id=str(uuid.uuid4()))
    moment = now()
    scheduled: list[HistoryEvent] = [
        TaskScheduled(event_id=n, timestamp=moment, name="square", input=f'["{n}"]') for n in range(count)
    ]
    completed: list[HistoryEvent] = [
        TaskCompleted(timestamp=moment, task_scheduled_id=n, result=str(n * n)) for n in range(count)
    ]
    return _Prepared(
        work_items=[_text(event, instance) for event in scheduled],
        results=[_text(event, instance) for event in completed],
        scheduled_rows=[_row(event, instance, n) for n, event in enumerate(scheduled)],
        completed_rows=[_row(event, instance, count + n) for n, event in enumerate(completed)],
        sentinel=sentinel_row(
            partition_key=instance.instance_id, execution_id=str(instance.execution_id), completed_at=moment
        ),
    )


def _text(event: HistoryEvent, instance: OrchestrationInstance) -> str:
    return message_text(
        MessageData(
            activity_id=str(uuid.uuid4()),
            message=Message(event=event, target=instance),
            sequence_number=1,
            episode=1,
            sender=instance,
        )
    )


def _row(event: HistoryEvent, instance: OrchestrationInstance, position: int) -> Row:
    return event_to_row(
        event, partition_key=instance.instance_id, position=position, execution_id=str(instance.execution_id)
    )
