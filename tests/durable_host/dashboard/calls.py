"""Calls of the management API as requests, as curl lines, and what its answers mean to a person.

Invariant: the curl line and the request that is made say the same.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from urllib.parse import urlencode

from durable_host.dashboard.acts import Call
from durable_host.http.messages import Answer, Request

__all__ = ["UrlOf", "curl_line", "problem_of", "request_of", "started_by"]

UrlOf = Callable[[str, tuple[tuple[str, str], ...], str], str]
"""The whole URL of a call: its path, its own query, and the origin that the caller sees."""


def curl_line(call: Call, origin: str, url_of: UrlOf) -> str:
    """The call on a command line."""
    words = ["curl"] if call.method == "POST" and call.body is not None else ["curl", "-X", call.method]
    words.append(shlex.quote(url_of(call.path, call.query, origin)))
    if call.body is not None:
        words += ["-H", "'Content-Type: application/json'", "-d", shlex.quote(call.body)]
    return " ".join(words)


def request_of(call: Call, origin: str) -> tuple[Request, str]:
    """The request, and its path below the API's own."""
    headers = {} if call.body is None else {"content-type": "application/json"}
    request = Request(
        method=call.method,
        origin=origin,
        path=call.path,
        query_text=urlencode(call.query),
        headers=headers,
        body=(call.body or "").encode("utf-8", "replace"),
    )
    return request, call.path


def started_by(answer: Answer) -> str | None:
    """The id of an instance that the management API says it has started."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return None
    return value.get("id") if isinstance(value, dict) else None


def problem_of(answer: Answer, instance_id: str) -> str:
    """What the management API says about a request that it refuses."""
    match answer.status:
        case 404 if not answer.body:
            return f"There is no instance {instance_id!r} any more."
        case 410:
            return "The instance has ended meanwhile."
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = answer.body.decode("utf-8", "replace")
    if isinstance(value, dict):
        return " ".join(str(value[name]) for name in ("Message", "ExceptionMessage") if value.get(name))
    return str(value) or f"The management API answered {answer.status}."
