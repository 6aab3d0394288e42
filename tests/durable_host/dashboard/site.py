"""The pages and their addresses: which request gets which page.

Invariant: reading changes nothing; whatever changes something is a POST with the token of a page of ours.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from durable_engine import App
from durable_host.clock import now
from durable_host.dashboard.acts import ACTS, START, Act, acts_on
from durable_host.dashboard.calls import UrlOf, curl_line, problem_of, request_of, started_by
from durable_host.dashboard.history import history_lines, raw_rows
from durable_host.dashboard.index import InstanceIndex
from durable_host.dashboard.instance import InstanceReader, InstanceView
from durable_host.dashboard.listing import Filter, indexed_list, table_list
from durable_host.dashboard.rendering import Pages, static_file
from durable_host.dashboard.security import PageToken, html_answer, is_foreign, text_answer
from durable_host.dashboard.values import failure_of, input_tree, value_tree
from durable_host.http.messages import NOT_FOUND, Answer, Request
from durable_host.task_hub.hub.client import TaskHubClient
from durable_host.task_hub.hub.recorded_instances import HubUnreachableError

__all__ = ["Dashboard", "HubAccess"]

_log = logging.getLogger("Host.Dashboard")

_PATIENCE_SECONDS: Final = 2.0
_SHORT_PATIENCE_SECONDS: Final = 0.3
"""How long a page waits for what is only an addition to it."""
_SHOWN_EVENTS: Final = 100
_PARTS: Final = {
    "input": lambda row: row.input,
    "output": lambda row: row.output,
    "status": lambda row: row.custom_status,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAccess:
    """A hub, and what may be done with it.

    Args:
        client: Reads the hub.
        where: What the pages call the place of the hub.
        manage: Sends a request to the management API; None makes the pages read-only.
        url_of: The URL of such a request, for its curl line: path, query pairs, origin.
        app: The app's code, where it is here.
        orchestrators: The names of the app's orchestrators, to choose from.
        root: The folder of the app, where it is here.
        is_indexed: Whether the instances are kept in memory, to be listed newest first.
        explained: Turns what the storage raises into a HubUnreachableError, whose text says what to do.
    """

    client: TaskHubClient
    where: str
    manage: Callable[[Request, str], Awaitable[Answer]] | None
    url_of: UrlOf
    app: App | None = None
    orchestrators: tuple[str, ...] = ()
    root: str = ""
    is_indexed: bool = True
    explained: Callable[[], AbstractContextManager[None]] = nullcontext


class Dashboard:
    """The pages of one hub, served below ``base``."""

    def __init__(self, access: HubAccess, base: str) -> None:
        self.base = base
        self._access, self._client = access, access.client
        self._pages = Pages(base)
        self._token = PageToken()
        self._index = InstanceIndex(access.client)
        self._reader = InstanceReader(access.client, access.app, self._pages.link_to)

    async def stop(self) -> None:
        """End what is being read."""
        self._reader.stop()
        await self._index.stop()

    def is_for(self, path: str) -> bool:
        """Whether a path is one of the pages'."""
        return path == self.base or path.startswith(f"{self.base}/")

    async def answer(self, request: Request) -> Answer:
        """Answer a request below ``base``."""
        part = request.path[len(self.base) :].strip("/")
        query = dict(request.query)
        if is_foreign(request):
            return self._error(403, "Not from here", "Open these pages under localhost, on the machine of the host.")
        try:
            if request.method == "POST" and part in ("act", "start"):
                return await self._post(request, part, query)
            if request.method not in ("GET", "HEAD"):
                return NOT_FOUND
            with self._access.explained():
                return _unchanged(request, await self._get(request, part, query))
        except HubUnreachableError as error:
            return self._error(502, "The task hub cannot be read", str(error))
        except Exception as error:
            # What the storage or the history holds may be anything; the reason belongs on the page and in the log.
            _log.exception("The dashboard could not show %s", request.path)
            return self._error(500, "This page could not be made", f"{type(error).__name__}: {error}")

    async def _get(self, request: Request, part: str, query: Mapping[str, str]) -> Answer:
        match part.split("/"):
            case [""]:
                return await self._list(query)
            case ["static", name]:
                found = static_file(name)
                return NOT_FOUND if found is None else text_answer(*found, cache="no-cache")
            case ["instance"]:
                return await self._instance(query)
            case ["history"]:
                return await self._history(query)
            case ["rows"]:
                rows = await self._client.get_history_rows(query.get("id", ""))
                return text_answer(raw_rows(rows)) if rows else self._gone(query.get("id", ""))
            case ["value"] if query.get("of") in _PARTS:
                row = await self._client.get_instance(query.get("id", ""))
                text = _PARTS[query["of"]](row) if row is not None else None
                return self._gone(query.get("id", "")) if text is None else text_answer(text)
            case ["act"] if query.get("act") in ACTS:
                return await self._confirmation(request, ACTS[query["act"]], query)
            case ["start"]:
                return await self._confirmation(request, START, query)
        return self._error(404, "There is no such page", "The instances of the hub are one link away.")

    async def _list(self, query: Mapping[str, str]) -> Answer:
        asked = Filter.of(query)
        if self._access.is_indexed:
            await self._index.refresh(patience=_PATIENCE_SECONDS)
            page = indexed_list(self._index, asked)
        else:
            page = await table_list(self._client, asked)
        html = self._render("list.html", page=page, asked=page.filter, now=now(), done=_done(query))
        return html_answer(200, html)

    async def _instance(self, query: Mapping[str, str]) -> Answer:
        view = await self._reader.read(query.get("id", ""))
        if view is None:
            return self._gone(query.get("id", ""))
        if view.children and self._access.is_indexed:
            await self._index.refresh(patience=_SHORT_PATIENCE_SECONDS)
        return html_answer(200, self._render("instance.html", **self._shown(view), done=_done(query)))

    def _shown(self, view: InstanceView) -> dict[str, Any]:
        row, lines = view.row, history_lines(view.events)
        has_failed = row.runtime_status == "Failed"
        return {
            "view": view,
            "row": row,
            "waits": view.waits,
            "input": None if view.is_entity else input_tree(row.input),
            "state": value_tree(view.entity_state),
            "output": None if has_failed else value_tree(row.output),
            "failure": failure_of(row.output, root=self._access.root) if has_failed else None,
            "failed_calls": [
                (one.name, failure_of(one.reason, one.details, root=self._access.root))
                for one in view.failed_calls[:20]
            ],
            "custom_status": value_tree(row.custom_status),
            "acts": acts_on(row) if self._access.manage is not None else (),
            "children": [(event, self._index.get(event.instance_id)) for event in view.children[:_SHOWN_EVENTS]],
            "lines": lines[-_SHOWN_EVENTS:],
            "line_count": len(lines),
            "lasted": (row.completed_at or view.read_at) - row.created_at,
        }

    async def _history(self, query: Mapping[str, str]) -> Answer:
        instance_id = query.get("id", "")
        events = await self._client.get_history(instance_id)
        if not events:
            return self._gone(instance_id)
        return html_answer(200, self._render("history.html", instance_id=instance_id, lines=history_lines(events)))

    async def _confirmation(
        self, request: Request, act: Act, values: Mapping[str, str], *, status: int = 200, problem: str = ""
    ) -> Answer:
        if self._access.manage is None:
            return self._read_only()
        instance_id, suggestions = values.get("id", ""), self._access.orchestrators
        if act is not START:
            view = await self._reader.read(instance_id)
            if view is None and not instance_id.startswith("@"):
                return self._gone(instance_id)
            waits = view.waits if view is not None else ()
            suggestions = tuple(wait.event for wait in waits if wait.event is not None)
        filled = {field.name: values.get(field.name, field.default) for field in act.fields}
        if suggestions and "name" not in values and (act is not START or len(suggestions) == 1):
            filled["name"] = suggestions[0]
        html = self._render(
            "act.html",
            act=act,
            instance_id=instance_id,
            values=filled,
            suggestions=suggestions,
            curl=curl_line(act.call(instance_id, filled), request.origin, self._access.url_of),
            token=self._token.text,
            problem=problem,
        )
        return html_answer(status, html)

    async def _post(self, request: Request, part: str, query: Mapping[str, str]) -> Answer:
        values = dict(query) | dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        act = START if part == "start" else ACTS.get(values.get("act", ""))
        if act is None:
            return NOT_FOUND
        if self._access.manage is None:
            return self._read_only()
        if not self._token.is_in(values.get("token", "")):
            problem = "This form is of a page that another run of the host made. Look it over, and send it again."
            return await self._confirmation(request, act, values, status=403, problem=problem)
        instance_id = values.get("id", "")
        answer = await self._access.manage(*request_of(act.call(instance_id, values), request.origin))
        if answer.status >= 300:
            problem = problem_of(answer, instance_id)
            return await self._confirmation(request, act, values, status=answer.status, problem=problem)
        if act.key == "purge":
            self._index.forget(instance_id)
            return _see(f"{self.base}?done=purge")
        return _see(f"{self._pages.link_to(started_by(answer) or instance_id)}&{urlencode({'done': act.key})}")

    def _render(self, template: str, **values: Any) -> str:
        return self._pages.render(
            template,
            hub=self._client.hub_name,
            where=self._access.where,
            is_indexed=self._access.is_indexed,
            can_act=self._access.manage is not None,
            **values,
        )

    def _error(self, status: int, title: str, text: str) -> Answer:
        return html_answer(status, self._render("message.html", title=title, text=text))

    def _gone(self, instance_id: str) -> Answer:
        self._index.forget(instance_id)
        return self._error(
            404,
            "There is nothing here",
            f"Task hub {self._client.hub_name} has no such instance, or nothing of it: {instance_id!r}. It may have "
            "been purged, or has not begun.",
        )

    def _read_only(self) -> Answer:
        return self._error(403, "These pages only read", "Start them with --allow-acts to change something.")


def _done(query: Mapping[str, str]) -> str:
    act = {**ACTS, START.key: START}.get(query.get("done", ""))
    return act.done if act is not None else ""


def _see(address: str) -> Answer:
    return Answer(status=303, headers=(("Location", address), ("Cache-Control", "no-store")))


def _unchanged(request: Request, answer: Answer) -> Answer:
    """The answer under its ETag, or a 304 for a page that has not changed since it was asked for the last time."""
    if answer.status != 200:
        return answer
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:24]}"'
    if request.headers.get("if-none-match") == tag:
        return Answer(status=304, headers=(("ETag", tag),))
    return Answer(status=200, headers=(*answer.headers, ("ETag", tag)), body=answer.body)
