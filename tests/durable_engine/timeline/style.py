"""The style sheet and the legend of a timeline's HTML.

Colours for a light and a dark page, chosen to be told apart without red and green; a failure is hatched too.
Invariant: no colour stands alone: shape, hatching or words say the same.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from durable_engine.timeline.model import Mark

__all__ = ["DRAWING_STYLE", "STYLE", "kind_of_mark", "legend", "mark_path"]

_COLOURS: Final = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1f2328; --soft: #59636e; --line: #d1d9e0; --cut: #eef1f4;
  --activity: #2c72c7; --sub: #7d4cc4; --entity: #0c7f86; --timer: #b7791f; --failed: #c4321f; --mark: #a33b8c;
  --status: #e4edf8; --ok: #1a7f37;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --text: #e6edf3; --soft: #9aa5b1; --line: #30363d; --cut: #161d26;
    --activity: #4d9bf0; --sub: #a983ec; --entity: #35b3ba; --timer: #d9a441; --failed: #f0604d; --mark: #de7cc8;
    --status: #1c2b40; --ok: #3fb950;
  }
}
"""
_PAGE: Final = """
body { margin: 0 auto; padding: 24px; max-width: 1400px; background: var(--page); color: var(--text);
  font: 14px/1.5 system-ui, "Segoe UI", "Liberation Sans", sans-serif; }
h1 { margin: 0 0 4px; font-size: 22px; }
h2 { margin: 24px 0 4px; font-size: 16px; }
p { margin: 4px 0; color: var(--soft); }
code { font: 13px/1.4 ui-monospace, "Cascadia Code", "Liberation Mono", monospace; color: var(--text); }
.badge { display: inline-block; padding: 1px 9px; margin-right: 6px; border-radius: 10px;
  border: 1px solid currentColor; color: var(--activity); font-weight: 600; }
.badge.completed { color: var(--ok); }
.badge.failed, .badge.terminated { color: var(--failed); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 8px 0; }
h1, h2, p, li { overflow-wrap: anywhere; }
@media (max-width: 800px) { body { padding: 12px; } }
dd pre { overflow-wrap: anywhere; white-space: pre-wrap; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; max-height: 6em; overflow-y: auto; }
"""
_DRAWING: Final = """
.drawing { margin-top: 12px; }
.drawing svg { display: block; width: 100%; height: auto; font-size: 11px; }
svg text { fill: var(--text); }
.label { text-anchor: end; }
svg .note, svg .tick, svg .silence { fill: var(--soft); }
.tick { text-anchor: middle; }
.silence { text-anchor: middle; font-style: italic; }
.grid, .lane { stroke: var(--line); stroke-width: 1; fill: none; }
.cut rect { fill: var(--cut); }
.cut path { stroke: var(--soft); stroke-width: 1; fill: none; opacity: 0.55; }
.episode { fill: var(--page); stroke: var(--soft); stroke-width: 1.5; }
.status rect { fill: var(--status); }
.mark { fill: var(--mark); }
.mark.signal { fill: var(--page); stroke: var(--mark); stroke-width: 1.5; }
.activity { fill: var(--activity); }
.sub-orchestration { fill: var(--sub); }
.entity-call { fill: var(--entity); }
.timer { fill: var(--timer); stroke: var(--timer); }
rect.timer { fill-opacity: 0.35; }
.failed:is(rect, circle) { fill: var(--failed); }
:is(rect, circle):is(.not-waited-for, .cancelled) { fill-opacity: 0.12; stroke: var(--soft); stroke-dasharray: 3 2; }
rect.open { fill-opacity: 0.45; }
rect.hatch { fill: url(#hatch); }
.stripe { fill: var(--page); opacity: 0.45; }
.end { stroke: var(--text); stroke-width: 1.5; fill: none; }
.arrow { fill: var(--soft); }
.waited { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 2 3; }
g:hover > rect { stroke: var(--text); stroke-width: 1.5; }
ul.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 10px 0; padding: 0;
  color: var(--soft); font-size: 12px; }
ul.legend svg { display: inline-block; width: 22px; height: 12px; vertical-align: -1px;
  margin-right: 5px; }
/* The drawing shrinks with the page: its text is set larger, to stay readable at 500 px. */
@media (max-width: 800px) { .drawing svg { font-size: 15.5px; } }
"""
_TABLE: Final = """
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--soft); }
table { border-collapse: collapse; margin-top: 8px; font-size: 12px; display: block; overflow-x: auto; }
th, td { text-align: left; padding: 3px 10px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td { overflow-wrap: anywhere; max-width: 420px; }
"""
DRAWING_STYLE: Final = _COLOURS + _DRAWING
"""Colours, drawing and legend alone, for a page that has a style of its own."""
STYLE: Final = _COLOURS + _PAGE + _DRAWING + _TABLE
"""Everything that the file of a timeline needs."""


def legend(shapes: Set[str]) -> str:
    """What the shapes mean that are there: kinds of calls, outcomes, and kinds of marks, and ``episode``."""
    entries = (
        f'<li><svg viewBox="0 0 22 12" aria-hidden="true">{shape}</svg>{name}</li>'
        for name, shape in _SHAPES.items()
        if name in shapes
    )
    return f'<ul class="legend">{"".join(entries)}</ul>'


def _bar(classes: str) -> str:
    return f'<rect class="{classes}" x="1" y="1.5" width="20" height="9" rx="2"/>'


_DIAMOND: Final = "l6 6l-6 6l-6 -6z"
_SQUARE: Final = "m-5 1h10v10h-10z"
_KINDS: Final = {"event": "event", "signal": "signal sent"}


def kind_of_mark(mark: Mark) -> str:
    """The name of its shape in the legend: an event, a signal to an entity, or what a client did to the instance."""
    return _KINDS.get(mark.what, "by a client")


def mark_path(mark: Mark) -> str:
    """Its outline, from the middle of its upper edge on; it is 12 high."""
    return _DIAMOND if mark.what in _KINDS else _SQUARE


_SHAPES: Final = {
    "activity": _bar("activity completed"),
    "sub-orchestration": _bar("sub-orchestration completed"),
    "entity call": _bar("entity-call completed"),
    "timer": _bar("timer fired"),
    "failed": _bar("activity failed") + _bar("hatch"),
    "not waited for": _bar("activity not-waited-for"),
    "cancelled": _bar("timer cancelled") + '<path class="end" d="M17 2l4 8m0 -8l-4 8"/>',
    "open": _bar("activity open"),
    "took no time": '<circle class="instant activity" cx="11" cy="6" r="5"/>',
    "waited to retry": '<line class="waited" x1="1" y1="6" x2="21" y2="6"/>',
    "event": f'<path class="mark" d="M11 0{_DIAMOND}"/>',
    "signal sent": f'<path class="mark signal" d="M11 0{_DIAMOND}"/>',
    "by a client": f'<path class="mark" d="M11 0{_SQUARE}"/>',
    "episode": '<circle class="episode" cx="11" cy="6" r="3.5"/>',
}
