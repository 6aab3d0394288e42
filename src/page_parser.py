"""The parser: html5lib, which knows no templates, with templates, and with an end before the page's end.

Role: a tree builder for BeautifulSoup that reads a page only until its title is certain, and keeps only that.
Called by: ``page_title``.
Calls: html5lib through ``page_tokenizer``, ``page_phases`` and ``page_tree``.
Invariant: the title found is the one that a parse of the whole page would find: the first title that is a child of
``head`` cannot be displaced by what follows. Elsewhere (a table may move a later title before an earlier one, a late
frameset may remove the body) the page is read to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import html5lib  # type: ignore[import-untyped]  # html5lib carries no types
from bs4.builder import HTMLTreeBuilder
from html5lib.constants import (  # type: ignore[import-untyped]  # as above
    asciiUpper2Lower,
    htmlIntegrationPointElements,
    mathmlTextIntegrationPointElements,
    namespaces,
    tokenTypes,
)
from html5lib.treebuilders.base import ActiveFormattingElements  # type: ignore[import-untyped]  # as above

from page_phases import InBody, InForeignContent, InHead
from page_text import PageText
from page_tokenizer import PageStream, PageTokenizer, TooComplexError, Work
from page_tree import HTML, OpenElements, PageNode, PageTree

_START, _END = tokenTypes["StartTag"], tokenTypes["EndTag"]
_BEFORE_HEAD = ("initial", "beforeHtml", "beforeHead")
_FRAMES = ("inFrameset", "afterFrameset", "afterAfterFrameset")
_ANNOTATION = (namespaces["mathml"], "annotation-xml")
_HTML_ANNOTATIONS = frozenset({"text/html", "application/xhtml+xml"})
_IN_ANY_TEMPLATE = frozenset(
    {"base", "basefont", "bgsound", "link", "meta", "noframes", "script", "style", "template", "title"}
)
_MODES = {
    "body": "inBody",
    "caption": "inCaption",
    "colgroup": "inColumnGroup",
    "frameset": "inFrameset",
    "table": "inTable",
    "tbody": "inTableBody",
    "td": "inCell",
    "tfoot": "inTableBody",
    "th": "inCell",
    "thead": "inTableBody",
    "tr": "inRow",
}


@dataclass(slots=True, kw_only=True)
class _OutsideTemplate:
    """The state that a template's end brings back, and what the template's first tag allows in it."""

    open_elements: OpenElements
    formatting_elements: ActiveFormattingElements
    phase: Any
    content: str | None = None


class PageParser(html5lib.HTMLParser):  # type: ignore[misc]  # html5lib carries no types
    """The parser, with its token filter (``page_tokenizer.TokenFilter``)."""

    def __init__(self, text: PageText, *, whole: bool) -> None:
        self.work = Work()
        super().__init__(lambda _: PageTree(self.work))
        self.phases["inHead"] = InHead(self, self.tree)
        self.phases["inBody"] = InBody(self, self.tree)
        self.phases["inForeignContent"] = InForeignContent(self, self.tree)
        self._text = text
        self._whole = whole or not text.is_final
        self.innerHTML: str | bool = False
        self._outside: list[_OutsideTemplate] = []

    def title(self) -> str | None:
        """Return the text of the first title, or None without one."""
        self.innerHTMLMode = False
        self.scripting = True
        self.tokenizer = PageTokenizer(PageStream(self._text, is_final=self._text.is_final), self)
        self.reset()
        self.mainLoop()
        title = next(self.tree.titles(), None)
        return None if title is None else "".join(title.text or ())

    def parseError(self, errorcode: str = "", datavars: Any = None) -> None:
        """Keep no list of errors: a page may hold a million."""

    def is_foreign(self, node: PageNode) -> bool:
        """Tell whether a node's content is SVG or MathML."""
        return not (
            node.namespace == HTML or self.isHTMLIntegrationPoint(node) or self.isMathMLTextIntegrationPoint(node)
        )

    def before(self, token: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Pay for a token, and keep templates and their content away from the document."""
        depth = len(self.tree.openElements)
        self.work.spend(1 + (depth + len(self.tree.activeFormattingElements)) // 8)
        if token["type"] == _START and token["name"] == "template":
            if not (depth and self.is_foreign(self.tree.openElements[-1])):
                yield from self._enter_template()
                return
        elif token["type"] == _END and token["name"] == "template" and not self._closes_foreign_template():
            self._leave_template()
            return
        if not (self._outside and self._is_only_columns(token)):
            yield token

    def is_done_after(self, token: dict[str, Any]) -> bool:
        """Tell whether a title in head was just completed."""
        if self._whole or token["type"] != _END or token["name"] != "title":
            return False
        head = self.tree.headPointer
        return head is not None and head.last is not None and head.last.text is not None

    def finish(self) -> None:
        """Let the end of the page find a phase where it does nothing: no title comes from it, and others assert."""
        self.phase = self.phases["inBody"]

    def flush_table_text(self) -> None:
        """Put text that waits for the next token of a table where it belongs."""
        if self.phase is self.phases["inTableText"]:
            self.phase.flushCharacters()
            self.phase = self.phase.originalPhase

    def isHTMLIntegrationPoint(self, element: PageNode) -> bool:
        """Tell whether a foreign element's content is HTML."""
        if element.nameTuple == _ANNOTATION:
            return element.attributes.get("encoding", "").translate(asciiUpper2Lower) in _HTML_ANNOTATIONS
        return element.nameTuple in htmlIntegrationPointElements

    def isMathMLTextIntegrationPoint(self, element: PageNode) -> bool:
        """Tell whether a MathML element's content is HTML but for two elements."""
        return element.nameTuple in mathmlTextIntegrationPointElements

    def resetInsertionMode(self) -> None:
        """Choose the phase that the stack asks for, as after a table."""
        for node in reversed(self.tree.openElements):
            if node.namespace == HTML and node.name in _MODES:
                self.phase = self.phases[_MODES[node.name]]
                return
        self.phase = self.phases["inBody"]

    def _enter_template(self) -> Iterator[dict[str, Any]]:
        if any(self.phase is self.phases[name] for name in _FRAMES):
            return
        if any(self.phase is self.phases[name] for name in _BEFORE_HEAD):
            # Makes html and head, as the template itself would; an element without content, and not a title.
            yield {"type": _START, "name": "link", "data": {}, "selfClosing": False, "selfClosingAcknowledged": False}
        self.flush_table_text()
        if self.phase in (self.phases["afterBody"], self.phases["afterAfterBody"]):
            self.phase = self.phases["inBody"]
        self.framesetOK = False
        self._outside.append(
            _OutsideTemplate(
                open_elements=self.tree.openElements,
                formatting_elements=self.tree.activeFormattingElements,
                phase=self.phase,
            )
        )
        self.tree.openElements = OpenElements(self.tree, self.tree.elementClass("template", HTML))
        self.tree.activeFormattingElements = ActiveFormattingElements()
        self.phase = self.phases["inBody"]
        self.innerHTML = "template"

    def _leave_template(self) -> None:
        if not self._outside:
            return
        outside = self._outside.pop()
        self.tree.openElements = outside.open_elements
        self.tree.activeFormattingElements = outside.formatting_elements
        self.phase = outside.phase
        self.phases["inTableText"].characterTokens = []
        self.innerHTML = "template" if self._outside else False

    def _is_only_columns(self, token: dict[str, Any]) -> bool:
        """Tell whether a template began with ``col``: all but more of them is ignored then, start of raw text too."""
        template = self._outside[-1]
        if template.content is None and token["type"] == _START and token["name"] not in _IN_ANY_TEMPLATE:
            template.content = token["name"]
        return template.content == "col"

    def _closes_foreign_template(self) -> bool:
        for node in reversed(self.tree.openElements):
            if node.namespace == HTML:
                return False
            if node.nameTuple[1] == "template":
                return True
        return False


class TitleTreeBuilder(HTMLTreeBuilder):
    """BeautifulSoup's builder of a document that holds a page's title, and nothing else of the page."""

    NAME = "page title"
    features: Iterable[str] = ()

    def __init__(self, text: PageText, *, whole: bool = False) -> None:
        super().__init__()
        self._text = text
        self._whole = whole
        self.is_too_complex = False

    def prepare_markup(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, None, None, bool]]:
        """Begin, once: the page is read from the text given to the builder."""
        yield "", None, None, False

    def feed(self, markup: str | bytes) -> None:
        """Parse the page, and put its title into the document."""
        try:
            title = PageParser(self._text, whole=self._whole).title()
        except TooComplexError:
            self.is_too_complex = True
            return
        if title is not None and self.soup is not None:
            self.soup.handle_starttag("title", HTML, None, {})
            self.soup.handle_data(title)
            self.soup.handle_endtag("title")
