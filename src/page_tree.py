"""The tree of a page, as far as titles need it.

Role: html5lib's stack of open elements over nodes that keep their place and, in a title, their text; nothing else.
Called by: ``page_parser`` and, through it, html5lib.
Calls: html5lib.
Invariant: every operation takes a time that is paid for (``Work``), and none recurses: depth is the page's choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsIndex

from html5lib.constants import namespaces  # type: ignore[import-untyped]  # html5lib carries no types
from html5lib.treebuilders import base  # type: ignore[import-untyped]  # html5lib carries no types

from page_tokenizer import TooComplexError, Work

HTML: str = namespaces["html"]
MAX_NODES = 100_000
"""How many elements may be kept at once: open ones, and those with titles in them."""

_IMPLIED_END = frozenset({"dd", "dt", "li", "optgroup", "option", "p", "rb", "rp", "rt", "rtc"})
# Two scopes that html5lib 1.1 is too old to know: a template's, and a select's since it may hold any content.
_MORE_SCOPES = frozenset({(HTML, "template"), (HTML, "select")})


class PageNode:
    """An element: a link in the list of its parent's children, so that moving it never shifts others."""

    __slots__ = ("attributes", "first", "last", "name", "nameTuple", "namespace", "next", "parent", "previous", "text")

    def __init__(self, name: str | None, namespace: str | None) -> None:
        # html5lib often looks at a name alone; this keeps it from taking an SVG element for a table or for the root.
        self.name = name if namespace in (None, HTML) or name == "annotation-xml" else f":{name}"
        self.namespace = namespace
        self.nameTuple = (namespace or HTML, name)
        self.attributes: dict[Any, str] = {}
        self.parent: PageNode | None = None
        self.previous: PageNode | None = None
        self.next: PageNode | None = None
        self.first: PageNode | None = None
        self.last: PageNode | None = None
        self.text: list[str] | None = [] if name == "title" and namespace == HTML else None

    def appendChild(self, node: PageNode) -> None:
        """Put a node after the last child."""
        node.detach()
        node.parent, node.previous = self, self.last
        if self.last is None:
            self.first = node
        else:
            self.last.next = node
        self.last = node

    def insertBefore(self, node: PageNode, refNode: PageNode | None) -> None:
        """Put a node before one of the children."""
        if refNode is None or refNode.parent is not self:
            self.appendChild(node)
            return
        node.detach()
        node.parent, node.previous, node.next = self, refNode.previous, refNode
        if refNode.previous is None:
            self.first = node
        else:
            refNode.previous.next = node
        refNode.previous = node

    def removeChild(self, node: PageNode) -> None:
        """Take a child away."""
        node.detach()

    def reparentChildren(self, newParent: PageNode) -> None:
        """Give all children to another node."""
        while self.first is not None:
            newParent.appendChild(self.first)

    def insertText(self, data: str, insertBefore: PageNode | None = None) -> None:
        """Keep text in a title; no other text matters."""
        if self.text is not None:
            self.text.append(data)

    def cloneNode(self) -> PageNode:
        """Return the same element without place and children."""
        node = PageNode(self.nameTuple[1], self.namespace)
        node.attributes = self.attributes
        return node

    def hasContent(self) -> bool:
        """Tell whether a first line break still counts as leading: of no matter here, since text is not kept."""
        return True

    def detach(self) -> None:
        """Leave the parent."""
        if self.parent is None:
            return
        if self.previous is None:
            self.parent.first = self.next
        else:
            self.previous.next = self.next
        if self.next is None:
            self.parent.last = self.previous
        else:
            self.next.previous = self.previous
        self.parent = self.previous = self.next = None


class OpenElements(list[PageNode]):
    """The stack of open elements; what leaves it without a title in it leaves the tree too, and its memory."""

    def __init__(self, tree: PageTree, *nodes: PageNode) -> None:
        super().__init__(nodes)
        self._tree = tree

    def pop(self, index: SupportsIndex = -1) -> PageNode:
        """Close an element."""
        node = super().pop(index)
        self._tree.forget(node)
        return node

    def remove(self, node: PageNode) -> None:
        """Close an element that may have others in it."""
        super().remove(node)
        self._tree.forget(node)


class PageTree(base.TreeBuilder):  # type: ignore[misc]  # html5lib carries no types
    """The tree builder, without the parts that no title depends on."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._nodes = 0
        super().__init__(namespaceHTMLElements=True)

    def reset(self) -> None:
        """Begin a document."""
        super().reset()
        self.openElements = OpenElements(self)

    def forget(self, node: PageNode) -> None:
        """Take a closed element out of the tree if nothing in it matters; head may be opened again."""
        if node.first is None and node.text is None and node is not self.headPointer:
            node.detach()
            self._nodes -= 1

    def documentClass(self) -> PageNode:
        """Make the root."""
        return PageNode(None, None)

    def elementClass(self, name: str, namespace: str | None) -> PageNode:
        """Make an element."""
        self._nodes += 1
        self._work.spend(1)
        if self._nodes > MAX_NODES:
            raise TooComplexError
        return PageNode(name, namespace)

    def insertDoctype(self, token: dict[str, Any]) -> None:
        """Leave the doctype out."""

    def insertComment(self, token: dict[str, Any], parent: PageNode | None = None) -> None:
        """Leave comments out."""

    def elementInScope(self, target: Any, variant: str | None = None) -> bool:
        """Search the stack of open elements down to the nearest scope; html5lib's search fails at its bottom."""
        scopes, inverted = base.listElementsMap[variant]
        wanted = (HTML, target) if isinstance(target, str) else target
        for depth, node in enumerate(reversed(self.openElements), 1):
            is_found = node is wanted or node.nameTuple == wanted
            is_end = inverted ^ (node.nameTuple in scopes) or (variant != "table" and node.nameTuple in _MORE_SCOPES)
            if is_found or is_end:
                self._work.spend(depth // 8)
                return is_found
        self._work.spend(len(self.openElements) // 8)
        return False

    def reconstructActiveFormattingElements(self) -> None:
        """Open again what the end of a block closed; the search is paid for, since it compares two lists."""
        if self.activeFormattingElements:
            self._work.spend(len(self.openElements) // 16)
        super().reconstructActiveFormattingElements()

    def generateImpliedEndTags(self, exclude: str | None = None) -> None:
        """Close what needs no end tag. html5lib's own recurses once for each element."""
        while (name := self.openElements[-1].name) in _IMPLIED_END and name != exclude:
            self.openElements.pop()

    def titles(self) -> Iterator[PageNode]:
        """Yield the HTML titles in tree order."""
        node: PageNode | None = self.document
        while node is not None:
            if node.text is not None:
                yield node
            if node.first is not None:
                node = node.first
                continue
            while node is not None and node.next is None:
                node = node.parent
            node = node.next if node is not None else None
