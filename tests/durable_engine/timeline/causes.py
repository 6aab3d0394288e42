"""Why something failed, out of the text that the host stores: one sentence, and what belongs folded away.

Invariant: nothing is lost: sentence and rest together hold all words of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from durable_engine.timeline.model import Call, CallKind, Outcome, TimelineModel
from durable_engine.timeline.rows import label_of, shared_names

__all__ = ["causes", "parted"]

_LONGEST_LABEL: Final = 80
_FOLDED: Final = re.compile(r"\s*\n\s*(?=\{|Message: |Stack: |\$OutOfProcData\$:|Traceback )")
"""Where .NET's JSON of an exception, or a stack, begins behind the message."""


def parted(text: str) -> tuple[str, str]:
    """The failure in one line, and the JSON and stacks behind it."""
    found = _FOLDED.search(text)
    sentence, rest = (text[: found.start()], text[found.end() :]) if found else (text, "")
    return " ".join(sentence.split()), rest.strip()


def causes(model: TimelineModel) -> Sequence[tuple[str, str]]:
    """The calls that failed for good, with their causes; what the end of the orchestration says is left out."""
    told = parted(model.output)[0] if model.output is not None and model.status == "Failed" else ""
    shared = shared_names(model.calls)
    found = []
    for call in model.calls:
        cause = parted(call.attempts[-1].result or "")[0]
        if call.outcome is Outcome.FAILED and cause and (cause not in told or call.kind is CallKind.SUB_ORCHESTRATION):
            found.append((_label(call, shared), cause))
    return found


def _label(call: Call, shared: frozenset[tuple[CallKind, str]]) -> str:
    if call.kind is CallKind.SUB_ORCHESTRATION and call.label is not None:
        return f"{call.name} {call.label}"
    return label_of(call, shared, most=_LONGEST_LABEL)
