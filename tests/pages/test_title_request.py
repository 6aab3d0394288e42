"""What the HTTP trigger takes, and what it answers to everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from title_request import DEFAULT_URLS, RefusedRequest, orchestration_urls, read_request
from url_policy import UrlPolicy

POLICY = UrlPolicy.from_setting(None)
PAGE = "https://learn.microsoft.com/azure/"


def refused(body: bytes) -> dict[str, Any]:
    answer = read_request("POST", body, POLICY)
    assert isinstance(answer, RefusedRequest)
    text: dict[str, Any] = json.loads(answer.to_json())
    return text


@pytest.mark.parametrize(
    ("method", "body"), [("GET", b""), ("POST", b""), ("POST", b" \r\n"), ("GET", b'{"urls": []}')]
)
def test_request_without_urls_means_the_default_pages(method: str, body: bytes) -> None:
    assert read_request(method, body, POLICY) == list(DEFAULT_URLS)


def test_default_pages_pass_the_default_policy() -> None:
    assert [POLICY.refuse(url) for url in DEFAULT_URLS] == [None] * 4


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_post_takes_up_to_a_thousand_urls_in_their_order(count: int) -> None:
    urls = [f"{PAGE}{number}" for number in range(count)]

    assert read_request("POST", json.dumps({"urls": urls}).encode(), POLICY) == urls


def test_post_takes_one_page_twice() -> None:
    assert read_request("POST", json.dumps({"urls": [PAGE, PAGE]}).encode(), POLICY) == [PAGE, PAGE]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 10_000, ""),
        (b"null", 'no "urls"'),
        (b'"https://learn.microsoft.com/"', 'no "urls"'),
        (b'["https://learn.microsoft.com/"]', 'no "urls"'),
        (b"{}", 'no "urls"'),
        (b'{"url": "https://learn.microsoft.com/"}', 'no "urls"'),
        (b'{"urls": ["https://learn.microsoft.com/"], "retries": 3}', "retries"),
        (b'{"urls": "https://learn.microsoft.com/"}', "not an array"),
        (b'{"urls": null}', "not an array"),
        (b'{"urls": {}}', "not an array"),
        (b'{"urls": []}', "0 entries"),
        (json.dumps({"urls": [PAGE] * 1001}).encode(), "1001 entries"),
    ],
)
def test_post_with_another_body_is_refused_with_the_reason(body: bytes, words: str) -> None:
    answer = refused(body)

    assert words in answer["error"]
    assert len(answer["error"]) < 500
    assert answer["entries"] == []


def test_refusal_names_each_wrong_entry_and_its_rule() -> None:
    answer = refused(json.dumps({"urls": [PAGE, "http://learn.microsoft.com/", PAGE, None]}).encode())

    assert answer["error"].startswith("urls[1] cannot be taken: the scheme is http; only https is allowed")
    assert answer["entries"] == [
        {
            "entry": "urls[1]",
            "value": "http://learn.microsoft.com/",
            "code": "not_https",
            "reason": "the scheme is http; only https is allowed",
        },
        {"entry": "urls[3]", "value": "null", "code": "not_a_string", "reason": "a URL must be a string, not null"},
    ]


def test_refusal_stays_short_when_every_entry_is_wrong() -> None:
    answer = refused(json.dumps({"urls": ["x" * 5000] * 1000}).encode())

    assert len(answer["entries"]) == 20
    assert len(json.dumps(answer)) < 20_000


def test_refusal_shows_an_entry_that_cannot_be_encoded() -> None:
    answer = refused(b'{"urls": ["https://learn.microsoft.com/\\ud800"]}')

    assert answer["entries"][0]["code"] == "bad_url"


def test_orchestration_without_input_takes_the_default_pages() -> None:
    assert orchestration_urls(None) == list(DEFAULT_URLS)
    assert orchestration_urls([PAGE]) == [PAGE]


@pytest.mark.parametrize("value", [[], {}, "https://learn.microsoft.com/", 5, [PAGE, None]])
def test_orchestration_fails_plainly_on_an_input_that_is_no_list_of_urls(value: object) -> None:
    with pytest.raises(ValueError, match="must be a non-empty JSON array of URLs"):
        orchestration_urls(value)
