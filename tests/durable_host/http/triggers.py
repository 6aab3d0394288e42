"""The app's HTTP triggers: from a request to the function's call, and from what it returns to the answer.

Routes requests to functions and converts both ways as the Functions host does.
Invariant: a function that fails is a 500 without a body, one that returns what cannot be an answer a 500 that says so;
the reason is logged. Where the real host's empty body is recorded (None, a header that is not ASCII), it stays empty.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from azure.functions.meta import Datum

from durable_host.app.index import HTTP, AppError, FunctionIndex, IndexedFunction
from durable_host.app.trigger import Trigger
from durable_host.app.worker import Worker
from durable_host.http.keys import UNAUTHORIZED, Keys
from durable_host.http.messages import Answer, Request, text_answer
from durable_host.http.routing import Match, RouteTable, TemplateError

__all__ = ["HttpTriggers"]

_REASON: Final = "This function was programmatically called via the host APIs."
_LOWEST_STATUS: Final = 200
_HIGHEST_STATUS: Final = 599
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
_log = logging.getLogger("Host.Http")
_RETURN: Final = (
    "Return a str or an azure.functions.HttpResponse, for JSON HttpResponse(json.dumps(value), "
    'mimetype="application/json").'
)
_METHODS: Final = ("GET", "HEAD", "POST")
_BELOW: Final = ("", "/any", "/any/any")
_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"),)


class HttpTriggers:
    """The routes of one app."""

    def __init__(self, index: FunctionIndex, worker: Worker, route_prefix: str, keys: Keys | None = None) -> None:
        self._worker, self._keys = worker, keys
        self._prefix = route_prefix.strip("/")
        self._routes: RouteTable[IndexedFunction] = RouteTable()
        self._functions = index.of_kind(HTTP)
        self.problems: dict[str, str] = {}
        """Functions whose route is one that the host keeps for itself, or that another has: they have none."""
        for function in self._functions:
            if problem := self._conflict(function):
                self.problems[function.name] = problem
                continue
            try:
                self._routes.add(self.template(function), function.trigger.raw.get("methods"), function)
            except TemplateError as error:
                raise AppError(
                    f"function {function.name}: {error}", path=index.script_root / index.script_file
                ) from error

    @property
    def routes(self) -> dict[str, str]:
        """The routes by function, prefix included."""
        return {one.name: self.template(one) for one in self._functions if one.name not in self.problems}

    def _conflict(self, function: IndexedFunction) -> str | None:
        """Why the real host does not route the function, None where it does; the first of two keeps its route."""
        own = _own_route(function)
        if own.startswith("admin"):
            return "The specified route conflicts with one or more built in routes."
        for other in self._functions:
            if other is function:
                return None
            if other.name not in self.problems and _own_route(other) == own and _share_method(other, function):
                return f"The route specified conflicts with the route defined by function '{other.name}'."
        return None

    def template(self, function: IndexedFunction) -> str:
        """The route of a function, prefix included, as it is printed."""
        route = str(function.trigger.raw.get("route") or "").strip("/")
        return f"{self._prefix}/{route}".strip("/")

    def takes(self, path: str) -> bool:
        """Whether the app itself answers this path, or some path below it, with whatever method."""
        own = path.strip("/").lower()
        templates = (f"{self.template(function)}/".lower() for function in self._functions)
        matches = (self._routes.match(method, f"{path}{below}") for method in _METHODS for below in _BELOW)
        return any(template.startswith(f"{own}/") for template in templates) or any(matches)

    async def answer(self, request: Request) -> Answer | None:
        """The answer of the function that the request is for, None when there is no such function."""
        match = self._routes.match(request.method, request.decoded_path)
        if match is None:
            return None
        function = match.target
        if self._keys is not None and not self._keys.open_function(function, request):
            return UNAUTHORIZED
        if function.not_run is not None:
            return text_answer(501, f"Function '{function.name}' is not run here: {function.not_run}.")
        data = _request_data(request, match)
        trigger = Trigger(data=data, metadata=_metadata(request, match), names=_names(request, match), reason=_REASON)
        outcome = await self._worker.run(function, trigger)
        if outcome.refused_type is not None:
            answer = _refused(function, f"a value of type {outcome.refused_type}. {_RETURN}")
            return Answer(status=500) if outcome.refused_type == "NoneType" else answer
        if outcome.raised is not None:
            return Answer(status=500)
        if outcome.returned is None:
            return Answer(status=204)
        try:
            answer = _checked(_answer(outcome.returned))
        except (AttributeError, KeyError, TypeError, UnicodeError, ValueError) as error:
            return _refused(function, str(error))
        foreign = [name for name, value in answer.headers if not value.isascii()]
        if not foreign:
            return answer
        _refused(
            function,
            f"the headers {', '.join(foreign)} hold letters that are not ASCII. Escape them, for example with "
            "urllib.parse.quote.",
        )
        kept = tuple((name, value) for name, value in answer.headers if name.lower() == "retry-after")
        return Answer(status=500, headers=kept)


def _refused(function: IndexedFunction, reason: str) -> Answer:
    text = f"Function '{function.name}' returned what HTTP cannot carry: {reason}"
    _log.error("%s", text)
    return text_answer(500, text)


def _own_route(function: IndexedFunction) -> str:
    return str(function.trigger.raw.get("route") or "").strip("/").lower()


def _share_method(one: IndexedFunction, other: IndexedFunction) -> bool:
    first, second = ({word.upper() for word in f.trigger.raw.get("methods") or ()} for f in (one, other))
    return not first or not second or bool(first & second)


def _request_data(request: Request, match: Match[IndexedFunction]) -> Datum:
    """The request as the host sends it to the worker; like that one, it passes over a body of unstated length."""
    body = request.body if request.headers.get("content-length", "0") != "0" else b""
    return Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(request.url, "string"),
            "headers": _texts(request.headers),
            "query": _texts(_joined(request.query)),
            "params": _texts(match.values),
            "body": Datum(body, "bytes"),
        },
        "http",
    )


def _metadata(request: Request, match: Match[IndexedFunction]) -> dict[str, Datum]:
    headers = {name.title(): value for name, value in request.headers.items()}
    return {
        **_texts(match.values),
        "Headers": Datum(json.dumps(headers, separators=(",", ":")), "json"),
        "Query": Datum(json.dumps(_joined(request.query), separators=(",", ":")), "json"),
    }


def _names(request: Request, match: Match[IndexedFunction]) -> dict[str, Any]:
    """What binding expressions may use: parts of the route, of the query, and of a JSON object in the body."""
    members: dict[str, Any] = {}
    if request.body.lstrip()[:1] == b"{":
        with contextlib.suppress(RecursionError, ValueError):
            members = json.loads(request.body)
    query = _joined(request.query)
    return {**members, **query, **match.values, "query": query, "headers": dict(request.headers)}


def _texts(values: Mapping[str, str]) -> dict[str, Datum]:
    return {name: Datum(value, "string") for name, value in values.items()}


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Query parameters as functions see them: repeated ones joined, whatever their case; empty ones left out."""
    values: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for name, value in pairs:
        if value:
            values.setdefault(names.setdefault(name.lower(), name), []).append(value)
    return {name: ",".join(several) for name, several in values.items()}


