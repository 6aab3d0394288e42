"""Put the operators of an expression together as Bicep does.

Role: the grammar of tree-sitter binds ``.name`` and ``[index]`` looser than any operator (``!a.b`` becomes ``(!a).b``),
so its nesting is not to be trusted; its tokens are. This reads them in order and nests them by Bicep's own precedence.
Called by: ``bicep_syntax``, for every node that is an operator or an access.
Calls: back into ``bicep_syntax`` for everything else (names, texts, arrays, calls, what is in brackets).
Invariant: the tokens are those of the source, in the order of the source; only their nesting is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import tree_sitter

from infra.bicep_nodes import Access, Binary, Expression, Index, Lambda, Ternary, Unary

__all__ = ["COMPOSITES", "nested"]

COMPOSITES = frozenset(
    {
        "binary_expression",
        "lambda_expression",
        "member_expression",
        "subscript_expression",
        "ternary_expression",
        "unary_expression",
    }
)
_LEVELS = ({"??"}, {"||"}, {"&&"}, {"==", "!=", "=~", "!~"}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "/", "%"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """An operand, an operator, or an access that follows an operand."""

    kind: str
    line: int
    node: tree_sitter.Node | None = None
    name: str = ""


def nested(node: tree_sitter.Node, operand: Callable[[tree_sitter.Node], Expression]) -> Expression:
    """Answer the expression that a composite node stands for; ``operand`` reads the nodes that are none."""
    reader = _Reader(list(_tokens(node)), operand)
    expression = reader.ternary()
    reader.expect_end()
    return expression


def _tokens(node: tree_sitter.Node) -> Iterator[_Token]:
    line = node.start_point.row + 1
    if node.type not in COMPOSITES:
        yield _Token(kind="operand", line=line, node=node)
        return
    safe = any(child.type == ".?" for child in node.children)
    for position, child in enumerate(node.children):
        if child.type == "comment":
            continue
        if node.type == "member_expression" and child.type == "property_identifier":
            yield _Token(kind="safe access" if safe else "access", line=line, name=_text(child))
        elif node.type == "subscript_expression" and position > 0:
            if child.is_named:
                yield _Token(kind="index", line=line, node=child)
        elif child.is_named:
            yield from _tokens(child)
        elif node.type not in ("member_expression", "subscript_expression"):
            unary = node.type == "unary_expression"
            yield _Token(kind="unary" if unary else "operator", line=line, name=child.type)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


class _Reader:
    """Reads tokens from the left, one precedence at a time."""

    def __init__(self, tokens: list[_Token], operand: Callable[[tree_sitter.Node], Expression]) -> None:
        self._tokens, self._operand, self._at = tokens, operand, 0

    def _next_is(self, kind: str, *names: str) -> bool:
        if self._at >= len(self._tokens):
            return False
        token = self._tokens[self._at]
        return token.kind == kind and (not names or token.name in names)

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def expect_end(self) -> None:
        if self._at != len(self._tokens):
            raise ValueError(f"line {self._tokens[self._at].line}: {self._tokens[self._at].name!r} has no place here")

    def ternary(self) -> Expression:
        condition = self._binary(0)
        if self._next_is("operator", "=>"):
            line = self._take().line
            return Lambda(line=line, argument=getattr(condition, "name", ""), body=self.ternary())
        if not self._next_is("operator", "?"):
            return condition
        self._take()
        yes = self.ternary()
        if not self._next_is("operator", ":"):
            raise ValueError(f"line {condition.line}: a condition without ':'")
        self._take()
        return Ternary(line=condition.line, condition=condition, yes=yes, no=self.ternary())

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._next_is("operator", *_LEVELS[level]):
            operator = self._take().name
            left = Binary(line=left.line, operator=operator, left=left, right=self._binary(level + 1))
        return left

    def _unary(self) -> Expression:
        if self._next_is("unary"):
            token = self._take()
            return Unary(line=token.line, operator=token.name, operand=self._unary())
        return self._accessed()

    def _accessed(self) -> Expression:
        token = self._take()
        if token.node is None:
            raise ValueError(f"line {token.line}: {token.name!r} has no place here")
        expression = self._operand(token.node)
        while self._next_is("access") or self._next_is("safe access") or self._next_is("index"):
            token = self._take()
            if token.node is not None:
                expression = Index(line=token.line, base=expression, index=self._operand(token.node))
            else:
                safe = token.kind == "safe access"
                expression = Access(line=token.line, base=expression, name=token.name, safe=safe)
        return expression
