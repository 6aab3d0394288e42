"""A storage that fails: a proxy in a thread of its own, in which one request of so many is answered with an error.

Half of the failing requests are carried out all the same, and only their answer is an error.
Invariant: which requests fail is drawn from the seed, and nothing fails any more after ``heal``.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TextIO

from host_process import Fault, StorageProxy, StorageRequest

__all__ = ["FaultyStorage"]


class FaultyStorage:
    """The account behind ``connection_string``, one of ``one_in`` requests to which fails; 0: none.

    Each answered request becomes a line of JSON in ``record``, if there is one.
    """

    def __init__(
        self, connection_string: str, choices: random.Random, *, one_in: int, record: TextIO | None = None
    ) -> None:
        self._record = record
        self._choices, self._one_in = choices, one_in
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty storage", daemon=True)
        self._proxy = StorageProxy(connection_string, fault=self._fault, remember=self._note)
        self.asked = self.failed = 0

    @property
    def connection_string(self) -> str:
        """What hosts are given."""
        return self._proxy.connection_string

    def heal(self) -> None:
        """From now on nothing fails."""
        self._one_in = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._proxy.__aenter__(), self._loop).result(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._proxy.__aexit__(None, None, None), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def _note(self, request: StorageRequest) -> None:
        if self._record is not None:
            told = {"time": datetime.now(UTC).isoformat(), **asdict(request)}
            self._record.write(json.dumps(told, default=lambda fault: fault.value) + "\n")

    def _fault(self, request: StorageRequest) -> Fault | None:
        self.asked += 1
        if not self._one_in or self._choices.randrange(self._one_in):
            return None
        self.failed += 1
        return self._choices.choice((Fault.BEFORE, Fault.AFTER))
