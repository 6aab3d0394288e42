"""A timeline for the terminal.

Draws the model with characters, as wide as it is told, in Unicode or in ASCII alone.
Invariant: no line is wider than asked for, and equal models give equal texts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from textwrap import wrap
from typing import Final

from durable_engine.checking.decisions import shortened
from durable_engine.timeline.causes import causes, parted
from durable_engine.timeline.model import Call, CallKind, Mark, Moment, Outcome, TimelineModel
from durable_engine.timeline.rows import (
    Group,
    group_words,
    grouped,
    headline,
    label_of,
    mark_words,
    outcome_words,
    shared_names,
    summary,
)
from durable_engine.timeline.scale import TimeScale, duration_text

__all__ = ["timeline_text"]

LEAST_WIDTH: Final = 40
_MOST_STATUSES: Final = 12
_MOST_CAUSES: Final = 8
_OUTPUTS: Final = {"Terminated": "reason", "ContinuedAsNew": "new input"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Glyphs:
    """The characters of one style."""

    runs: dict[CallKind, str]
    ends: dict[Outcome, str]
    waits: str
    cut: str
    episode: str
    marks: dict[str, str]
    control: str
    """The sign of what a client does to the instance as a whole."""
    more: str
    levels: str
    legend: tuple[tuple[str, str], ...]


_UNICODE: Final = _Glyphs(
    runs={
        CallKind.ACTIVITY: "━",
        CallKind.SUB_ORCHESTRATION: "═",
        CallKind.TIMER: "╌",
        CallKind.ENTITY: "─",
    },
    ends={
        Outcome.COMPLETED: "●",
        Outcome.FAILED: "✗",
        Outcome.FIRED: "○",
        Outcome.CANCELLED: "⊗",
        Outcome.UNUSED: "⊘",
        Outcome.OPEN: "▶",
        Outcome.WAITED: "┄",
    },
    waits="┄",
    cut="≈",
    episode="┬",
    marks={"event": "◆", "signal": "◇"},
    control="■",
    more="…",
    levels=" ▁▂▃▄▅▆▇█",
    legend=(
        ("●", "completed"),
        ("✗", "failed"),
        ("┄", "wait to retry"),
        ("○", "timer fired"),
        ("⊗", "cancelled"),
        ("⊘", "not waited for"),
        ("▶", "open"),
        ("◆", "event"),
        ("◇", "signal sent"),
        ("■", "by a client"),
        ("┬", "episode"),
    ),
)
_ASCII: Final = _Glyphs(
    runs={CallKind.ACTIVITY: "=", CallKind.SUB_ORCHESTRATION: "#", CallKind.TIMER: "-", CallKind.ENTITY: "-"},
    ends={
        Outcome.COMPLETED: "o",
        Outcome.FAILED: "x",
        Outcome.FIRED: "o",
        Outcome.CANCELLED: "c",
        Outcome.UNUSED: "/",
        Outcome.OPEN: ">",
        Outcome.WAITED: ".",
    },
    waits=".",
    cut="~",
    episode="|",
    marks={"event": "*", "signal": "s"},
    control="!",
    more="...",
    levels=" .:-=+*#%",
    legend=(
        ("o", "completed or fired"),
        ("x", "failed"),
        (".", "wait to retry"),
        ("c", "cancelled"),
        ("/", "not waited for"),
        (">", "open"),
        ("*", "event"),
        ("s", "signal sent"),
        ("!", "by a client"),
        ("|", "episode"),
    ),
)


def timeline_text(model: TimelineModel, *, width: int = 100, ascii_only: bool = False, most_rows: int = 30) -> str:
    """The timeline as lines of text. Long lists of alike calls are condensed to about ``most_rows`` rows."""
    return "\n".join(_Drawing(model, max(LEAST_WIDTH, width), _ASCII if ascii_only else _UNICODE, most_rows).lines())


@dataclass(slots=True)
class _Drawing:
    """One text of one model."""

    model: TimelineModel
    width: int
    glyphs: _Glyphs
    most_rows: int
    groups: list[Group] = field(init=False)
    scale: TimeScale = field(init=False)
    shared: frozenset[tuple[CallKind, str]] = field(init=False)
    label_width: int = field(init=False)
    bar_width: int = field(init=False)
    drawn: set[str] = field(default_factory=set)
    """The signs that were used, for the legend."""

    def __post_init__(self) -> None:
        self.groups = grouped(self.model.calls, most=self.most_rows)
        self.scale = TimeScale(self.model.moments, self.model.stretches)
        self.shared = shared_names(self.model.calls)
        self.label_width = max(10, self.width // 4)
        labels = [self._label_of(group) for group in self.groups]
        labels += [f"  {self._label(call, -2)}" for one in self.groups if one.is_condensed for call in one.shown]
        labels += [*(mark.name for mark in self.model.marks), "episodes"]
        notes = [self._note(group) for group in self.groups] + [mark_words(mark) for mark in self.model.marks] + [""]
        self.label_width = min(max(map(_cells, labels)), self.label_width)
        note_width = min(max(map(_cells, notes)), max(14, self.width // 3))
        self.bar_width = max(12, self.width - self.label_width - note_width - 4)

    def lines(self) -> Iterator[str]:
        model = self.model
        yield self._fit(headline(model))
        yield self._fit(summary(model))
        if model.input is not None:
            yield self._fit(f"input  {shortened(model.input)}")
        yield ""
        axis, rows = list(self._axis()), list(self._rows())
        if len(rows) > 2 * self.most_rows:
            half = self.most_rows
            rows = [*rows[:half], self._fit(f"{self.glyphs.more} {len(rows) - 2 * half} more rows"), *rows[-half:]]
        yield from axis
        yield from rows
        yield ""
        yield from self._statuses()
        yield from self._causes()
        if model.output is not None and model.status == "Failed":
            yield from self._wrapped("error  ", parted(model.output)[0])
        elif model.output is not None:
            yield self._fit(f"{_OUTPUTS.get(model.status, 'output')} {shortened(model.output)}")
        yield from self._cuts()
        yield self._fit("  ".join(f"{sign} {means}" for sign, means in self.glyphs.legend if sign in self.drawn))

    def _causes(self) -> Iterator[str]:
        found = causes(self.model)
        for label, cause in found[:_MOST_CAUSES]:
            yield from self._wrapped(f"{self.glyphs.ends[Outcome.FAILED]} ", f"{label}: {cause}")
        if len(found) > _MOST_CAUSES:
            yield self._fit(f"{len(found) - _MOST_CAUSES} more failed")

    def _wrapped(self, head: str, text: str) -> Iterator[str]:
        """The text over as many lines as it takes, up to some; the JSON behind a failure is not among it."""
        indent = " " * len(head)
        lines = wrap(
            _plain(text), self.width, initial_indent=head, subsequent_indent=indent, max_lines=6, placeholder=" ..."
        )
        yield from map(self._fit, lines or [head.rstrip()])

    def _cuts(self) -> Iterator[str]:
        durations = [cut.duration for cut in self.scale.cuts]
        if len(durations) == 1:
            yield self._fit(f"{self.glyphs.cut} a silence of {duration_text(durations[0])} is cut short")
        elif durations:
            longest = duration_text(max(durations))
            yield self._fit(f"{self.glyphs.cut} {len(durations)} silences of up to {longest} are cut short")

    def _axis(self) -> Iterator[str]:
        cells = [" "] * self.bar_width
        taken = -1
        for tick in self.scale.ticks(most=max(2, self.bar_width // 12)):
            column = self._column(tick.place)
            column = min(column, self.bar_width - len(tick.label))
            if column > taken:
                cells[column : column + len(tick.label)] = tick.label
                taken = column + len(tick.label)
        yield self._line("", "".join(cells), "")
        if self.model.has_episodes:
            cells = ["─" if self.glyphs is _UNICODE else "-"] * self.bar_width
            for episode in self.model.episodes:
                cells[self._column(self.scale.place(episode.moment))] = self.glyphs.episode
            self.drawn.update(cells)
            yield self._line("episodes", "".join(self._cut(cells, over_blank=True)), "")

    def _rows(self) -> Iterator[str]:
        marks = sorted(self.model.marks, key=lambda mark: mark.at)
        for group in self.groups:
            while marks and marks[0].at <= group.calls[0].start:
                yield from self._marks(marks, group.calls[0].start)
            if group.is_condensed:
                yield self._line(self._label_of(group), "".join(self._crowd(group)), group_words(group))
            for call in group.shown:
                label = f"  {self._label(call, -2)}" if group.is_condensed else self._label(call)
                yield self._line(label, "".join(self._bar(call)), outcome_words(call))
        while marks:
            yield from self._marks(marks, marks[-1].at)

    def _marks(self, marks: list[Mark], upto: Moment) -> Iterator[str]:
        """One row for all marks of one name that come before this moment; they are taken off the list."""
        name, what = marks[0].name, marks[0].what
        same = [mark for mark in marks if (mark.name, mark.what) == (name, what) and mark.at <= upto]
        marks[:] = [mark for mark in marks if mark not in same]
        cells = [" "] * self.bar_width
        for mark in same:
            cells[self._column(self.scale.place(mark.at))] = self.glyphs.marks.get(what, self.glyphs.control)
        self.drawn.update(cells)
        words = mark_words(same[0]) if len(same) == 1 else f"{len(same)} times"
        yield self._line(name, "".join(cells), words)

    def _bar(self, call: Call) -> list[str]:
        cells = [" "] * self.bar_width
        ends = {}
        for span in call.spans:
            first = self._column(self.scale.place(span.start))
            last = self._column(self.scale.place(span.end)) if span.end is not None else self.bar_width - 1
            is_wait = span.outcome is Outcome.WAITED
            if span.is_instant:
                if is_wait:
                    continue
                first = last
            cells[first : last + 1] = [self.glyphs.waits if is_wait else self.glyphs.runs[call.kind]] * (
                last + 1 - first
            )
            if not is_wait:
                ends[last] = self.glyphs.ends[span.outcome]
        # Last, since the wait after a failure begins where the failure is.
        for column, glyph in ends.items():
            cells[column] = glyph
        self.drawn.update(cells)
        return self._cut(cells)

    def _crowd(self, group: Group) -> Iterator[str]:
        """How many calls of a condensed group are out, column by column."""
        counts = [0] * self.bar_width
        for call in group.calls:
            for span in call.attempts:
                first = self._column(self.scale.place(span.start))
                last = self._column(self.scale.place(span.end)) if span.end is not None else self.bar_width - 1
                for column in range(first, last + 1):
                    counts[column] += 1
        highest = max(counts) or 1
        levels = self.glyphs.levels
        for count in counts:
            yield levels[-(-count * (len(levels) - 1) // highest)]

    def _cut(self, cells: list[str], *, over_blank: bool = False) -> list[str]:
        for cut in self.scale.cuts:
            column = self._column((cut.start + cut.end) / 2)
            if over_blank or cells[column] in (*self.glyphs.runs.values(), self.glyphs.waits):
                cells[column] = self.glyphs.cut
        return cells

    def _statuses(self) -> Iterator[str]:
        known = [(number, one) for number, one in enumerate(self.model.episodes, 1) if one.custom_status is not None]
        changed = [next(same) for _, same in groupby(known, key=lambda pair: pair[1].custom_status)]
        for number, episode in changed[:_MOST_STATUSES]:
            at = duration_text(episode.moment.at - self.model.start.at)
            yield self._fit(f"status {shortened(episode.custom_status or '')}  (episode {number}, {at})")
        if len(changed) > _MOST_STATUSES:
            yield self._fit(f"status changed {len(changed) - _MOST_STATUSES} more times")

    def _label_of(self, group: Group) -> str:
        first = group.calls[0]
        return f"{first.name} x{len(group.calls)}" if group.is_condensed else self._label(first)

    def _label(self, call: Call, indent: int = 0) -> str:
        return label_of(call, self.shared, most=self.label_width + indent, more=self.glyphs.more)

    def _note(self, group: Group) -> str:
        if not group.is_condensed:
            return outcome_words(group.calls[0])
        return max([group_words(group), *map(outcome_words, group.shown)], key=len)

    def _column(self, place: float) -> int:
        return min(self.bar_width - 1, round(place * (self.bar_width - 1)))

    def _line(self, label: str, bar: str, note: str) -> str:
        label = _padded(_clipped(_plain(label), self.label_width, self.glyphs.more), self.label_width)
        return self._fit(f"{label}  {bar}  {_plain(note)}").rstrip()

    def _fit(self, text: str) -> str:
        return _clipped(_plain(text), self.width, self.glyphs.more)


def _plain(text: str) -> str:
    """The text without what would move the cursor."""
    return "".join(char if char.isprintable() else "\N{MIDDLE DOT}" if ord(char) > 127 else " " for char in text)


def _cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    return sum(_cell_count(char) for char in _plain(text))


def _cell_count(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _clipped(text: str, width: int, more: str) -> str:
    if _cells(text) <= width:
        return text
    kept: list[str] = []
    used = 0
    for char in text:
        used += _cell_count(char)
        if used > width - len(more):
            break
        kept.append(char)
    return f"{''.join(kept)}{more}"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _cells(text))
