"""The drawing of a timeline: one SVG and its legend, for a page of ours or of anybody's.

Many bars that look equal are one bar with their count, and a crowd is drawn as how many of it are out.
Invariant: every shape has a tooltip that says in words what it shows, and each call has a shape or is counted in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from typing import Final

from durable_engine.checking.decisions import shortened
from durable_engine.timeline.model import Call, CallKind, Mark, Moment, Outcome, Span, TimelineModel
from durable_engine.timeline.rows import (
    Group,
    equal_groups,
    group_words,
    label_of,
    mark_words,
    notable,
    outcome_words,
    shared_names,
    span_words,
    status_words,
    summary,
)
from durable_engine.timeline.scale import TimeScale, duration_text
from durable_engine.timeline.style import kind_of_mark, legend, mark_path

__all__ = ["timeline_drawing"]

_WIDTH: Final = 800.0
_LABELS: Final = 170.0
_NOTES: Final = 190.0
_PLOT: Final = _WIDTH - _LABELS - _NOTES
_TOP: Final = 44.0
_CHARACTER: Final = 8.0
"""The width of a character at the size of a narrow page, where text is widest."""
_MOST_LABEL: Final = int((_LABELS - 24) / _CHARACTER)
_LONGEST_LABEL: Final = 200


def timeline_drawing(
    model: TimelineModel, link_of: Callable[[str], str] | None = None, *, name: str = "timeline"
) -> str:
    """The SVG and its legend, for a page that has ``DRAWING_STYLE``.

    Args:
        model: What is drawn.
        link_of: The address of an instance's page, for the sub-orchestrations; None draws no links.
        name: What the ids in it begin with: another one for each drawing of a page.
    """
    drawing = "\n".join(_Drawing(model, link_of, name).lines())
    return f'<div class="drawing">\n{drawing}\n</div>\n{legend(_shapes_of(model))}'


def _shapes_of(model: TimelineModel) -> set[str]:
    """The names of all shapes that are drawn."""
    spans = {span.outcome for call in model.calls for span in call.spans}
    shapes = {str(name) for name in (*spans, *(call.kind for call in model.calls))}
    if any(span.is_instant for call in model.calls for span in call.spans):
        shapes.add("took no time")
    return shapes | {kind_of_mark(mark) for mark in model.marks} | ({"episode"} if model.has_episodes else set())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Calls of one kind and name that follow each other: drawn close together, with one label if there are many.

    Only those that are ``shown`` have a row of their own; a condensed block has a row that stands for all.
    """

    calls: tuple[Call, ...]
    shown: tuple[Call, ...]
    row_height: float

    @property
    def is_condensed(self) -> bool:
        """Whether some calls have no row of their own."""
        return len(self.shown) < len(self.calls)

    @property
    def is_dense(self) -> bool:
        """Whether the block has one label for all its rows."""
        return self.row_height < _ROW

    @property
    def height(self) -> float:
        """How high it is."""
        head = 0.0 if not self.is_condensed else _CROWD if self.shown else _ROW
        return head + self.row_height * len(self.shown) + (10.0 if self.is_dense else 0.0)


_ROW: Final = 22.0
_CROWD: Final = 2 * _ROW
"""The height of the row that stands for many calls which differ."""
_MOST_EQUAL: Final = 30
"""How many rows, each of which stands for equal calls of one name, are drawn."""
_MOST_ROWS: Final = 120
"""How many calls of one name that follow each other are drawn one by one."""


