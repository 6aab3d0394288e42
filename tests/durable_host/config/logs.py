"""What the host prints: the real host's categories, levels and event ids, in a short form or in the real console's.

The host's own loggers stand apart from the root logger, which is the app's: what an app does to it silences the app.
Invariant: category names are the real host's (``Function.fetch_title``, ``Host.Triggers.DurableTask``), so that
host.json's ``logging.logLevel`` means the same here.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, TextIO

__all__ = ["LEVELS", "capture_prints", "current_function", "event", "running_function", "set_up_logging"]

LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_HOST: Final = ("Host", "Function", "Microsoft", "durable_host")
# These log every request that the host makes, at a level at which users read about their functions.
_CHATTY: Final = ("azure", "aiohttp", "urllib3", "asyncio")
_SHORT: Final = ((logging.CRITICAL, "crit"), (logging.ERROR, "fail"), (logging.WARNING, "warn"), (logging.INFO, "info"))
_ONLY_IN_FULL: Final = ("Host.Results",)
"""The real host says these a second time; a person has read them already."""

current_function: ContextVar[str | None] = ContextVar("current_function", default=None)
"""The function whose code runs: lines that the app logs meanwhile are that function's."""


@contextmanager
def running_function(name: str) -> Iterator[None]:
    """Give what is logged inside the block to a function of the app."""
    token = current_function.set(name)
    try:
        yield
    finally:
        current_function.reset(token)


def event(number: int, *, short: str | None = None, only_in_full: bool = False) -> dict[str, object]:
    """The ``extra`` of a record: the real host's event id, and what the short form says in place of the whole text, if
    it says anything."""
    return {"event_id": number, "short": short, "only_in_full": only_in_full}


def category_of(record: logging.LogRecord) -> str:
    """The category under which the real host shows a record."""
    if _is_of_host(record.name):
        return record.name
    function = current_function.get()
    return f"Function.{function}.User" if function else record.name


class _Levels(logging.Filter):
    """host.json's levels: the longest key that a category begins with decides."""

    def __init__(self, levels: Mapping[str, str]) -> None:
        super().__init__()
        rules = {name.lower(): LEVELS.get(level.lower(), logging.INFO) for name, level in levels.items()}
        self.default = rules.pop("default", logging.INFO)
        self.rules = sorted(rules.items(), key=lambda rule: -len(rule[0]))

    def least(self, name: str) -> int:
        """The lowest level at which anything of a logger or below it is shown."""
        lowered = name.lower()
        below = [level for prefix, level in self.rules if prefix.startswith(lowered)]
        return min([self._of(lowered), *below])

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self._of(category_of(record).lower())

    def _of(self, category: str) -> int:
        return next((level for prefix, level in self.rules if category.startswith(prefix)), self.default)


class _Line(logging.Formatter):
    """The short form: the moment and the text."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        said = getattr(record, "short", None) or record.getMessage()
        text = f"[{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z] {said}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return text


class _Entry(logging.Formatter):
    """The real host's console: level, category and event id, then the text, moved in."""

    def format(self, record: logging.LogRecord) -> str:
        level = next((word for least, word in _SHORT if record.levelno >= least), "dbug")
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        lines = "\n".join(f"      {line}" for line in text.split("\n"))
        return f"{level}: {category_of(record)}[{getattr(record, 'event_id', 0)}]\n{lines}"


class _HostLogger(logging.Logger):
    """A logger that speaks whatever the app does to all of them: ``dictConfig`` silences what it does not name, and
    ``logging.disable`` everything."""

    def isEnabledFor(self, level: int) -> bool:
        return level >= self.getEffectiveLevel()

    def handle(self, record: logging.LogRecord) -> None:
        if self.filter(record):
            self.callHandlers(record)


def _made(name: str) -> logging.Logger:
    return (_HostLogger if _is_of_host(name) else logging.getLoggerClass())(name)


def _is_of_host(name: str) -> bool:
    return name.partition(".")[0] in _HOST


def set_up_logging(levels: Mapping[str, str], *, verbose: bool = False) -> None:
    """Print to standard output, at host.json's levels; ``verbose`` takes the real console's form."""
    shown = _Levels(levels)
    stream = _original(sys.stdout)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # an app may print what the terminal's encoding does not have
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Entry() if verbose else _Line())
    handler.addFilter(shown)
    if not verbose:
        handler.addFilter(lambda one: one.name not in _ONLY_IN_FULL and not getattr(one, "only_in_full", False))
    # As the worker has it: an app's debug lines need a level of the app's own.
    _attach(logging.getLogger(), handler, logging.INFO)
    manager = logging.getLogger().manager
    manager.loggerClass = _made  # type: ignore[assignment]  # whatever makes a logger of a name does
    for one in manager.loggerDict.values():
        if isinstance(one, logging.Logger) and type(one) is logging.Logger and _is_of_host(one.name):
            one.__class__ = _HostLogger
    for name in _HOST:
        logger = logging.getLogger(name)
        _attach(logger, handler, shown.least(name))
        logger.propagate = False
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _attach(logger: logging.Logger, handler: logging.Handler, level: int) -> None:
    logger.handlers[:] = [handler]
    logger.setLevel(level)


class _PrintedLines(io.TextIOBase):
    """Standard output while the app runs: each line that is printed is a line of the log, as on the real host."""

    def __init__(self, stream: TextIO) -> None:
        self.original = stream
        self._parts = threading.local()
        self._log = logging.getLogger("Host.Function.Console")

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has it as an attribute
        return self.original.encoding

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, rest = (getattr(self._parts, "text", "") + text).split("\n")
        self._parts.text = rest
        for line in lines:
            self._log.info("%s", line)
        return len(text)

    def flush(self) -> None:
        rest, self._parts.text = getattr(self._parts, "text", ""), ""
        if rest:
            self._log.info("%s", rest)

    def fileno(self) -> int:
        return self.original.fileno()


def capture_prints() -> None:
    """From now on, what the process prints is logged. ``sys.__stdout__`` stays what it was."""
    if not isinstance(sys.stdout, _PrintedLines):
        sys.stdout = _PrintedLines(sys.stdout)


def _original(stream: TextIO) -> TextIO:
    return stream.original if isinstance(stream, _PrintedLines) else stream
