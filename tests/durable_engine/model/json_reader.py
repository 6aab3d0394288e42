"""Reads JSON as the host's Newtonsoft reader does: beyond the standard, 64 levels at most, errors in its words.

Standard JSON is parsed by Python's own parser; the slow reader is for everything else, and for errors, which say where.
Invariant: a text that the host reads gives the value that the host reads, and one that it refuses raises.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["JsonMetadataError", "JsonReaderError", "first_json", "is_within_depth", "read_json", "read_object"]

MAX_DEPTH: Final = 64
_METADATA: Final = frozenset({"$ref", "$type", "$id"})
_LONGEST_INTEGER: Final = 380
_SPECIAL: Final = frozenset(".  '/\"[]()\t\n\r\f\b\\\u0085\u2028\u2029")
_SPACE: Final = " \t\r\n\v\f\u00a0\u0085\u2028\u2029\u3000"
_NUMBER: Final = re.compile(r"[-+0-9a-fA-FxX.]+")
_NAME: Final = re.compile(r"[\w$]+")
_WORD: Final = re.compile(r"-?[A-Za-z]+")
_WORDS: Final = {
    "true": True,
    "false": False,
    "null": None,
    "undefined": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_ESCAPES: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "\\": "\\", "'": "'", '"': '"', "/": "/"}
_ENDS_A_VALUE: Final = frozenset(",]}/" + _SPACE)


class JsonReaderError(ValueError):
    """A text that the host's reader refuses; ``str()`` is the reader's own message, with path, line and position."""

    exception_type = "JsonReaderException"
    """The name that the error has in .NET."""


class JsonMetadataError(JsonReaderError):
    """An object whose first members look like the reader's own, such as ``$ref``, and are not."""

    exception_type = "JsonSerializationException"


def read_json(text: str) -> Any:
    """The value of a text, which holds nothing else.

    Raises:
        JsonReaderError: the host would refuse it.
    """
    try:
        value = json.loads(text, parse_int=_integer)
        if is_within_depth(value):
            return value
    except (ValueError, RecursionError):
        pass
    reader = Reader(text)
    value = reader.value()
    reader.expect_end()
    return value


def read_object(text: str) -> Any:
    """The value of a text that the host turns into an object, where ``$ref``, ``$type`` and ``$id`` are its own.

    The outermost object's first members of these names are taken out; an object that only refers to another is None.

    Raises:
        JsonReaderError: the host would refuse it.
    """
    value = read_json(text)
    if not isinstance(value, dict) or next(iter(value), "") not in _METADATA:
        return value
    names = iter(value)
    own = set()
    for name in names:
        if name == "$ref":
            after = next(names, None)
            if after is None:
                return None
            reader = Reader(text)
            reader.value()
            raise reader.error_at_name(
                after,
                "Additional content found in JSON reference object. A JSON reference object should only have a "
                "$ref property.",
            )
        if name not in _METADATA:
            break
        own.add(name)
    return {name: item for name, item in value.items() if name not in own}


def first_json(text: str) -> Any:
    """The value at the start of a text. Where the host loads a stream, it reads no further: ``5 apples`` is 5."""
    return Reader(text).value()


