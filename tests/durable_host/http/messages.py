"""Requests and answers as plain values.

What handlers get and give, so that they can be called without a server.
Invariant: a request keeps its path and query as they were sent; decoding is up to whoever reads them, once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

from durable_engine import compact_json

__all__ = ["NOT_FOUND", "Answer", "Request", "json_answer", "text_answer"]

_JSON: Final = ("Content-Type", "application/json; charset=utf-8")
_TEXT: Final = ("Content-Type", "text/plain; charset=utf-8")
_ESCAPED_SLASH: Final = re.compile("(%2f)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; ``headers`` has lower-case names, repeated values joined by commas."""

    method: str
    origin: str
    path: str
    query_text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_abandoned: Callable[[], bool] = lambda: False
    """Whether the client has gone, so that nobody waits for the answer."""

    @property
    def url(self) -> str:
        """The whole URL as it was sent."""
        return f"{self.origin}{self.path}{f'?{self.query_text}' if self.query_text else ''}"

    @property
    def decoded_path(self) -> str:
        """The path decoded and without dot segments. An escaped slash stays one, which does not split segments."""
        path = self.path
        if "%" in path:
            path = "".join(part if n % 2 else unquote(part) for n, part in enumerate(_ESCAPED_SLASH.split(path)))
        return _without_dot_segments(path) if "/." in path else path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's pairs in their order, decoded."""
        return parse_qsl(self.query_text, keep_blank_values=True) if self.query_text else []

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def _without_dot_segments(path: str) -> str:
    """The path with ``.`` and ``..`` taken as in a file system; nothing is above the root."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer; ``is_chunked`` sends the body without saying its length first."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_chunked: bool = False


NOT_FOUND: Final = Answer(status=404)
"""The real host's only answer to whatever it has no route for: empty, no Allow, no content type."""


def json_answer(status: int, value: object, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """A JSON answer with the real host's content type."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        body = text.encode("utf-8")
    except ValueError:
        # .NET writes numbers that are none as texts, and half a surrogate pair as U+FFFD.
        body = compact_json(value).encode("utf-8")
    return Answer(status=status, headers=(_JSON, *headers), body=body)


def text_answer(status: int, text: str) -> Answer:
    """A sentence for whoever reads the answer."""
    return Answer(status=status, headers=(_TEXT,), body=text.encode("utf-8", "replace"))
