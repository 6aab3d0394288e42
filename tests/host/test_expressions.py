"""Binding expressions that name no value of the trigger: a new id, and the moment."""

from __future__ import annotations

import re

import pytest

from durable_host.app.trigger import BindingError
from durable_host.bindings.expressions import resolved


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        # Recorded: quiet/queue_expressions.
        ("{rand-guid}", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("{DateTime}", r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ"),
        # https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings, Guid.ToString
        ("{rand-guid:N}", r"[0-9a-f]{32}"),
        ("{RAND-GUID:b}", r"\{[0-9a-f-]{36}\}"),
        ("{datetime:yyyy/MM/dd}/{datetime:HHmmss.fff}", r"\d{4}/\d\d/\d\d/\d{6}\.\d{3}"),
        ("{datetime:yy_MM}", r"\d\d_\d\d"),
    ],
)
def test_an_id_or_a_moment_is_written_in_its_form(text: str, pattern: str) -> None:
    assert re.fullmatch(pattern, resolved(text, {}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{datetime:dddd}", "'dddd' in the form 'dddd' of {datetime} is not known to this host: use yyyy,"),
        ("{rand-guid:Q}", "The form 'Q' of {rand-guid} is none of D, N, B and P."),
        ("{nobody}", "No value for named parameter 'nobody'."),
    ],
)
def test_a_form_or_a_name_that_is_not_known_is_refused(text: str, said: str) -> None:
    with pytest.raises(BindingError) as caught:
        resolved(text, {})

    assert said in str(caught.value)