def _answer(encoded: Datum) -> Answer:
    if encoded.type == "string":
        body = str(encoded.value).encode("utf-8")
        return Answer(status=200, headers=_TEXT, body=body, is_chunked=bool(body))
    reply: Mapping[str, Any] = encoded.value
    body = bytes(reply["body"].value)
    headers = [(name, value.value) for name, value in reply["headers"].items()]
    headers += [("Set-Cookie", cookie) for cookie in _cookies(reply.get("cookies"))]
    lengths = {value for name, value in headers if name.lower() == "content-length"}
    if lengths - {str(len(body))}:
        raise ValueError(f"the header Content-Length says {', '.join(sorted(lengths))}, and the body has {len(body)}.")
    # How a body is sent is between server and client: what a function passes on of another answer says nothing of it.
    own = tuple((name, value) for name, value in headers if name.lower() not in _FRAMING)
    is_chunked = bool(body) and not lengths
    return Answer(status=int(reply["status_code"].value), headers=own, body=body, is_chunked=is_chunked)


def _checked(answer: Answer) -> Answer:
    if not _LOWEST_STATUS <= answer.status <= _HIGHEST_STATUS:
        raise ValueError(f"the status {answer.status} is not from {_LOWEST_STATUS} to {_HIGHEST_STATUS}.")
    for name, value in answer.headers:
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r:.60} is no name of a header.")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"the header {name} cannot have the value {value!r:.60}.")
    return answer


def _cookies(cookies: list[Mapping[str, Any]] | None) -> Iterator[str]:
    for cookie in cookies or ():
        for morsel in cookie.values():
            yield morsel.OutputString()
