"""The error of calls that nobody has answered: what was called with what, and how to answer it."""

from __future__ import annotations

from collections.abc import Sequence

from durable_harness.app.answers import Answers
from durable_harness.app.outcomes import HttpRequest
from durable_harness.core.errors import UnansweredError
from durable_harness.hub.arrivals import Call

__all__ = ["unanswered_error"]

_MOST = 20


def unanswered_error(calls: Sequence[Call], answers: Answers) -> UnansweredError:
    """The error of these calls."""
    lines = "".join(f"\n  {_text(call)}" for call in calls[:_MOST])
    more = f"\n  and {len(calls) - _MOST} more" if len(calls) > _MOST else ""
    first = calls[0]
    kind = "http" if isinstance(first.input, HttpRequest) else "function"
    names = sorted({name for known, name, _ in answers.said if known == kind})
    return UnansweredError(
        f"The orchestration called what nobody has answered:{lines}{more}\n{_advice(first)} Answered are: "
        f"{', '.join(names) or 'none'}.",
        calls=[(call.name, call.input) for call in calls],
    )


def _text(call: Call) -> str:
    if isinstance(call.input, HttpRequest):
        return f"{call.input.method} {call.input.url}"
    return f"{call.name}({call.input!r:.200})"


def _advice(call: Call) -> str:
    if isinstance(call.input, HttpRequest):
        return (
            f"Say harness.answer_http({call.input.method!r}, {call.input.url!r}, http_response(200, ...)); * stands "
            "for any method, and within a URL for anything."
        )
    return (
        f"Say harness.answer({call.name!r}, ...) with a value, a function, an exception or in_turn(...), or "
        f"harness.answer({call.name!r}, app_activity) to run the app's own."
    )
