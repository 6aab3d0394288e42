"""Names of hosts and origins of pages, as the command line and the settings allow them.

Invariant: what is taken here is what some browser sends, so that nothing is allowed that never comes.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["HOW_TO_WRITE_AN_ORIGIN", "is_host_name", "is_origin", "origins_in"]

HOW_TO_WRITE_AN_ORIGIN: Final = (
    "write scheme, name and port as a browser sends them, such as http://localhost:3000, without a path, and without "
    "the port that is the scheme's own"
)
_ANY: Final = "*"
_OF_PAGES_WITHOUT_ONE: Final = "null"
_NAME: Final = re.compile(r"[A-Z0-9_](?:[A-Z0-9._-]*[A-Z0-9_])?", re.ASCII | re.IGNORECASE)
_ORIGIN: Final = re.compile(
    r"[A-Z][A-Z0-9+.-]*://(?:[A-Z0-9._-]+|\[[0-9A-F:.]+\])(?::[0-9]+)?/?", re.ASCII | re.IGNORECASE
)
_SCHEMES_OWN_PORT: Final = re.compile(r"(?:http://.*:80|https://.*:443)/?", re.IGNORECASE)


def origins_in(text: str) -> tuple[str, ...]:
    """The origins of a text that separates them by commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def is_host_name(text: str) -> bool:
    """Whether a Host header can hold it as a name, beside a port."""
    return _NAME.fullmatch(text) is not None


def is_origin(text: str) -> bool:
    """Whether an Origin header can hold it; ``*`` stands for all of them."""
    if text in (_ANY, _OF_PAGES_WITHOUT_ONE):
        return True
    return _ORIGIN.fullmatch(text) is not None and not _SCHEMES_OWN_PORT.fullmatch(text)
