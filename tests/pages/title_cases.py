"""The conformance cases of ``fixtures/html/title_cases.json`` as values.

``title`` is the standard's answer with scripting on; ``chromium`` stands beside it where Chromium differs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parents[2] / "fixtures" / "html" / "title_cases.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleCase:
    """One page, and its title."""

    name: str
    rule: str
    source: str
    title: str
    content_type: str = "text/html; charset=utf-8"
    page: str = ""
    encoding: str = "utf-8"
    byte_text: str | None = None
    """The page's bytes, one character each, where it is no text in one encoding."""
    chromium: str | None = None

    @property
    def body(self) -> bytes:
        """The page as it is sent."""
        return self.page.encode(self.encoding) if self.byte_text is None else self.byte_text.encode("latin-1")


def load_title_cases() -> list[TitleCase]:
    """Read all cases."""
    return [TitleCase(**case) for case in json.loads(_FILE.read_text(encoding="utf-8"))]
