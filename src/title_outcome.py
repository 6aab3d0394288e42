"""What became of one page: a title, or the reason why there is none.

An outcome is a value in the activity, a small piece of JSON in history, and a part of the final answer's text. Reading
it back from history is pure, because every replay does it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

MAX_TITLE_LENGTH = 1024
SEPARATOR = "; "


class TitleRecord(TypedDict):
    """An outcome in the orchestration's history: either ``title``, or ``code`` and ``reason``."""

    title: NotRequired[str]
    code: NotRequired[str]
    reason: NotRequired[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTitle:
    """The page has this title."""

    title: str

    def to_record(self) -> TitleRecord:
        """Return what history keeps."""
        return {"title": self.title}

    def in_text(self, url: str) -> str:
        """Return this page's part of the final answer."""
        return self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTitle:
    """The page gave no title: a stable code for programs and one sentence for people."""

    code: str
    reason: str

    def to_record(self) -> TitleRecord:
        """Return what history keeps."""
        return {"code": self.code, "reason": self.reason}

    def in_text(self, url: str) -> str:
        """Return this page's part of the final answer."""
        return f"Error fetching {url}: {self.reason}"


TitleOutcome = PageTitle | NoTitle


def found_title(title: str) -> TitleOutcome:
    """Make the outcome of a page that could be read; an empty title is none, and a long one is visibly cut."""
    if not title:
        return NoTitle(code="no_title", reason="the page has no title")
    if len(title) > MAX_TITLE_LENGTH:
        title = f"{title[: MAX_TITLE_LENGTH - 1]}…"
    return PageTitle(title=title)


def read_record(record: object) -> TitleOutcome:
    """Read an outcome back from history."""
    if isinstance(record, str):
        # The first form of this app stored bare titles; an instance that it started may end under this code.
        return PageTitle(title=record)
    if isinstance(record, dict) and isinstance(record.get("title"), str):
        return PageTitle(title=record["title"])
    if isinstance(record, dict) and isinstance(record.get("code"), str) and isinstance(record.get("reason"), str):
        return NoTitle(code=record["code"], reason=record["reason"])
    raise ValueError(f"fetch_title answered {record!r:.200}, which is neither a title nor a reason.")


def summary(urls: Sequence[str], records: Sequence[object]) -> str:
    """Join the outcomes of all pages into the final answer, in the order of the URLs."""
    return SEPARATOR.join(read_record(record).in_text(url) for url, record in zip(urls, records, strict=True))
