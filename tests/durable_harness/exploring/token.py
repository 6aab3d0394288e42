"""Tokens: a schedule as one word that can be pasted into a command line.

Choices, and a fingerprint of what they were made for, as text and back.
Invariant: ``ScheduleToken.parse(t.text) == t``.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from typing import Final

from durable_harness.core.errors import BadTokenError

__all__ = ["ScheduleToken"]

_PREFIX: Final = "DH1-"


@dataclass(frozen=True, slots=True)
class ScheduleToken:
    """A schedule of one orchestrator; ``fingerprint`` stands for input, answers, events, faults and SDK."""

    orchestrator: str
    numbers: tuple[int, ...]
    fingerprint: str

    @property
    def text(self) -> str:
        """The token."""
        data = json.dumps([self.orchestrator, _packed(self.numbers), self.fingerprint], separators=(",", ":"))
        return _PREFIX + base64.urlsafe_b64encode(zlib.compress(data.encode(), 9)).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> ScheduleToken:
        """The schedule of a token."""
        body = text.strip().removeprefix(_PREFIX)
        try:
            if not text.strip().startswith(_PREFIX):
                raise ValueError("it does not begin with " + _PREFIX)
            data = zlib.decompress(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            orchestrator, numbers, fingerprint = json.loads(data)
            return cls(str(orchestrator), _unpacked(numbers), str(fingerprint))
        except (ValueError, zlib.error, binascii.Error, TypeError) as error:
            raise BadTokenError(
                f"{text!r:.80} is not a schedule token ({error}). Paste the whole of it: DH1-, and everything after."
            ) from error


def _packed(numbers: tuple[int, ...]) -> list[int]:
    """Runs of zeros as one negative number."""
    packed: list[int] = []
    for number in numbers:
        if number == 0 and packed and packed[-1] < 0:
            packed[-1] -= 1
        else:
            packed.append(number or -1)
    return packed


def _unpacked(packed: list[int]) -> tuple[int, ...]:
    return tuple(number for entry in packed for number in ([entry] if entry > 0 else [0] * -entry))
