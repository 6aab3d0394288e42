"""The file of schedules that failed once: a token a line, and what comes after ``#`` is for people.

What the ini option ``durable_schedules`` names.
Invariant: a file that is not there or a line that is no token stops the run; neither is passed over.
"""

from __future__ import annotations

from pathlib import Path

from durable_harness.core.errors import BadTokenError
from durable_harness.exploring.token import ScheduleToken

__all__ = ["kept_schedules"]


def kept_schedules(path: Path) -> tuple[ScheduleToken, ...]:
    """The schedules of a file.

    Raises:
        BadTokenError: There is no such file, or one of its lines is no token.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadTokenError(
            f"durable_schedules names {path}, which cannot be read ({error.strerror}). Make the file (empty will do), "
            "correct its name, which counts from the folder of the ini file, or leave the option out."
        ) from error
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            found.append(ScheduleToken.parse(text))
        except BadTokenError as error:
            raise BadTokenError(f"{path}, line {number}: {error}") from error
    return tuple(found)
