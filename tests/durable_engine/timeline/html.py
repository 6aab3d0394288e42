"""A timeline as one HTML file with an inline SVG: no scripts, nothing to load, light and dark as the reader has it.

The page around the drawings: what ran and how it ended, each execution, and its calls as a table.
Invariant: all that a drawing shows is also text: in its tooltips, and in the table below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from durable_engine.checking.decisions import shortened
from durable_engine.model.ticks import ticks_to_text
from durable_engine.timeline.causes import causes, parted
from durable_engine.timeline.drawing import timeline_drawing
from durable_engine.timeline.executions import execution_words, shown_executions
from durable_engine.timeline.model import TimelineModel
from durable_engine.timeline.rows import status_words, summary
from durable_engine.timeline.scale import duration_text
from durable_engine.timeline.style import STYLE

__all__ = ["timeline_html"]

_MOST_TABLE_ROWS: Final = 2000
_LONGEST_FACT: Final = 2000
_MOST_CAUSES: Final = 20
_MOST_EXECUTIONS: Final = 20
_OUTPUTS: Final = {"Failed": "Error", "Terminated": "Reason"}


def timeline_html(model: TimelineModel, earlier: Sequence[TimelineModel] = ()) -> str:
    """The whole file; ``earlier`` are the executions that have continued as new."""
    title = f"{model.orchestrator} {model.instance_id}"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *_heading(model, earlier),
            *_executions([*earlier, model]),
            "</body>",
            "</html>",
            "",
        ]
    )


def _executions(models: Sequence[TimelineModel]) -> Iterator[str]:
    """The drawing and the table of each execution, the last one's as of an instance that has only one."""
    for number, model in shown_executions(models, most=_MOST_EXECUTIONS):
        if model is None:
            yield f"<p>{number} executions are not shown.</p>"
            continue
        is_last = number == len(models)
        if len(models) > 1:
            given = f", with the input <code>{escape(shortened(model.input))}</code>" if model.input is not None else ""
            words = f"{execution_words(number, models).capitalize()}: {status_words(model)}"
            yield f"<h2>{escape(words)}{given}</h2>"
        yield timeline_drawing(model, name="timeline" if is_last else f"execution-{number}")
        yield from _table(model)


def _heading(model: TimelineModel, earlier: Sequence[TimelineModel]) -> Iterator[str]:
    first = earlier[0] if earlier else model
    executions = f"{len(earlier) + 1} executions, the last of them: " if earlier else ""
    yield "<header>"
    yield f"<h1>{escape(model.orchestrator)}</h1>"
    yield (
        f'<p><span class="badge {escape(model.status.lower())}">{escape(status_words(model))}</span> '
        f"<code>{escape(model.instance_id)}</code> started {escape(ticks_to_text(first.start.at))}; "
        f"{executions}{escape(summary(model))}</p>"
    )
    facts = [("Input", model.input), (_OUTPUTS.get(model.status, "Output"), model.output)]
    shown = [(name, value) for name, value in facts if value is not None]
    if shown:
        yield "<dl>"
        for name, value in shown:
            sentence, rest = parted(value) if name == "Error" else (value, "")
            folded = f"<details><summary>details</summary><pre>{escape(rest)}</pre></details>" if rest else ""
            yield f"<dt>{name}</dt><dd><code>{escape(sentence[:_LONGEST_FACT])}</code>{folded}</dd>"
        yield "</dl>"
    failed = causes(model)
    if failed:
        yield "<ul>"
        for label, cause in failed[:_MOST_CAUSES]:
            yield f"<li><b>{escape(label)}</b> failed: {escape(cause)}</li>"
        yield "</ul>" if len(failed) <= _MOST_CAUSES else f"<li>{len(failed) - _MOST_CAUSES} more failed</li></ul>"
    yield "</header>"


def _table(model: TimelineModel) -> Iterator[str]:
    yield f"<details><summary>All {len(model.calls)} calls as a table</summary>"
    yield "<table><thead><tr><th>What</th><th>Name</th><th>Detail</th><th>Begins</th><th>Takes</th>"
    yield "<th>Attempts</th><th>Outcome</th><th>Result</th></tr></thead><tbody>"
    for call in model.calls[:_MOST_TABLE_ROWS]:
        last = call.attempts[-1]
        begins = duration_text(call.start.at - model.start.at)
        takes = "" if call.duration is None else duration_text(call.duration)
        cells = [
            call.kind,
            call.name,
            shortened(call.detail or ""),
            begins,
            takes,
            str(len(call.attempts)),
            call.outcome,
            shortened(last.result or ""),
        ]
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</tbody></table>"
    if len(model.calls) > _MOST_TABLE_ROWS:
        yield f"<p>{len(model.calls) - _MOST_TABLE_ROWS} more calls are not listed.</p>"
    yield "</details>"
