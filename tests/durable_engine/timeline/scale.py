"""The axis of a timeline: from moments to places between 0 and 1, with long silences cut short.

One scale for both renderings.
Invariant: places are in the order of the moments, and equal spans of time are equally wide, except where the axis is
cut and says so, and where no time passes between two episodes: these stand a step apart, or nothing could be seen of
an orchestration in virtual time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from durable_engine.model.ticks import TICKS_PER_SECOND, Ticks
from durable_engine.timeline.model import Moment

__all__ = ["Cut", "Tick", "TimeScale", "duration_text"]

_MILLISECOND: Final = TICKS_PER_SECOND // 1000
_MUCH_LONGER: Final = 8
_MOST_CUTS: Final = 12
_NARROWEST: Final = 0.01
_PRICE_OF_A_CUT: Final = 0.3
_NICE: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Cut:
    """A silence that is not drawn to scale: from where to where, and how long it is."""

    start: float
    end: float
    duration: Ticks


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on the axis."""

    place: float
    label: str


@dataclass(slots=True)
class TimeScale:
    """The scale of these moments, which are in order and differ from each other.

    ``stretches`` are what is to be seen: the axis is cut where that makes more of them wide enough.
    """

    moments: Sequence[Moment]
    stretches: Sequence[tuple[Moment, Moment]] = ()
    cuts: tuple[Cut, ...] = field(init=False)
    _places: list[float] = field(init=False)
    _cut_before: list[int] = field(init=False)
    """The moments in front of which the axis is cut."""

    def __post_init__(self) -> None:
        gaps = [max(0, after.at - before.at) for before, after in pairwise(self.moments)]
        longest = self._longest_drawn(gaps)
        drawn = sum(gap for gap in gaps if gap <= longest)
        cut_count = sum(gap > longest for gap in gaps)
        # The start is before the first episode, and belongs to it.
        steps = [max(1, before.episode) != after.episode for before, after in pairwise(self.moments)]
        still_count = sum(not gap and step for gap, step in zip(gaps, steps, strict=True))
        cut = _cut_width(cut_count)
        still = min(0.05, (0.3 if drawn else 1.0) / still_count) if still_count else 0.0
        places = [0.0]
        cuts = []
        self._cut_before = []
        for gap, step in zip(gaps, steps, strict=True):
            if gap > longest:
                cuts.append((places[-1], places[-1] + cut, gap))
                self._cut_before.append(len(places))
                places.append(places[-1] + cut)
            else:
                places.append(places[-1] + (gap / drawn if drawn else 0.0) + (still if not gap and step else 0.0))
        width = places[-1] or 1.0
        self._places = [place / width for place in places]
        self.cuts = tuple(Cut(start / width, end / width, gap) for start, end, gap in cuts)

    def place(self, moment: Moment) -> float:
        """Where a moment is; one that nothing else happens at is put where the one before it is."""
        index = bisect_right(self.moments, moment) - 1
        return self._places[max(0, index)]

    def _longest_drawn(self, gaps: Sequence[Ticks]) -> Ticks:
        """The longest gap to be drawn to scale: that with which most of the stretches can be seen."""
        ordered = sorted(gap for gap in gaps if gap >= _MILLISECOND)
        best = max(gaps, default=0)
        most_seen = self._seen(gaps, best)
        total = 0
        for index, gap in enumerate(ordered):
            if total and gap >= _MUCH_LONGER * total and len(ordered) - index <= _MOST_CUTS:
                seen = self._seen(gaps, ordered[index - 1])
                if seen > most_seen:
                    best, most_seen = ordered[index - 1], seen
            total += gap
        return best

    def _seen(self, gaps: Sequence[Ticks], longest: Ticks) -> float:
        """How many stretches are wide enough if longer gaps are cut; each cut counts against it."""
        drawn = sum(gap for gap in gaps if gap <= longest) or 1
        cuts = sum(gap > longest for gap in gaps)
        widths = [_cut_width(cuts) if gap > longest else gap / drawn for gap in gaps]
        places = dict(zip(self.moments, accumulate(widths, initial=0.0), strict=True))
        least = _NARROWEST * max(places.values())
        return sum(places[end] - places[start] >= least for start, end in self.stretches) - _PRICE_OF_A_CUT * cuts

    def ticks(self, *, most: int) -> list[Tick]:
        """About this many labelled places: even steps where time is drawn, and where it goes on behind each cut."""
        starts: list[tuple[float, Tick]] = []
        steps: list[Tick] = []
        for first, last in self._drawn_runs():
            start, end = self.moments[first].at, self.moments[last].at
            width = self._places[last] - self._places[first]
            starts.append((width, Tick(self._places[first], duration_text(start - self.moments[0].at))))
            if end <= start or width <= 0:
                continue
            step = _nice_step((end - start) / max(1.0, most * width))
            # Behind a cut steps are counted from there: what matters is no longer how long ago the beginning was.
            steps += [
                Tick(self._between(start + after), f"{'+' if first else ''}{duration_text(after)}")
                for after in range(step, end - start + 1, step)
            ]
        beginning, *behind_cuts = starts
        behind_cuts.sort(key=lambda pair: -pair[0])
        return _apart([beginning[1], *(tick for _, tick in behind_cuts), *steps], 0.8 / most)

    def _drawn_runs(self) -> list[tuple[int, int]]:
        """The stretches between the cuts, as indices of moments."""
        starts = [0, *self._cut_before]
        ends = [*(index - 1 for index in self._cut_before), len(self._places) - 1]
        return list(zip(starts, ends, strict=True))

    def _between(self, at: Ticks) -> float:
        index = bisect_right(self.moments, Moment(at, 1 << 40)) - 1
        if index + 1 >= len(self.moments):
            return self._places[-1]
        before, after = self.moments[index].at, self.moments[index + 1].at
        share = (at - before) / (after - before) if after > before else 0.0
        return self._places[index] + share * (self._places[index + 1] - self._places[index])


def duration_text(ticks: Ticks) -> str:
    """A span of time in the two units that matter: ``12 ms``, ``1.25 s``, ``2 min 5 s``, ``9 d 23 h``."""
    if ticks < 0:
        return f"-{duration_text(-ticks)}"
    milliseconds = ticks / _MILLISECOND
    if milliseconds < 1:
        return "0" if not ticks else f"{milliseconds:.1g} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.3g} ms"
    seconds = ticks / TICKS_PER_SECOND
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for name, size, rest_name, rest in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            big, small = divmod(whole, size)
            return f"{big} {name} {small // rest} {rest_name}" if small // rest else f"{big} {name}"
    return f"{seconds:.3g} s"


def _cut_width(count: int) -> float:
    """How wide one of so many cuts is, measured by all that is drawn to scale."""
    return min(0.08, 0.4 / count) if count else 0.0


def _nice_step(about: float) -> Ticks:
    """The next round step at or above this one."""
    seconds = about / TICKS_PER_SECOND
    if seconds >= 1:
        days = 86_400
        return TICKS_PER_SECOND * next(
            (nice for nice in _NICE if nice >= seconds), days * (-(-int(seconds) // days) or 1)
        )
    step = _MILLISECOND
    while True:
        for nice in (1, 2, 5):
            if step * nice >= about:
                return step * nice
        step *= 10


def _apart(ticks: Sequence[Tick], least: float) -> list[Tick]:
    """Those of the ticks that keep their distance; the first ones go first."""
    kept: list[Tick] = []
    for tick in ticks:
        if all(abs(tick.place - other.place) >= least for other in kept):
            kept.append(tick)
    return sorted(kept, key=lambda tick: tick.place)
