"""Entities, and requests to a web server, from an orchestration."""

from __future__ import annotations

import json

from flow.target import Flow, completed
from flow.web_server import WebServer

ASKED = ["EventSent", "EventRaised"]


def test_entity_is_signalled_and_called_and_its_failure_is_caught(flow: Flow) -> None:
    ended = flow.run("uses_entity")

    assert ended == completed({"total": 8, "error": "no"}, history=["EventSent", *ASKED, *ASKED])


def test_entity_that_was_deleted_begins_anew(flow: Flow) -> None:
    ended = flow.run("deletes_entity")

    assert ended == completed(0, history=[*ASKED, *ASKED, *ASKED])


def test_entity_answers_calls_of_a_fan_out_one_after_the_other(flow: Flow) -> None:
    ended = flow.run("calls_entity_at_once")

    assert ended == completed([1, 11, 111], history=["EventSent"] * 3 + ["EventRaised"] * 3)


def test_http_call_gives_status_headers_and_content(flow: Flow, web_server: WebServer) -> None:
    wanted = {"method": "POST", "url": f"{web_server.address}/echo", "content": {"n": [1]}}

    ended = flow.run("calls_http", wanted)

    assert ended.output["statusCode"] == 200
    assert ended.output["reply"] == "from the server"
    assert json.loads(ended.output["content"]) == {"method": "POST", "body": '{"n": [1]}', "asked": "yes"}
    assert ended.history[1:-1] == ("TaskCompleted BuiltIn::HttpActivity",)


def test_http_call_that_is_answered_with_an_error_is_no_failure(flow: Flow, web_server: WebServer) -> None:
    ended = flow.run("calls_http", {"method": "GET", "url": f"{web_server.address}/missing", "content": None})

    assert ended == completed(
        {"statusCode": 404, "content": "", "reply": "from the server"}, history=["TaskCompleted BuiltIn::HttpActivity"]
    )
