"""What the host prints: one line a record, with the levels that host.json asks for.

Sets up Python's logging once for host and app alike.
Invariant: logger names are the real host's categories (``Function.fetch_title``, ``Host.Triggers.DurableTask``), so
that ``logging.logLevel`` means the same here.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

__all__ = ["LEVELS", "set_up_logging"]

LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
# These log every request that the host makes, at a level at which users read about their functions.
_CHATTY: Final = ("azure", "aiohttp", "urllib3", "asyncio")


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        text = f"[{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z] {record.getMessage()}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return text


def set_up_logging(levels: Mapping[str, str], *, verbose: bool = False) -> None:
    """Print to standard output, at host.json's levels; ``verbose`` shows everything."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Line())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    by_name = {name.lower(): LEVELS.get(level.lower(), logging.INFO) for name, level in levels.items()}
    root.setLevel(logging.DEBUG if verbose else by_name.get("default", logging.INFO))
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name, level in levels.items():
        if name.lower() != "default":
            logging.getLogger(name).setLevel(logging.DEBUG if verbose else LEVELS.get(level.lower(), logging.INFO))
