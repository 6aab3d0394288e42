"""The timeline of an orchestration, from its history alone: for a terminal, or as one HTML file.

The front door of the timeline modules.
Invariant: pure: equal histories give equal texts and equal files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from durable_engine.histories.rows import HistorySource, read_history
from durable_engine.model.ticks import Ticks
from durable_engine.orchestration.episode import App
from durable_engine.timeline.drawing import timeline_drawing
from durable_engine.timeline.executions import execution_words, shown_executions
from durable_engine.timeline.html import timeline_html
from durable_engine.timeline.model import TimelineModel
from durable_engine.timeline.reading import timeline_model
from durable_engine.timeline.text import timeline_text

__all__ = ["Timeline", "timeline_of"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A timeline, ready to be shown; ``str()`` is its text at the usual width."""

    model: TimelineModel
    earlier: tuple[Timeline, ...] = ()
    """Those of the executions before it, each of which continued as new; the first first."""

    def text(self, *, width: int = 100, ascii_only: bool = False, most_rows: int = 30, most_executions: int = 6) -> str:
        """The timeline for a terminal of this width.

        Above ``most_rows`` rows alike calls are condensed; above ``most_executions`` the first and the last are shown.
        """
        models = [*(one.model for one in self.earlier), self.model]
        blocks = []
        for number, model in shown_executions(models, most=most_executions):
            if model is None:
                blocks.append(f"({number} executions are not shown)")
                continue
            head = f"{execution_words(number, models)}\n" if self.earlier else ""
            blocks.append(head + timeline_text(model, width=width, ascii_only=ascii_only, most_rows=most_rows))
        return "\n\n".join(blocks)

    def html(self) -> str:
        """The timeline as one self-contained HTML file, with all executions but the middle ones of very many."""
        return timeline_html(self.model, [one.model for one in self.earlier])

    def drawing(self, link_of: Callable[[str], str] | None = None, *, name: str = "timeline") -> str:
        """The SVG and its legend alone, for a page of one's own; ``link_of`` is where an instance's page is, ``name``
        what the ids in it begin with."""
        return timeline_drawing(self.model, link_of, name=name)

    def __str__(self) -> str:
        return self.text()


def timeline_of(
    history: HistorySource,
    *,
    custom_statuses: Mapping[int, str] | None = None,
    app: App | None = None,
    now: Ticks | None = None,
    inputs: Mapping[int, str] | None = None,
) -> Timeline:
    """The timeline of a history in any form that ``read_history`` knows.

    ``custom_statuses`` are JSON texts by the number of the episode (from 1) that left them: no history holds them.
    ``app`` helps where the ids of a history from the management API are found by running the code.
    ``inputs`` are the activities' inputs as JSON texts by event id: histories leave them out.
    ``now`` is up to when an execution that has not ended is drawn; None draws it up to the last thing that it did.
    """
    recorded = read_history(history, app)
    model = timeline_model(
        recorded.events,
        custom_statuses=custom_statuses,
        has_episodes=recorded.has_episodes,
        now=now,
        inputs=inputs,
    )
    return Timeline(model)