@dataclass(slots=True)
class _Drawing:
    """The SVG of one model."""

    model: TimelineModel
    link_of: Callable[[str], str] | None = None
    name: str = "timeline"
    scale: TimeScale = field(init=False)
    blocks: list[_Block] = field(init=False)
    shared: frozenset[tuple[CallKind, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.scale = TimeScale(self.model.moments, self.model.stretches)
        self.shared = shared_names(self.model.calls)
        runs = [tuple(same) for _, same in groupby(self.model.calls, key=lambda call: (call.kind, call.name))]
        self.blocks = [block for calls in runs for block in _blocks(calls)]

    def lines(self) -> Iterator[str]:
        rows, y = [], _TOP
        if self.model.has_episodes:
            rows += list(self._episodes(y))
            y += _ROW
        if any(episode.custom_status is not None for episode in self.model.episodes):
            rows += list(self._statuses(y))
            y += _ROW
        y += 6.0
        marks = sorted(self.model.marks, key=lambda mark: mark.at)
        for block in self.blocks:
            while marks and marks[0].at <= block.calls[0].start:
                rows += list(self._marks(_taken(marks, block.calls[0].start), y))
                y += _ROW
            rows += list(self._block(block, y))
            y += block.height
        while marks:
            rows += list(self._marks(_taken(marks, marks[-1].at), y))
            y += _ROW
        height = y + 8.0
        # What is inside an image cannot be reached, and links are to be.
        role = "img" if self.link_of is None else "group"
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" role="{role}" '
            f'aria-labelledby="{self.name}-title {self.name}-description">'
        )
        yield f'<title id="{self.name}-title">Timeline of {escape(self.model.instance_id)}</title>'
        yield (
            f'<desc id="{self.name}-description">{escape(self.model.orchestrator)}: '
            f"{escape(status_words(self.model))}; {escape(summary(self.model))}. "
            "Every call is listed in the table below.</desc>"
        )
        if self.name == "timeline":
            yield _HATCH  # one is enough for all drawings of a page
        yield from self._axis(height)
        yield from rows
        yield "</svg>"

    def _axis(self, height: float) -> Iterator[str]:
        for cut in self.scale.cuts:
            x, end = self._x_of(cut.start), self._x_of(cut.end)
            words = f"{duration_text(cut.duration)} in which nothing happens, cut short"
            yield (
                f'<g class="cut"><title>{escape(words)}</title>'
                f'<rect x="{x:.1f}" y="0" width="{end - x:.1f}" height="{height:g}"/>'
                f'<path d="{_zigzag((x + end) / 2, _TOP - 6, height)}"/>'
                f'<text class="silence" x="{(x + end) / 2:.1f}" y="12">{escape(duration_text(cut.duration))}</text></g>'
            )
        for tick in self.scale.ticks(most=6):
            x = self._x_of(tick.place)
            yield f'<line class="grid" x1="{x:.1f}" y1="{_TOP - 8:g}" x2="{x:.1f}" y2="{height:g}"/>'
            yield f'<text class="tick" x="{x:.1f}" y="{_TOP - 13:g}">{escape(tick.label)}</text>'

    def _episodes(self, y: float) -> Iterator[str]:
        yield _label("episodes", y)
        middle = y + _ROW / 2
        yield f'<line class="lane" x1="{_LABELS:g}" y1="{middle:g}" x2="{_LABELS + _PLOT:g}" y2="{middle:g}"/>'
        radius = 3.5 if len(self.model.episodes) <= 60 else 2.0
        for number, episode in enumerate(self.model.episodes, 1):
            words = f"episode {number}, {duration_text(episode.moment.at - self.model.start.at)}"
            yield (
                f'<circle class="episode" cx="{self._x(episode.moment):.1f}" cy="{middle:g}" r="{radius:g}">'
                f"<title>{escape(words)}</title></circle>"
            )
        yield _note(f"{len(self.model.episodes)}", y)

    def _statuses(self, y: float) -> Iterator[str]:
        yield _label("custom status", y)
        known = [one for one in self.model.episodes if one.custom_status is not None]
        changes = [next(same) for _, same in groupby(known, key=lambda one: one.custom_status)]
        ends = [*(self._x(one.moment) for one in changes[1:]), _LABELS + _PLOT]
        for change, end in zip(changes, ends, strict=True):
            x, status = self._x(change.moment), change.custom_status or ""
            room = int((end - x - 8) / _CHARACTER)
            text = status if len(status) <= room else f"{status[: room - 1]}…" if room > 3 else ""
            yield (
                f'<g class="status"><title>{escape(shortened(status))}</title>'
                f'<rect x="{x:.1f}" y="{y + 3:g}" width="{max(2.0, end - x - 1):.1f}" height="{_ROW - 6:g}" rx="3"/>'
                f'<text x="{x + 5:.1f}" y="{y + 15:g}">{escape(text)}</text></g>'
            )

    def _marks(self, marks: Sequence[Mark], y: float) -> Iterator[str]:
        yield _label(marks[0].name, y)
        middle = y + _ROW / 2
        for mark in marks:
            x = self._x(mark.at)
            words = f"{mark.name}: {mark_words(mark)}, {duration_text(mark.at.at - self.model.start.at)}"
            yield (
                f'<path class="mark {mark.what}" d="M{x:.1f} {middle - 6:g}{mark_path(mark)}">'
                f"<title>{escape(words)}</title></path>"
            )
        yield _note(mark_words(marks[0]) if len(marks) == 1 else f"{len(marks)} times", y)

    def _block(self, block: _Block, y: float) -> Iterator[str]:
        if block.is_condensed:
            height = _CROWD if block.shown else _ROW
            yield _label(_counted(block.calls), y + (height - _ROW) / 2)
            yield _note(group_words(Group(calls=block.calls, shown=block.shown)), y + (height - _ROW) / 2)
            yield from self._crowd(block.calls, y, height) if block.shown else self._equal(block.calls, y)
            y += height
        elif block.is_dense:
            top, bottom = y + 3, y + block.height - 3
            yield _label(_counted(block.calls), y + (block.height - _ROW) / 2)
            x = _LABELS - 8
            yield f'<path class="lane" d="M{x + 4:g} {top:g}h-4V{bottom:g}h4"/>'
            y += 5.0
        for call in block.shown:
            if not block.is_dense:
                whole = label_of(call, self.shared, most=_LONGEST_LABEL)
                yield self._linked(call, _label(label_of(call, self.shared, most=_MOST_LABEL), y, whole))
                yield _note(outcome_words(call), y)
            for span in sorted(call.spans, key=lambda one: one.outcome is not Outcome.WAITED):
                yield self._linked(call, self._span(call, span, y, block.row_height))
            y += block.row_height

    def _equal(self, calls: Sequence[Call], y: float) -> Iterator[str]:
        """One bar for many that look equal."""
        for span in sorted(calls[0].spans, key=lambda one: one.outcome is not Outcome.WAITED):
            yield self._span(calls[0], span, y, _ROW, among=len(calls))

    def _crowd(self, calls: Sequence[Call], y: float, height: float) -> Iterator[str]:
        """How many of the calls are out, pixel by pixel."""
        counts = [0] * (int(_PLOT) + 1)
        for span in (span for call in calls for span in call.attempts):
            first = round(self._x(span.start) - _LABELS)
            last = int(_PLOT) if span.end is None else round(self._x(span.end) - _LABELS)
            for column in range(first, last + 1):
                counts[column] += 1
        highest, bottom, path = max(counts), y + height - 3, ""
        for count, columns in groupby(counts):
            path += f"V{bottom - (height - 8) * count / highest:.1f}h{len(list(columns))}"
        words = f"{_counted(calls)}: up to {highest} at the same time"
        yield (
            f'<g><title>{escape(words)}</title><path class="{_class(calls[0].kind)}" '
            f'd="M{_LABELS:g} {bottom:g}{path}V{bottom:g}z"/></g>'
        )

    def _linked(self, call: Call, shape: str) -> str:
        """The shape as a link to the instance that it stands for, where it stands for one."""
        if self.link_of is None or call.kind is not CallKind.SUB_ORCHESTRATION or call.detail is None:
            return shape
        return f'<a href="{escape(self.link_of(call.detail))}">{shape}</a>'

    def _span(self, call: Call, span: Span, y: float, height: float, *, among: int = 1) -> str:
        """A span; ``among`` is for how many equal ones it stands."""
        x = self._x(span.start)
        end = _LABELS + _PLOT if span.end is None else self._x(span.end)
        head = [f"{among} calls that look equal; the first of them:"] if among > 1 else []
        words = escape("\n".join([*head, *span_words(call, span)]))
        margin = 4.0 if height >= _ROW else max(0.5, height / 8)
        middle = y + height / 2
        if span.outcome is Outcome.WAITED:
            shape = f'<line class="waited" x1="{x:.1f}" y1="{middle:g}" x2="{end:.1f}" y2="{middle:g}"/>'
        elif span.is_instant:
            radius = max(1.5, min(5.0, height / 2 - margin))
            shape = (
                f'<circle class="instant {_class(call.kind)} {_class(span.outcome)}" '
                f'cx="{end:.1f}" cy="{middle:g}" r="{radius:g}"/>'
            )
        else:
            width = max(2.0, end - x)
            box = f'x="{x:.1f}" y="{y + margin:g}" width="{width:.1f}" height="{height - 2 * margin:g}" rx="2"'
            shape = f'<rect class="{_class(call.kind)} {_class(span.outcome)}" {box}/>'
            if span.outcome is Outcome.FAILED:
                shape += f'<rect class="hatch" {box}/>'
            if span.outcome is Outcome.CANCELLED:
                shape += f'<path class="end" d="M{end - 4:.1f} {middle - 4:g}l8 8m0 -8l-8 8"/>'
            if span.outcome is Outcome.OPEN:
                shape += f'<path class="arrow" d="M{end:.1f} {middle - 5:g}l6 5l-6 5z"/>'
        return f"<g><title>{words}</title>{shape}</g>"

    def _x(self, moment: Moment) -> float:
        return self._x_of(self.scale.place(moment))

    def _x_of(self, place: float) -> float:
        return _LABELS + place * _PLOT


_HATCH: Final = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="stripe" width="2.4" height="6"/></pattern></defs>'
)


