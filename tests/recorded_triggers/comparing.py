"""Two recordings of one scenario held against each other: HTTP answers, what functions received, storage, the log.

Both are in the form that the kit's ``compact.py`` makes.
Invariant: what is passed over is named here, with the reason, and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from recorded_triggers.log_entries import compared_entries

__all__ = ["differences"]

# Tokens of the normaliser: numbered in order of appearance, which two runs need not share.
_ID: Final = re.compile(r"<id-\d+>|<durable key>")
# What a run is, and not what it found.
_NOT_COMPARED: Final = frozenset(
    {"t", "headers", "request", "log", "probe", "times", "timeline", "began_second", "seconds"}
)


def differences(recorded: Path, ours: Path, scenario: str) -> Iterator[str]:
    """Say in a line each what differs; ``recorded`` and ``ours`` are folders of recordings."""
    theirs, mine = (
        json.loads((folder / f"{scenario}.json").read_text(encoding="utf-8")) for folder in (recorded, ours)
    )
    yield from _steps(theirs["steps"], mine["steps"])
    yield from _multisets("received", _probes(theirs), _probes(mine))
    logs = [folder / f"{scenario}.log" for folder in (recorded, ours)]
    if logs[0].is_file():
        texts = [path.read_text(encoding="utf-8") for path in logs]
        yield from _multisets("log", compared_entries(texts[0]), compared_entries(texts[1]))


def _steps(theirs: list[Any], mine: list[Any]) -> Iterator[str]:
    labels = [_label(step) for step in theirs], [_label(step) for step in mine]
    if labels[0] != labels[1]:
        yield from _multisets("step", *labels)
    for step, other in zip(theirs, mine, strict=False):
        for key in sorted((step.keys() | other.keys()) - _NOT_COMPARED):
            if key == "dump":
                yield from _multisets("storage", _stored(step.get(key) or {}), _stored(other.get(key) or {}))
                continue
            said, heard = _plain(step.get(key)), _plain(other.get(key))
            if said != heard:
                yield f"{_label(step)}, {key}: {_where(step.get(key), other.get(key))}"


def _stored(dump: Mapping[str, Any]) -> Iterator[str]:
    """A storage account, a line for each thing in it. Of a queue it is the name: what is in it is seen elsewhere."""
    for name, container in (dump.get("containers") or {}).items():
        yield f"container {name}"
        for blob in container["blobs"]:
            yield _plain({"container": name, **blob})
    yield from (f"queue {name}" for name in dump.get("queues") or {})
    yield from (f"table {name}" for name in dump.get("tables") or {})


def _where(theirs: Any, mine: Any, path: str = "") -> str:
    """The first places in which two values differ, with what is there."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        inner = [(key, theirs.get(key), mine.get(key)) for key in sorted(theirs.keys() | mine.keys())]
        return "; ".join(
            _where(one, other, f"{path}/{key}") for key, one, other in inner if _plain(one) != _plain(other)
        )
    return f"{path} recorded {_plain(theirs)[:400]}, ours {_plain(mine)[:400]}"


def _label(step: Mapping[str, Any]) -> str:
    return _plain(step["label"])


def _probes(recording: Mapping[str, Any]) -> list[str]:
    lines = [line for step in recording["steps"] for line in step.get("probe") or ()]
    lines += recording.get("other_probe_lines") or ()
    # That one is the worker's own class; what it converts is seen in what the functions receive.
    lines = [line for line in lines if line.get("converter") != "GenericBinding"]
    # A host may read what a function of another kind receives in any order, and so at any time.
    return [_plain({key: value for key, value in line.items() if key != "t"}) for line in lines]


def _multisets(what: str, theirs: Iterable[str], mine: Iterable[str]) -> Iterator[str]:
    recorded, ours = Counter(theirs), Counter(mine)
    for text, count in (recorded - ours).items():
        yield f"{what}: missing {count} x {text[:700]}"
    for text, count in (ours - recorded).items():
        yield f"{what}: added {count} x {text[:700]}"


def _plain(value: Any) -> str:
    return _ID.sub("<id>", json.dumps(value, sort_keys=True, ensure_ascii=False))