def is_within_depth(value: object) -> bool:
    """Whether a parsed value has no more levels than the host reads."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return True
        level = [
            child
            for one in level
            for child in (one.values() if isinstance(one, dict) else one)
            if isinstance(child, dict | list)
        ]
    return not level


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise ValueError(digits)
    return int(digits)


class Reader:
    """One pass over one text. ``names_end`` is where the last name of each member of the outermost object ended."""

    def __init__(self, text: str) -> None:
        self.names_end: dict[str, int] = {}
        self._text, self._at = text, 0
        self._path: list[str | int] = []

    def value(self) -> Any:
        """The next value."""
        self._skip_space()
        letter = self._peek()
        if not letter:
            raise self.error("Error reading JToken from JsonReader.")
        if letter in "{[":
            return self._container(letter)
        if letter in "\"'":
            return self._quoted()
        if letter in "-.0123456789" and not self._text.startswith("-Infinity", self._at):
            return self._number()
        return self._word()

    def expect_end(self) -> None:
        """Nothing but space and comments may follow."""
        self._skip_space()
        if self._at < len(self._text):
            raise self.error(f"Additional text encountered after finished reading JSON content: {self._peek()}.")

    def error(self, message: str, *, at: int | None = None) -> JsonReaderError:
        """The error of this message at the place where the reader is."""
        before = self._text[: self._at if at is None else at]
        line = before.count("\n") + 1 if before else 0
        position = len(before) - (before.rfind("\n") + 1)
        return JsonReaderError(f"{message} Path '{self._path_text()}', line {line}, position {position}.")

    def error_at_name(self, name: str, message: str) -> JsonMetadataError:
        """The error of this message at a member of the outermost object that was read."""
        self._path = [name]
        return JsonMetadataError(str(self.error(message, at=self.names_end[name])))

    def _container(self, opening: str) -> dict[str, Any] | list[Any]:
        # A loop, not recursion: what is nested too deep must end in the reader's own error.
        root: list[Any] = []
        stack: list[Any] = []
        target: dict[str, Any] | list[Any] = root
        while True:
            if opening:
                self._at += 1
                inner: dict[str, Any] | list[Any] = {} if opening == "{" else []
                if len(stack) == MAX_DEPTH:
                    raise self.error(f"The reader's MaxDepth of {MAX_DEPTH} has been exceeded.")
                self._put(target, inner)
                stack.append(target)
                target = inner
                self._path.append(0 if opening == "[" else "")
                opening = ""
            else:
                self._after_a_value(target)
            self._skip_space()
            closing = "}" if isinstance(target, dict) else "]"
            if self._peek() == closing:
                self._at += 1
                self._path.pop()
                target = stack.pop()
                if not stack:
                    return root[0]  # type: ignore[no-any-return]  # the one container that was begun here
                continue
            if isinstance(target, dict):
                self._name(is_outermost=len(stack) == 1)
                self._skip_space()
            opening = self._peek() if self._peek() in ("{", "[") else ""
            if not opening:
                self._put(target, None if self._peek() == "," else self.value())

    def _put(self, target: dict[str, Any] | list[Any], value: object) -> None:
        if isinstance(target, dict):
            target[str(self._path[-1])] = value
        else:
            target.append(value)

    def _after_a_value(self, target: dict[str, Any] | list[Any]) -> None:
        """What stands between two values; a comma may also stand after the last one."""
        self._skip_space()
        letter = self._peek()
        if letter == ",":
            self._at += 1
            if isinstance(target, list):
                self._path[-1] = len(target)
        elif not letter:
            raise self.error(f"Unexpected end of content while loading {_kind(target)}.")
        elif letter != ("}" if isinstance(target, dict) else "]"):
            raise self.error(f"After parsing a value an unexpected character was encountered: {letter}.")

    def _name(self, *, is_outermost: bool) -> None:
        letter = self._peek()
        if letter and letter in "\"'":
            name = self._quoted()
        elif found := _NAME.match(self._text, self._at):
            name = found[0]
            self._at = found.end()
        elif not letter:
            raise self.error("Unexpected end of content while loading JObject.")
        else:
            raise self.error(f"Invalid property identifier character: {letter}.")
        self._skip_space()
        if self._peek() != ":":
            raise self.error(f"Invalid character after parsing property name. Expected ':' but got: {self._peek()}.")
        self._at += 1
        self._path[-1] = name
        if is_outermost:
            self.names_end[name] = self._at

    def _quoted(self) -> str:
        quote, start, parts = self._peek(), self._at, []
        self._at += 1
        ends = re.compile(r"[\\" + quote + "]")
        while found := ends.search(self._text, self._at):
            parts.append(self._text[self._at : found.start()])
            self._at = found.end()
            if found[0] == quote:
                return "".join(parts)
            parts.append(self._escape())
        self._at = len(self._text)
        raise self.error(f"Unterminated string. Expected delimiter: {quote}.", at=start)

    def _escape(self) -> str:
        letter = self._peek()
        self._at += 1
        if letter != "u":
            if letter in _ESCAPES:
                return _ESCAPES[letter]
            raise self.error(f"Bad JSON escape sequence: \\{letter}.")
        digits = self._text[self._at : self._at + 4]
        try:
            code = int(digits, 16)
        except ValueError as error:
            raise self.error(f"Invalid Unicode escape sequence: \\u{digits}.") from error
        self._at += 4
        following = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})").match(self._text, self._at)
        if 0xD800 <= code < 0xDC00 and following:
            self._at = following.end()
            return chr(0x10000 + ((code - 0xD800) << 10) + int(following[1], 16) - 0xDC00)
        return chr(code)

    def _number(self) -> int | float:
        found = _NUMBER.match(self._text, self._at)
        digits = found[0] if found else ""
        self._at += len(digits)
        if self._peek() and self._peek() not in _ENDS_A_VALUE:
            letter = self._peek()
            raise self.error(f"Unexpected character encountered while parsing number: {letter}.")
        try:
            if digits[:2] in ("0x", "0X"):
                return int(digits, 16)
            if len(digits) > 1 and digits[0] == "0" and digits[1] not in ".eE":
                return int(digits, 8)
            if digits.lstrip("-").isdecimal():
                if len(digits) > _LONGEST_INTEGER:
                    raise self.error(f"JSON integer {digits} is too large to parse.")
                return int(digits)
            return float(digits)
        except JsonReaderError:
            raise
        except ValueError as error:
            raise self.error(f"Input string '{digits}' is not a valid number.") from error

    def _word(self) -> Any:
        found = _WORD.match(self._text, self._at)
        word = found[0] if found else ""
        after = self._at + len(word)
        if word in _WORDS and (after == len(self._text) or self._text[after] in _ENDS_A_VALUE):
            self._at = after
            return _WORDS[word]
        raise self.error(f"Unexpected character encountered while parsing value: {self._peek()}.")

    def _skip_space(self) -> None:
        text = self._text
        while self._at < len(text):
            if text[self._at] in _SPACE:
                self._at += 1
            elif text.startswith("//", self._at):
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            elif text.startswith("/*", self._at):
                end = text.find("*/", self._at + 2)
                if end < 0:
                    self._at = len(text)
                    raise self.error("Unexpected end while parsing comment.")
                self._at = end + 2
            else:
                return

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _path_text(self) -> str:
        out = ""
        for step in self._path:
            if isinstance(step, int):
                out += f"[{step}]"
            elif step == "":
                continue
            elif _SPECIAL.isdisjoint(step):
                out += f".{step}" if out else step
            else:
                out += f"['{step}']"
        return out


def _kind(target: dict[str, Any] | list[Any]) -> str:
    return "JObject" if isinstance(target, dict) else "JArray"
