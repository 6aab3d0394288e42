"""html5lib's tokenizer, made to stop in time.

Role: turn a page's text into tokens, count what they cost, and end as soon as nobody needs more of them.
Called by: ``page_parser``.
Calls: html5lib.
Invariant: a page costs a bounded number of steps, whatever is in it. html5lib glues a name, a comment or an attribute
together piece by piece and compares every attribute of a tag with all others, so that 2 MB in one tag would take hours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from html5lib import _inputstream, _tokenizer  # type: ignore[import-untyped]  # html5lib carries no types
from html5lib.constants import EOF, replacementCharacters, tokenTypes  # type: ignore[import-untyped]  # as above

MAX_WORK = 5_000_000
"""What one page may cost, in steps of the tokenizer; a step takes about a microsecond."""

_STEPS_PER_SAMPLE = 64
_DIGITS = frozenset("0123456789")
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


class TooComplexError(Exception):
    """The page would cost more than ``MAX_WORK``; never leaves ``page_title``."""


class Work:
    """The steps that a page has cost so far."""

    def __init__(self, limit: int = MAX_WORK) -> None:
        self._left = limit

    def spend(self, steps: int) -> None:
        """Count some steps; raise when there were too many."""
        self._left -= steps
        if self._left < 0:
            raise TooComplexError


class TokenFilter(Protocol):
    """What the parser does with a token around its own processing."""

    work: Work

    def before(self, token: dict[str, Any]) -> Iterable[dict[str, Any]]:
        """Yield the tokens to process in the place of this one."""

    def is_done_after(self, token: dict[str, Any]) -> bool:
        """Tell whether the rest of the page does not matter."""

    def finish(self) -> None:
        """Be told that no more tokens come."""


class PageStream(_inputstream.HTMLUnicodeInputStream):  # type: ignore[misc]  # html5lib carries no types
    """Decoded text for the tokenizer; a meta element may still name another encoding while ours is a guess."""

    def __init__(self, source: Any, *, is_final: bool) -> None:
        super().__init__(source)
        self.reportCharacterErrors = None  # nobody reads them, and they would be kept
        self.charEncoding = (None, "certain" if is_final else "tentative")


class PageTokenizer(_tokenizer.HTMLTokenizer):  # type: ignore[misc]  # html5lib carries no types
    """The tokenizer, with a bound, a filter and three repairs."""

    def __init__(self, stream: PageStream, parser: TokenFilter) -> None:
        self.stream = stream
        self.parser = parser
        self.escapeFlag = False
        self.lastFourChars: list[str] = []
        self.state = self.dataState
        self.escape = False
        self.currentToken: Any = None
        self.temporaryBuffer = ""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield tokens until the page ends, or its title is certain."""
        self.tokenQueue: deque[dict[str, Any]] = deque()
        parse_error = tokenTypes["ParseError"]
        work = self.parser.work
        steps = 0
        while self.state():
            steps += 1
            if steps == _STEPS_PER_SAMPLE:
                work.spend(_STEPS_PER_SAMPLE * (1 + self._unfinished_size() // 4096))
                steps = 0
            while self.tokenQueue:
                token = self.tokenQueue.popleft()
                if token["type"] == parse_error:
                    continue
                yield from self.parser.before(token)
                if self.parser.is_done_after(token):
                    self.parser.finish()
                    return
        self.parser.finish()

    def _unfinished_size(self) -> int:
        """Return how much a further piece of the token in work costs, in characters that are copied."""
        size = 8 * len(self.temporaryBuffer)  # compared in lower case at every step
        if (token := self.currentToken) is None:
            return size
        size += sum(len(token.get(part) or "") for part in ("name", "publicId", "systemId"))
        data = token.get("data")
        if isinstance(data, list):  # the attributes of a tag: the last one grows, and is compared with all others
            return size + 128 * len(data) + (len(data[-1][0]) + len(data[-1][1]) if data else 0)
        return size + (len(data) if isinstance(data, str) else 0)

    def consumeNumberEntity(self, isHex: bool) -> str:
        """Read a numeric reference of any length. html5lib's own fails on 4,301 digits, Python's limit for ``int``."""
        allowed, radix = (_HEX_DIGITS, 16) if isHex else (_DIGITS, 10)
        number = 0
        character = self.stream.char()
        while character is not EOF and character in allowed:
            number = min(number * radix + int(character, radix), 0x110000)
            character = self.stream.char()
        if character != ";":
            self.stream.unget(character)
        if number in replacementCharacters:
            replacement: str = replacementCharacters[number]
            return replacement
        return "\ufffd" if 0xD800 <= number <= 0xDFFF or number > 0x10FFFF else chr(number)
