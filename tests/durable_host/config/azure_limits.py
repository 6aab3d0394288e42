"""Values of host.json that this host takes and the extensions (Durable 3.19.0, Storage 5.3.10) refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from durable_host.config.times import seconds_of

__all__ = ["refused_in_azure"]

_STORAGE: Final = "extensions.durableTask.storageProvider."
_LIMITS: Final = {
    f"{_STORAGE}controlQueueVisibilityTimeout": (1, 60, " minutes", "it is used as it is"),
    f"{_STORAGE}workItemQueueVisibilityTimeout": (1, 60, " minutes", "it is used as it is"),
    f"{_STORAGE}controlQueueBatchSize": (1, 32, "", "it has no meaning"),
    f"{_STORAGE}controlQueueBufferThreshold": (1, 1000, "", "it has no meaning"),
    "extensions.queues.batchSize": (1, 32, "", "32 is used"),
}


def refused_in_azure(written: Callable[[str], Any]) -> Iterator[str]:
    """A line for each value with which an extension would not start.

    Args:
        written: What the file says under a key, None where it says nothing.
    """
    for key, (least, most, unit, used) in _LIMITS.items():
        value = written(key)
        seconds = seconds_of(value) if isinstance(value, str) else None
        if seconds is not None:
            number = seconds / 60
        elif str(value).lstrip("-").isdecimal():
            number = float(value)
        else:
            continue
        if not least <= number <= most:
            yield (
                f"host.json: {key!r} is {value!r}, and in Azure must be from {least} to {most}{unit}: there the host "
                f"would not start its functions, and answer 503. Here {used}."
            )
