"""Retry options as the host reads them, and when it tries again: numbers are .NET's, and so is what is refused.

Invariant: a policy's attempts are never more than the SDK's for the same options; where they are fewer, the two part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable_engine.model.ticks import Ticks

__all__ = ["RetryPolicy"]

_TICKS_PER_MILLISECOND: Final = 10_000
_LARGEST_INT32: Final = 2**31 - 1
_LONGEST_WAIT: Final = (2**63 - 1) // _TICKS_PER_MILLISECOND
_TOO_LARGE: Final = "Value was either too large or too small for an Int32."


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again. Times are in milliseconds; ``longest`` and ``timeout`` are None where they are not given."""

    first: int
    attempts: int
    sdk_attempts: int
    coefficient: float = 1.0
    longest: int | None = None
    timeout: int | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> RetryPolicy:
        """The policy of an action's ``retryOptions``.

        Raises:
            ValueError: the host refuses them; the text is its own.
        """
        first = _int32(options.get("firstRetryIntervalInMilliseconds"))
        asked = options.get("maxNumberOfAttempts")
        attempts = _int32(asked)
        if first <= 0:
            raise ValueError(
                "Invalid interval.  Specify a TimeSpan value greater then TimeSpan.Zero. "
                "(Parameter 'firstRetryInterval')"
            )
        return cls(
            first=first,
            attempts=attempts,
            sdk_attempts=max(1, math.ceil(asked)) if isinstance(asked, int | float) else attempts,
            coefficient=float(options.get("backoffCoefficient") or 0) if "backoffCoefficient" in options else 1.0,
            longest=_optional_int32(options.get("maxRetryIntervalInMilliseconds")),
            timeout=_optional_int32(options.get("retryTimeoutInMilliseconds")),
        )

    def wait_after(self, failed: int, *, began_at: Ticks, now: Ticks) -> Ticks | None:
        """How long to wait after so many failed attempts, in ticks; None where the host gives up."""
        if self.timeout is not None and now >= began_at + self.timeout * _TICKS_PER_MILLISECOND:
            return None
        try:
            wait = self.first * self.coefficient ** (failed - 1)
        except OverflowError:
            wait = math.inf
        except ZeroDivisionError:
            wait = math.inf
        limit = _LONGEST_WAIT if self.longest is None else self.longest
        ticks = round(min(wait, limit) * _TICKS_PER_MILLISECOND)
        if ticks == 0:
            return None
        # The last failure sets a timer too, for no time: the host keeps it for old histories' sake.
        return 0 if failed >= self.attempts else ticks


def _optional_int32(value: object) -> int | None:
    return None if value is None else _int32(value)


def _int32(value: object) -> int:
    """A JSON value as .NET converts it to an Int32: halves go to the even neighbour, texts are read."""
    if value is None:
        raise ValueError("Can not convert Null to Int32.")
    if isinstance(value, str):
        text = value.strip()
        if not text.removeprefix("-").removeprefix("+").isdecimal():
            raise ValueError(f"The input string '{value}' was not in a correct format.")
        number: float = int(text)
    elif isinstance(value, int | float):
        number = value
    else:
        raise ValueError(f"Can not convert {'Array' if isinstance(value, list) else 'Object'} to Int32.")
    if not math.isfinite(number) or not -_LARGEST_INT32 - 1 <= round(number) <= _LARGEST_INT32:
        raise ValueError(_TOO_LARGE)
    return round(number)
