"""Entries of a console log, made comparable: what a person reads in them, without what differs between two runs.

Invariant: an entry keeps level, category and every line that is not a frame of .NET or of a worker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["compared_entries", "entries"]

_HEAD: Final = re.compile(r"^(info|warn|fail|crit|dbug|trce): (\S+)\[(\d+)\]$")
_FRAMES: Final = re.compile(r"^\s*(at <\.NET frames>|at (Microsoft|System|DurableTask|Newtonsoft|Azure)\.|--- End of )")
_EXCEPTION: Final = re.compile(r"(?:[A-Z]\w*[.+])+[A-Z]\w*(?:Exception|Error): ")
_WORKER: Final = re.compile(r'File "(?!<app>)')
_ID: Final = re.compile(r"<id-\d+>|<instance>")
_CONFIGURATION: Final = re.compile(r"(Durable extension configuration loaded: )\{.*\}")
_LATENCY: Final = re.compile(r"Latency: \S+\. Extension")
_NUMBER: Final = re.compile(r"SequenceNumber: \d+|\b(?:in|after) \d+ms")
# The state of an entity holds a time, whose text is as long as its digits.
_STATE: Final = re.compile(r"(\(Entity\)' started\. IsReplay: False\. Input: )\(Redacted \d+ characters\)")
_COUNTS: Final = re.compile(r"OutOfOrderMessages: \S+ |Sources: \S+ ")
_KNOWN: Final = re.compile(r"'\w+'(?:, '\w+')+")
_NO_TRACEBACK_THERE: Final = re.compile(
    r"Reason: DurableTask\.Core\.Exceptions\.OrchestrationFailureException"
    r"|---> Orchestrator function '\w+' failed: [^\n]*"
    r"|---> Error in operation '\w+'"
    r"|---> Service request failed\."
    r"|The request body is too large and exceeds the maximum permissible limit\."
)
_OURS: Final = re.compile(
    r"A timer that is due at .* fired [\d.]+ s before that"  # Azure is as early, and says nothing
    r"|The function '\w+' doesn't exist, is disabled, or is not an activity function"  # there it waits in silence
    r"|its state is kept although"  # an entity's operation that failed after a change
)
"""What this host says on purpose, and the real one does not."""


def entries(text: str) -> Iterator[tuple[str, str, str]]:
    """Level, category with event id, and text of each entry."""
    head: tuple[str, str] | None = None
    lines: list[str] = []
    is_outside = False
    for line in [*text.splitlines(), "info: end[0]"]:
        match = _HEAD.match(line)
        if match is None:
            # What is not moved in is of no entry: the list of functions that a start prints, and the like.
            is_outside = is_outside or not line.startswith("      ")
            if not is_outside:
                lines.append(line[6:])
            continue
        is_outside = False
        if head is not None:
            yield *head, _comparable("\n".join(lines))
        head, lines = (match[1], f"{match[2]}[{match[3]}]"), []


def compared_entries(text: str) -> list[str]:
    """The entries that are held against each other: functions and triggers from info on, all from warn on."""
    return [
        f"{level}: {category} {said}"
        for level, category, said in entries(text)
        if (level in ("warn", "fail", "crit") or category.startswith(("Function.", "Host.Triggers.")))
        and not _OURS.search(said)
    ]


def _comparable(text: str) -> str:
    kept: list[str] = []
    in_worker = False
    for line in text.splitlines():
        if "Stack:" in line:
            line = line.partition("Stack:")[2] if "<app>" in line else ""
            in_worker = not line
        if _WORKER.search(line):
            in_worker = True
        elif 'File "<app>' in line:
            in_worker = False
        if in_worker or not line.strip() or _FRAMES.match(line) or set(line.strip()) <= {"^", "~"}:
            continue
        kept.append(line.strip())
    text = "\n".join(kept)
    for pattern, token in (
        (_EXCEPTION, ""),
        (_CONFIGURATION, r"\1"),
        (_LATENCY, "Latency: <latency>. Extension"),
        (_ID, "<id>"),
        (_STATE, r"\1<state>"),
        (_COUNTS, ""),
        (_NUMBER, "<n>"),
    ):
        text = pattern.sub(token, text)
    text = text.replace("---> Result: Failure", "Result: Failure").replace("Result: Failure\n", "")
    text = _KNOWN.sub(lambda match: ", ".join(sorted(match[0].split(", "))), text)
    # What follows is .NET's frames there, and here, on purpose, the traceback of the app.
    cut = _NO_TRACEBACK_THERE.search(text)
    return text[: cut.end()] if cut else text
