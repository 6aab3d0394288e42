"""Beginnings: how often the app's code was begun with a message, and its host did not live to see it end.

Code that ends the process, or takes all of its memory, comes back with its message as often as a host is started.
Invariant: what has been delivered a few times is counted in the message itself before the code is begun once more.
"""

from __future__ import annotations

import logging
from typing import Final

from durable_host.dispatch.message_locks import HeldMessages
from durable_host.task_hub.base.attempt_note import begun_in
from durable_host.task_hub.queues.queue import ReceivedMessage

__all__ = ["NeverEndedError", "count_beginning"]

_MANY_DELIVERIES: Final = 3
_MOST: Final = 30
_log = logging.getLogger("Host.Triggers.DurableTask")


class NeverEndedError(Exception):
    """The code was begun so often, and its host never lived to see its end."""

    def __init__(self, times: int) -> None:
        super().__init__(
            f"It was begun {times} times and more, and never ended: each time its host ended first. See whether it "
            "ends the process, or takes all memory."
        )


async def count_beginning(held: HeldMessages, message: ReceivedMessage, what: str) -> None:
    """Count, from some delivery on, that the code is begun with this message. ``what`` names it in the log.

    Raises:
        NeverEndedError: It was begun often enough.
    """
    if message.dequeue_count < _MANY_DELIVERIES:
        return
    times = begun_in(message.text)
    if times >= _MOST:
        raise NeverEndedError(times)
    _log.warning(
        "Instance %r: %s is delivered for the %d. time: before, its host ended first, or what came of it could not be "
        "saved. If it ends the host, it fails after some more.",
        message.data.message.target.instance_id,
        what,
        message.dequeue_count,
    )
    await held.write_begun(message, times + 1)