def _blocks(calls: Sequence[Call]) -> Iterator[_Block]:
    """Calls of one kind and name that follow each other, as blocks: equal ones first, then those that differ."""
    groups = equal_groups(calls)
    equal = [group.calls for group in groups if group.is_condensed]
    if len(equal) > _MOST_EQUAL:
        equal, single = [], tuple(calls)
    else:
        single = tuple(call for group in groups for call in group.shown)
    for same in equal:
        yield _Block(calls=same, shown=(), row_height=_ROW)
    if len(single) > _MOST_ROWS:
        yield _Block(calls=single, shown=tuple(notable(single)), row_height=_ROW)
    elif single:
        yield _Block(calls=single, shown=single, row_height=_row_height(len(single)))


def _row_height(count: int) -> float:
    return _ROW if count <= 12 else 14.0 if count <= 40 else 8.0


def _counted(calls: Sequence[Call]) -> str:
    return f"{calls[0].name} × {len(calls)}"  # noqa: RUF001  # a sign of multiplication


def _taken(marks: list[Mark], upto: Moment) -> list[Mark]:
    """The marks of the first one's name that come before this moment; they are taken off the list."""
    same = [mark for mark in marks if (mark.name, mark.what) == (marks[0].name, marks[0].what) and mark.at <= upto]
    marks[:] = [mark for mark in marks if mark not in same]
    return same


def _label(text: str, y: float, whole: str | None = None) -> str:
    """A label, shortened to its room; ``whole`` is what its tooltip says."""
    shown = text if len(text) <= _MOST_LABEL else f"{text[: _MOST_LABEL - 1]}…"
    return (
        f'<text class="label" x="{_LABELS - 14:g}" y="{y + _ROW / 2 + 4:g}">{escape(shown)}'
        f"<title>{escape(whole or text)}</title></text>"
    )


def _note(text: str, y: float) -> str:
    most = int((_NOTES - 16) / _CHARACTER)
    shown = text if len(text) <= most else f"{text[: most - 1]}…"
    return (
        f'<text class="note" x="{_LABELS + _PLOT + 14:g}" y="{y + _ROW / 2 + 4:g}">{escape(shown)}'
        f"<title>{escape(text)}</title></text>"
    )


def _zigzag(x: float, top: float, bottom: float) -> str:
    points = [f"M{x:.1f} {top:g}"]
    side, y = 4.0, top
    while y < bottom:
        points.append(f"l{side:g} 6")
        side, y = (-8.0 if side > 0 else 8.0), y + 6
    return "".join(points)


def _class(name: str) -> str:
    return name.replace(" ", "-")
