"""Templates to HTML: Jinja2, which escapes every value unless it is told otherwise.

The filters that the templates use, and the one style sheet.
Invariant: only the engine's own SVG, which escapes its texts itself, is marked as safe.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from durable_engine import DRAWING_STYLE, NEVER, Ticks, duration_text, ticks_to_datetime, ticks_to_text

__all__ = ["Pages", "static_file"]

_KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Pages:
    """The templates, for one place at which the pages are served."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._environment = Environment(
            loader=PackageLoader("durable_host.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"moment": _moment, "iso": ticks_to_text, "lasted": duration_text, "drawn": Markup}
        self._environment.globals |= {
            "base": base,
            "link_to": self.link_to,
            "act_link": self.act_link,
            "NEVER": NEVER,
            "icons": _ICONS,
        }

    def render(self, template: str, **values: Any) -> str:
        """A page."""
        return self._environment.get_template(template).render(**values)

    def link_to(self, instance_id: str, part: str = "instance", **more: str) -> str:
        """The address of an instance's page, or of a part of it."""
        # In the query, not in the path: browsers take "." and ".." out of paths, and ids may be these.
        return f"{self._base}/{part}?{urlencode({'id': instance_id, **more}, errors='replace')}"

    def act_link(self, act: str, instance_id: str, **values: str) -> str:
        """The address of an act's confirmation."""
        return self.link_to(instance_id, "act", act=act, **values)


@cache
def static_file(name: str) -> tuple[str, str] | None:
    """The text and the content type of a file that pages refer to; None for any other name."""
    folder = files("durable_host.dashboard").joinpath("static")
    known = {entry.name: entry for entry in folder.iterdir()}
    if name not in known:
        return None
    text = known[name].read_text(encoding="utf-8")
    suffix = name[name.rindex(".") :]
    return (DRAWING_STYLE + text if suffix == ".css" else text), _KINDS[suffix]


def _moment(ticks: Ticks) -> str:
    """A point in time to the second, UTC."""
    return f"{ticks_to_datetime(ticks):%Y-%m-%d %H:%M:%S}"


# A sign for each status: no colour stands alone.
_ICONS: Final = {
    "Running": "▶",
    "Pending": "…",
    "Suspended": "‖",
    "Completed": "✓",
    "Failed": "✕",
    "Terminated": "■",
    "Canceled": "■",
    "ContinuedAsNew": "↻",
}
