"""The list of instances: what is asked for, and the page that answers it.

From query parameters to rows, counts and links, over the index or over the table page by page.
Invariant: a parameter that cannot be read counts as absent, as in the management API.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from durable_engine import ORCHESTRATION_STATUS, TICKS_PER_SECOND, Ticks, ticks_from_text
from durable_host.dashboard.index import InstanceIndex
from durable_host.task_hub.hub.client import InstanceQuery, TaskHubClient
from durable_host.task_hub.tables.instance_summaries import InstanceSummary

__all__ = ["KINDS", "Filter", "InstanceList", "indexed_list", "table_list"]

PAGE: Final = 50
KINDS: Final = ("orchestrations", "entities", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked for. Times are of creation and in UTC; ``page`` counts from 1."""

    status: str = ""
    name: str = ""
    prefix: str = ""
    kind: str = "all"
    started_from: str = ""
    started_to: str = ""
    page: int = 1
    after: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filter:
        """The filter of a page's query."""
        page = query.get("page", "")
        return cls(
            status=query.get("status", "") if query.get("status") in ORCHESTRATION_STATUS else "",
            name=query.get("name", "").strip(),
            prefix=query.get("prefix", "").strip(),
            kind=query.get("kind", "") if query.get("kind") in KINDS else "all",
            started_from=query.get("from", "") if _moment(query.get("from", "")) is not None else "",
            started_to=query.get("to", "") if _moment(query.get("to", "")) is not None else "",
            page=max(1, int(page)) if page.isdecimal() and len(page) < 10 else 1,
            after=query.get("after", ""),
        )

    @property
    def is_open(self) -> bool:
        """Whether everything is asked for."""
        return replace(self, page=1, after="") == Filter()

    @property
    def created_from(self) -> Ticks | None:
        """From when on."""
        return _moment(self.started_from)

    @property
    def created_to(self) -> Ticks | None:
        """Up to when; a text without seconds means the whole minute."""
        moment = _moment(self.started_to)
        if moment is None:
            return None
        return moment + (60 if self.started_to.count(":") == 1 else 1) * TICKS_PER_SECOND - 1

    def link(self, **changes: str | int) -> str:
        """The query of a page with some things changed; a change begins with the first page again."""
        return _query(replace(self, **({"page": 1, "after": ""} | changes)))  # type: ignore[arg-type]  # by name


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceList:
    """One page. ``total`` and ``counts`` are None where only a scan of the table could tell them."""

    filter: Filter
    rows: tuple[InstanceSummary, ...]
    total: int | None = None
    counts: Mapping[str, int] | None = None
    names: tuple[str, ...] = ()
    is_complete: bool = True
    next_link: str | None = None
    previous_link: str | None = None

    @property
    def first(self) -> int:
        """The number of the first row, from 1."""
        return (self.filter.page - 1) * PAGE + 1

    @property
    def runs(self) -> bool:
        """Whether something that is shown has not ended, so that it is worth looking again soon."""
        return any(row.completed_at is None and not row.is_entity for row in self.rows)


def indexed_list(index: InstanceIndex, asked: Filter) -> InstanceList:
    """A page of the index, newest first."""
    everything = index.newest_first
    of_any_status = [one for one in everything if _is_asked_for(one, asked)]
    counts = Counter(one.runtime_status for one in of_any_status)
    rows = of_any_status if not asked.status else [one for one in of_any_status if one.runtime_status == asked.status]
    last_page = max(1, -(-len(rows) // PAGE))
    asked = replace(asked, page=min(asked.page, last_page))
    start = (asked.page - 1) * PAGE
    return InstanceList(
        filter=asked,
        rows=tuple(rows[start : start + PAGE]),
        total=len(rows),
        counts={status: counts[status] for status in _ORDER if counts[status]},
        names=_names(everything),
        is_complete=index.is_complete,
        next_link=asked.link(page=asked.page + 1) if asked.page < last_page else None,
        previous_link=asked.link(page=asked.page - 1) if asked.page > 1 else None,
    )


async def table_list(client: TaskHubClient, asked: Filter) -> InstanceList:
    """A page of the table, in its own order: nobody can sort what he has not read."""
    query = InstanceQuery(
        created_from=asked.created_from,
        created_to=asked.created_to,
        statuses=(asked.status,) if asked.status else (),
        id_prefix=asked.prefix or None,
        name=asked.name or None,
        entities_only=asked.kind == "entities",
        with_input=False,
    )
    rows: list[InstanceSummary] = []
    continuation = _continuation(asked.after)
    while True:
        page = await client.summary_page(query, top=PAGE - len(rows), continuation=continuation)
        rows += [one for one in page.summaries if asked.kind != "orchestrations" or not one.is_entity]
        continuation = page.continuation
        if continuation is None or len(rows) >= PAGE:
            break
    return InstanceList(
        filter=asked,
        rows=tuple(rows),
        next_link=asked.link(after=_token(continuation)) if continuation else None,
        previous_link=asked.link() if asked.after else None,
    )


_ORDER: Final = ("Running", "Pending", "Suspended", "Completed", "Failed", "Terminated", "Canceled", "ContinuedAsNew")


def _is_asked_for(one: InstanceSummary, asked: Filter) -> bool:
    if asked.kind != "all" and one.is_entity != (asked.kind == "entities"):
        return False
    if asked.name and asked.name.lower() not in one.function.lower():
        return False
    if not one.instance_id.startswith(asked.prefix):
        return False
    start, end = asked.created_from, asked.created_to
    return (start is None or one.created_at >= start) and (end is None or one.created_at <= end)


def _names(everything: Iterable[InstanceSummary]) -> tuple[str, ...]:
    return tuple(sorted({one.function for one in everything}, key=str.lower)[:200])


def _moment(text: str) -> Ticks | None:
    """The moment of a browser's date and time, which leaves the seconds out where they are 0."""
    try:
        return ticks_from_text(f"{text}:00" if text.count(":") == 1 else text)
    except ValueError:
        return None


def _query(asked: Filter) -> str:
    pairs: Sequence[tuple[str, str]] = [
        ("status", asked.status),
        ("name", asked.name),
        ("prefix", asked.prefix),
        ("kind", "" if asked.kind == "all" else asked.kind),
        ("from", asked.started_from),
        ("to", asked.started_to),
        ("page", "" if asked.page == 1 else str(asked.page)),
        ("after", asked.after),
    ]
    return "?" + urlencode([(name, value) for name, value in pairs if value], errors="replace")


def _token(continuation: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(dict(continuation)).encode()).decode()


def _continuation(token: str) -> Mapping[str, str] | None:
    """Where the table goes on; a token that is none of ours begins with the first page."""
    try:
        value = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        return None
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        return None
    return value
