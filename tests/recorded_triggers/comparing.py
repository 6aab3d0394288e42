"""Two recordings of one scenario held against each other: HTTP answers, what functions received, storage, the log.

Both are in the form that the kit's ``compact.py`` makes.
Invariant: what is passed over is named here, with the reason, and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from recorded_triggers.log_entries import compared_entries

__all__ = ["differences"]

# Tokens of the normaliser: numbered in order of appearance, which two runs need not share.
_ID: Final = re.compile(r"<id-\d+>|<(durable|function|default|blobs) key>|order-\d{10}")
# .NET's frames within the JSON of an exception, and the order of the functions that an error names.
_FRAMES: Final = re.compile(r'("InnerException":).*', re.DOTALL)
_NAMES: Final = re.compile(r"'\w+'(?:, '\w+')+")
# What the compacting adds to a label, where it has left something out.
_NOTE: Final = re.compile(r" \(names only here.*")
# What a run is, and not what it found.
_NOT_COMPARED: Final = frozenset(
    {"t", "headers", "label", "request", "log", "probe", "times", "timeline", "began_second", "seconds"}
)


def differences(recorded: Path, ours: Path, scenario: str, *, counted: bool = True) -> Iterator[str]:
    """Say in a line each what differs; ``recorded`` and ``ours`` are folders of recordings.

    Where it is not ``counted``, how often something was received or logged may differ, as with timers it does.
    """
    theirs, mine = (
        json.loads((folder / f"{scenario}.json").read_text(encoding="utf-8")) for folder in (recorded, ours)
    )
    yield from _steps(theirs["steps"], mine["steps"])
    several = list if counted else set
    yield from _multisets("received", several(_probes(theirs)), several(_probes(mine)))
    logs = [folder / f"{scenario}.log" for folder in (recorded, ours)]
    if logs[0].is_file():
        texts = [path.read_text(encoding="utf-8") for path in logs]
        yield from _multisets("log", *(several(compared_entries(text)) for text in texts))


def _steps(theirs: list[Any], mine: list[Any]) -> Iterator[str]:
    labels = [_label(step) for step in theirs], [_label(step) for step in mine]
    if labels[0] != labels[1]:
        yield from _multisets("step", *labels)
    for step, other in zip(theirs, mine, strict=False):
        for key in sorted((step.keys() | other.keys()) - _NOT_COMPARED):
            if key in _STORED:
                both = (_stored(_STORED[key](one.get(key) or {})) for one in (step, other))
                yield from _multisets(f"{_label(step)}, storage", *both)
                continue
            if key == "peeked":
                yield from _multisets(f"{_label(step)}, {key}", *(_peeked(one.get(key) or ()) for one in (step, other)))
                continue
            said, heard = _plain(step.get(key)), _plain(other.get(key))
            if said != heard:
                yield f"{_label(step)}, {key}: {_where(step.get(key), other.get(key))}"


_STORED: Final[Mapping[str, Callable[[Any], Mapping[str, Any]]]] = {
    "dump": lambda value: value,
    "storage": lambda value: {"containers": value},
    "queues": lambda value: {"queues": value},
}
"""Parts of a step that are about a whole account, by their key, and what makes a dump of each."""


def _stored(dump: Mapping[str, Any]) -> Iterator[str]:
    """A storage account, a line for each thing in it. Of a queue it is the name: what is in it is seen elsewhere."""
    for name, container in (dump.get("containers") or {}).items():
        yield f"container {name}"
        for blob in container["blobs"]:
            # How many digits a moment in it has differs from run to run.
            yield _plain({"container": name, **{key: one for key, one in blob.items() if key != "size"}})
    yield from (f"queue {name}" for name in dump.get("queues") or {})
    yield from (f"table {name}" for name in dump.get("tables") or {})


def _peeked(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    """Messages that were seen by looking again and again: at which of its attempts one is seen is chance."""
    return {_plain({key: one for key, one in message.items() if key != "dequeue_count"}) for message in messages}


def _where(theirs: Any, mine: Any, path: str = "") -> str:
    """The first places in which two values differ, with what is there."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        inner = [(key, theirs.get(key), mine.get(key)) for key in sorted(theirs.keys() | mine.keys())]
        return "; ".join(
            _where(one, other, f"{path}/{key}") for key, one, other in inner if _plain(one) != _plain(other)
        )
    if isinstance(theirs, list) and isinstance(mine, list) and len(theirs) == len(mine):
        pairs = enumerate(zip(theirs, mine, strict=True))
        return "; ".join(_where(one, other, f"{path}/{n}") for n, (one, other) in pairs if _plain(one) != _plain(other))
    return f"{path} recorded {_plain(theirs)[:400]}, ours {_plain(mine)[:400]}"


def _label(step: Mapping[str, Any]) -> str:
    return _plain(_NOTE.sub("", step["label"]))


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
    return _ID.sub("<id>", json.dumps(_settled(value), sort_keys=True, ensure_ascii=False))


def _settled(value: Any) -> Any:
    """A value without what two runs of one host do not share: frames, and the order of messages and of names."""
    match value:
        case dict():
            return {key: _settled(one) for key, one in value.items()}
        case [{"inserted_on": _}, *_]:
            return sorted((_settled(one) for one in value), key=lambda message: str(message.get("content")))
        case list():
            return [_settled(one) for one in value]
        case str():
            return _NAMES.sub(lambda names: ", ".join(sorted(names[0].split(", "))), _FRAMES.sub(r"\1", value))
    return value
