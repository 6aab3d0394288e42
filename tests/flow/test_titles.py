"""The real app, from its trigger to the titles: what a deployed app can be asked as well."""

from __future__ import annotations

import json

import pytest

from flow.titles import Titles, TitlesOverHttp, recorded_titles
from title_outcome import SEPARATOR
from title_request import DEFAULT_URLS

MISSING = "https://learn.microsoft.com/azure/azure-functions/no-such-article"
ONLY_HTTP = pytest.mark.only_on("local", "func", "deployed", reason="the harness runs no HTTP triggers")


def test_default_pages_give_four_titles_in_the_order_of_their_urls(titles: Titles) -> None:
    ended = titles.fetch()

    found = str(ended.output).split(SEPARATOR)
    assert (ended.runtime_status, len(found)) == ("Completed", 4)
    assert not [title for title in found if not title or title.startswith("Error fetching")]
    assert ended.history == ("ExecutionStarted", *["TaskCompleted fetch_title"] * 4, "ExecutionCompleted")
    if titles.is_recorded:
        assert found == [recorded_titles()[url] for url in DEFAULT_URLS]


def test_titles_follow_the_order_that_was_asked_for(titles: Titles) -> None:
    urls = list(DEFAULT_URLS)
    forward = str(titles.fetch(urls).output).split(SEPARATOR)
    backward = str(titles.fetch(urls[::-1]).output).split(SEPARATOR)

    assert len(set(forward)) == 4
    assert backward == forward[::-1]


def test_page_that_does_not_exist_gives_an_error_beside_the_title_of_another(titles: Titles) -> None:
    ended = titles.fetch([MISSING, DEFAULT_URLS[2]])

    error, title = str(ended.output).split(SEPARATOR)
    assert ended.runtime_status == "Completed"
    assert error.startswith(f"Error fetching {MISSING}: ")
    assert "404" in error
    assert not title.startswith("Error fetching")
    assert ended.history == ("ExecutionStarted", *["TaskCompleted fetch_title"] * 2, "ExecutionCompleted")


@ONLY_HTTP
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"urls": []}', '"urls" has 0 entries'),
        ('{"urls": ["http://learn.microsoft.com/x"]}', "urls[0]"),
        ('{"urls": ["https://learn.microsoft.com/a", "https://169.254.169.254/b"]}', "urls[1]"),
        ("{", "not JSON"),
    ],
    ids=["no url", "not https", "other host", "not json"],
)
def test_body_that_cannot_be_taken_is_refused_with_the_reason(titles: Titles, body: str, said: str) -> None:
    assert isinstance(titles, TitlesOverHttp)

    reply = titles.request(body)

    assert reply.status == 400
    assert said in json.loads(reply.text)["error"]
