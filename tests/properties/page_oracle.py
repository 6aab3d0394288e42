"""Another parser's opinion on a page's title.

Role: lexbor, an HTML parser in C that follows the standard of today, walked by the standard's rule for the title.
Called by: the suite ``properties``.
Calls: selectolax, which tells no namespaces, so that the walk derives them.
Invariant: shares no code with the app. It runs no scripts, so ``noscript`` is markup to it: ask it about pages without.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_SVG_WITH_HTML = frozenset({"foreignobject", "desc", "title"})
_MATH_WITH_HTML = frozenset({"mi", "mo", "mn", "ms", "mtext"})
_HTML_ANNOTATIONS = frozenset({"text/html", "application/xhtml+xml"})


def lexbor_title(page: str) -> str:
    """Return the title of a page."""
    root = LexborHTMLParser(page).root
    left: list[tuple[LexborNode, str]] = [(root, "html")] if root is not None else []
    while left:
        node, namespace = left.pop()
        tag = (node.tag or "").lower()
        if namespace == "html" and tag == "title":
            return re.sub("[\t\n\f\r ]+", " ", node.text(deep=False)).strip(" ")
        if namespace == "html" and tag == "template":
            continue
        children = []
        child = node.child
        while child is not None:
            if not (child.tag or "").startswith("-"):
                children.append((child, _namespace_in(node, namespace, (child.tag or "").lower())))
            child = child.next
        left += reversed(children)
    return ""


def _namespace_in(parent: LexborNode, namespace: str, child: str) -> str:
    tag = (parent.tag or "").lower()
    if namespace == "svg":
        holds_html = tag in _SVG_WITH_HTML
    elif namespace == "math":
        encoding = (parent.attributes.get("encoding") or "").lower()
        if tag == "annotation-xml" and encoding not in _HTML_ANNOTATIONS and child == "svg":
            return "svg"
        holds_html = (tag in _MATH_WITH_HTML and child not in ("mglyph", "malignmark")) or (
            tag == "annotation-xml" and encoding in _HTML_ANNOTATIONS
        )
    else:
        holds_html = True
    if not holds_html:
        return namespace
    return {"svg": "svg", "math": "math"}.get(child, "html")
