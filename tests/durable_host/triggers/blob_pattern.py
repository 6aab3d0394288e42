"""Blob patterns: which blobs a trigger's path means, and what its ``{names}`` are for one of them.

Invariant: a path that is a container alone means every blob in it.
"""

from __future__ import annotations

import re
from typing import Final

from durable_host.bindings.expressions import SettingError

__all__ = ["BlobPattern"]

_CONTAINER: Final = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*|\$(root|web|logs)")
_PART: Final = re.compile(r"\{([^{}]+)\}")


class BlobPattern:
    """One trigger's path, such as ``samples/{name}.txt``; SettingError where it cannot be read."""

    def __init__(self, path: str) -> None:
        without = _PART.sub("", path)
        for sign, word, position in (("{", "closing", path.rfind("{")), ("}", "opening", path.find("}"))):
            if sign in without:
                raise _invalid(f"Invalid template '{path}'. Missing {word} bracket at position {position + 1}.")
        self.container, slash, blob = path.strip("/").partition("/")
        if "{" in self.container:
            raise _invalid(f"Invalid blob trigger path '{path}'. Container paths cannot contain {{resolvers}}.")
        if not _CONTAINER.fullmatch(self.container):
            error = SettingError(f"Invalid container name: {self.container}")
            error.add_note("Write 3 to 63 lower-case letters, digits and single dashes.")
            raise error
        parts = _PART.split(blob) if slash else ["", "", ""]
        literals, self._names = parts[::2], parts[1::2]
        expression = "(.+)".join(re.escape(text) for text in literals)
        self._expression = re.compile(expression, re.DOTALL)
        if not slash:
            self._names = []

    def match(self, blob: str) -> dict[str, str] | None:
        """The values of the pattern's names for a blob, None where it does not fit."""
        found = self._expression.fullmatch(blob)
        return dict(zip(self._names, found.groups(), strict=False)) if found else None


def _invalid(text: str) -> SettingError:
    error = SettingError(text)
    error.add_note("The path is container/blob, and {name} stands for a part of the blob's name.")
    return error
