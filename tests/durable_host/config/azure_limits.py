"""Values of host.json that this host takes and the Durable extension (3.19.0) refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from durable_host.config.times import seconds_of

__all__ = ["refused_in_azure"]

_LIMITS: Final = {
    "controlQueueVisibilityTimeout": (1, 60, " minutes"),
    "workItemQueueVisibilityTimeout": (1, 60, " minutes"),
    "controlQueueBatchSize": (1, 32, ""),
    "controlQueueBufferThreshold": (1, 1000, ""),
}


def refused_in_azure(storage: str, written: Callable[[str], Any]) -> Iterator[str]:
    """A line for each value with which the extension would not start.

    Args:
        storage: The key of the storage provider, with the dot that follows it.
        written: What the file says under a key, None where it says nothing.
    """
    for name, (least, most, unit) in _LIMITS.items():
        key, value = storage + name, written(storage + name)
        seconds = seconds_of(value) if isinstance(value, str) else None
        if seconds is not None:
            number, used = seconds / 60, "it is used as it is"
        elif str(value).lstrip("-").isdecimal():
            number, used = float(value), "it has no meaning"
        else:
            continue
        if not least <= number <= most:
            yield (
                f"host.json: {key!r} is {value!r}, and in Azure must be from {least} to {most}{unit}: there the host "
                f"would not start its functions, and answer 503. Here {used}."
            )
