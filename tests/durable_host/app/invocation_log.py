"""The lines of an invocation: that it begins, by what it was triggered, and how it ended.

Invariant: texts, levels and event ids are the real host's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from durable_engine import UserException
from durable_host.config.logs import event

__all__ = ["log_executing", "log_failure", "log_last_retry", "log_success"]


def log_executing(name: str, invocation: str, reason: str = "(null)", details: str | None = None) -> None:
    """An invocation begins."""
    log = logging.getLogger(f"Function.{name}")
    log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", name, reason, invocation, extra=event(1))
    if details is not None:
        log.info("Trigger Details: %s", details, extra=event(0))


def log_success(name: str, invocation: str, milliseconds: int) -> None:
    """An invocation has come to a good end."""
    logging.getLogger(f"Function.{name}").info(
        "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)", name, invocation, milliseconds, extra=event(2)
    )


def log_failure(
    name: str, invocation: str, milliseconds: int, causes: Sequence[str], raised: UserException | None = None
) -> None:
    """The two entries of an invocation that failed: the function's, and the host's with the same text.

    Args:
        name: The function.
        invocation: The id under which it was begun.
        milliseconds: How long it took.
        causes: What the host has to say, from the outermost to the innermost.
        raised: What user code raised, if it did; its traceback names file and line of the app.
    """
    said = f"Executed 'Functions.{name}' (Failed, Id={invocation}, Duration={milliseconds}ms)"
    text, short = _exception(name, causes, raised)
    extra = event(3, short="\n".join([said, *short]))
    logging.getLogger(f"Function.{name}").error("%s\n%s", said, text, extra=extra)
    if causes:
        text, _ = _exception(name, causes, None)  # The traceback, which is not the real host's, stands there once.
    logging.getLogger("Host.Results").error("%s", text, extra=event(0))


def log_last_retry(name: str, retries: int, raised: UserException | None) -> None:
    """A function has failed as often as its retry policy lets it."""
    said = f"Function execution failed after '{retries}' retries."
    text, _ = _exception(name, (), raised)
    logging.getLogger(f"Function.{name}").error("%s\n%s", said, text, extra=event(324, short=said))


def _exception(name: str, causes: Sequence[str], raised: UserException | None) -> tuple[str, list[str]]:
    """The exception of an invocation as the host writes it, and what of it a person needs."""
    lines = [f" ---> {cause}" for cause in causes]
    short = [f"{cause}" for cause in causes]
    if raised is not None:
        told = raised.rpc_text.rstrip()
        lines.append(f" ---> {told}" if not causes else told)
        short.append(told)
    return "\n".join([f"Exception while executing function: Functions.{name}", *lines]), short
