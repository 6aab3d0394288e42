"""The phases of html5lib's parser that today's HTML standard reads differently.

Role: what became of head, body and foreign content since 2020, when html5lib 1.1 was made.
Called by: ``page_parser``, which puts them in the place of html5lib's own.
Calls: html5lib, whose classes they extend, and ``page_encoding`` for meta elements.
Invariant: only that differs from html5lib on which the place or the text of a title can depend.

Repaired: content of ``select`` (any is allowed since 2025), ``isindex`` and ``command`` (ordinary elements now),
``</p>`` and ``</br>`` in SVG, elements that became special, meta elements with a charset that nobody knows.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from html5lib import html5parser  # type: ignore[import-untyped]  # html5lib carries no types
from html5lib._utils import MethodDispatcher  # type: ignore[import-untyped]  # as above
from html5lib.constants import asciiUpper2Lower, namespaces  # type: ignore[import-untyped]  # as above

from page_encoding import declared_encoding
from page_tree import HTML

_PHASES: dict[str, Any] = html5parser.getPhases(False)
InHeadOfHtml5lib: Any = _PHASES["inHead"]
InBodyOfHtml5lib: Any = _PHASES["inBody"]
InForeignContentOfHtml5lib: Any = _PHASES["inForeignContent"]
_NOW_SPECIAL = frozenset(
    {(HTML, name) for name in ("figcaption", "hgroup", "keygen", "main", "search", "source", "summary", "track")}
    | {(namespaces["svg"], name) for name in ("desc", "title")}
    | {(namespaces["mathml"], name) for name in ("annotation-xml", "mi", "mn", "mo", "ms", "mtext")}
)
_NO_LONGER_SPECIAL = frozenset((HTML, name) for name in ("command", "image", "isindex"))


class EncodingFoundError(Exception):
    """A meta element names the encoding after decoding began with a guess; ``page_title`` begins anew."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding)
        self.encoding = encoding


class InHead(InHeadOfHtml5lib):  # type: ignore[misc]  # html5lib carries no types
    __slots__ = ()

    def processStartTag(self, token: dict[str, Any]) -> Any:
        if token["name"] == "command":
            return self.startTagOther(token)
        if token["name"] != "meta":
            return super().processStartTag(token)
        self.tree.insertElement(token)
        self.tree.openElements.pop()
        token["selfClosingAcknowledged"] = True
        if self.parser.tokenizer.stream.charEncoding[1] == "tentative":
            encoding = declared_encoding(token["data"])
            if encoding is not None:
                raise EncodingFoundError(encoding)
        return None


def _with_special_elements(function: Any) -> FunctionType:
    """Copy a function of html5lib so that it knows the elements that became special since."""
    special = (function.__globals__["specialElements"] | _NOW_SPECIAL) - _NO_LONGER_SPECIAL
    names = {**function.__globals__, "specialElements": special}
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


def _dispatcher(handlers: MethodDispatcher, *replacements: Any) -> MethodDispatcher:
    """Copy a table of html5lib with other functions of the same names in it."""
    by_name = {function.__name__: function for function in replacements}
    copy = MethodDispatcher()
    copy.update((tag, by_name.get(function.__name__, function)) for tag, function in handlers.items())
    copy.default = by_name.get(handlers.default.__name__, handlers.default)
    return copy


class InBody(InBodyOfHtml5lib):  # type: ignore[misc]  # html5lib carries no types
    __slots__ = ()

    startTagListItem = _with_special_elements(InBodyOfHtml5lib.startTagListItem)
    _adopt = _with_special_elements(InBodyOfHtml5lib.endTagFormatting)
    endTagOther = _with_special_elements(InBodyOfHtml5lib.endTagOther)

    def endTagFormatting(self, token: dict[str, Any]) -> None:
        self.parser.work.spend(12 + (len(self.tree.openElements) + len(self.tree.activeFormattingElements)) // 2)
        self._adopt(token)

    startTagHandler = _dispatcher(vars(InBodyOfHtml5lib)["startTagHandler"], startTagListItem)
    endTagHandler = _dispatcher(vars(InBodyOfHtml5lib)["endTagHandler"], endTagFormatting, endTagOther)

    def addFormattingElement(self, token: dict[str, Any]) -> None:
        self.parser.work.spend(len(self.tree.activeFormattingElements))
        super().addFormattingElement(token)

    def processStartTag(self, token: dict[str, Any]) -> Any:
        name = token["name"]
        if name in ("select", "input") and self.tree.elementInScope("select"):
            self._close_select()
            if name == "select":
                return None
        if name == "select":
            self.parser.framesetOK = False
        if name in ("select", "isindex", "command"):
            return self.startTagOther(token)
        return super().processStartTag(token)

    def processEndTag(self, token: dict[str, Any]) -> Any:
        if token["name"] == "br":
            self.parser.framesetOK = False
        if token["name"] != "select":
            return super().processEndTag(token)
        if self.tree.elementInScope("select"):
            self._close_select()
        return None

    def _close_select(self) -> None:
        while self.tree.openElements.pop().nameTuple != (HTML, "select"):
            pass


class InForeignContent(InForeignContentOfHtml5lib):  # type: ignore[misc]  # html5lib carries no types
    __slots__ = ()

    def processEndTag(self, token: dict[str, Any]) -> Any:
        if token["name"] in ("p", "br"):
            while self.parser.is_foreign(self.tree.openElements[-1]):
                self.tree.openElements.pop()
            return self.parser.phase.processEndTag(token)
        for node in reversed(self.tree.openElements):
            if node.namespace == HTML:
                return self.parser.phase.processEndTag(token)
            self.parser.work.spend(1)
            if node.nameTuple[1].translate(asciiUpper2Lower) == token["name"]:
                self.parser.flush_table_text()
                while self.tree.openElements.pop() is not node:
                    pass
                break
        return None
