"""Read Bicep text into nodes, and have a second, independent parser read it too.

Role: the only place that knows how the parsers name things.
Called by: ``bicep_deployment``, ``bicep_symbols`` and the parser check.
Calls: tree-sitter with its Bicep grammar (keeps identifiers and strings apart), ``bicep_precedence`` for operators, and
pycep (stricter about statements).
Invariant: equal text, equal declarations; text that a parser refuses, or that only looks right to them, is never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import tree_sitter
import tree_sitter_bicep
from pycep import BicepParser

from infra.bicep_nodes import (
    ArrayNode,
    Call,
    Declaration,
    Expression,
    Kind,
    Literal,
    Loop,
    Name,
    ObjectNode,
    Property,
    Text,
)
from infra.bicep_precedence import COMPOSITES, nested

__all__ = ["BicepSyntaxError", "declarations", "syntax_faults"]

_ESCAPES = {"\\'": "'", "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\$": "$"}
_STATEMENTS: dict[str, Kind] = {
    "target_scope_assignment": "targetScope",
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


class BicepSyntaxError(ValueError):
    """A construct that is no Bicep, or none that this reader knows."""

    def __init__(self, message: str, *, line: int) -> None:
        self.line = line
        super().__init__(f"line {line}: {message}")


@lru_cache(maxsize=1)
def _tree_sitter() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


@lru_cache(maxsize=1)
def _pycep() -> BicepParser:
    return BicepParser()


@lru_cache(maxsize=1024)
def syntax_faults(text: str) -> tuple[str, ...]:
    """Answer why either parser refuses the text, or what both let through although Bicep does not."""
    root = _tree_sitter().parse(text.encode()).root_node
    faults = [f"tree-sitter refuses line {_line(node)}" for node in _broken(root)][:1]
    try:
        _pycep().parse(text=text)
    except Exception as refusal:  # pycep raises lark's many errors, and plain ones from its transformer
        faults.append(f"pycep refuses it: {str(refusal).splitlines()[0]}")
    if not faults:
        faults.extend(_glued(root))
    return tuple(faults)


@lru_cache(maxsize=1024)
def declarations(text: str) -> tuple[Declaration, ...]:
    """Answer the statements of a file that both parsers accept."""
    found = []
    decorators: dict[str, tuple[Expression, ...]] = {}
    for node in _tree_sitter().parse(text.encode()).root_node.named_children:
        if node.type == "decorators":
            decorators = dict(_decorator(each) for each in node.named_children)
        elif node.type != "comment":
            found.append(_declaration(node, decorators))
            decorators = {}
    return tuple(found)


def _broken(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    if node.is_error or node.is_missing:
        yield node
    elif node.has_error:
        for child in node.children:
            yield from _broken(child)


def _glued(node: tree_sitter.Node) -> Iterator[str]:
    """Find neighbours in an array or object that share a line without a comma: the parsers allow it, Bicep does not."""
    if node.type in ("array", "object"):
        for left, right in zip(node.children, node.children[1:], strict=False):
            same_line = left.end_point.row == right.start_point.row
            if left.is_named and right.is_named and same_line and "comment" not in (left.type, right.type):
                yield f"line {_line(right)}: a comma or a new line is missing before {_text(right)!r}"
    for child in node.children:
        yield from _glued(child)


def _line(node: tree_sitter.Node) -> int:
    return node.start_point.row + 1


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def _inner(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _field(node: tree_sitter.Node, name: str) -> tree_sitter.Node:
    child = node.child_by_field_name(name)
    if child is None:
        raise BicepSyntaxError(f"a {node.type} without its {name}", line=_line(node))
    return child


def _decorator(node: tree_sitter.Node) -> tuple[str, tuple[Expression, ...]]:
    call = _expression(node.named_children[0])
    if not isinstance(call, Call):
        raise BicepSyntaxError(f"decorator {_text(node)!r} is no call", line=_line(node))
    return call.name, call.arguments


def _declaration(node: tree_sitter.Node, decorators: dict[str, tuple[Expression, ...]]) -> Declaration:
    kind = _STATEMENTS.get(node.type)
    if kind is None:
        raise BicepSyntaxError(
            f"the checks do not know the statement {node.type!r}: teach bicep_syntax", line=_line(node)
        )
    parts = _inner(node)
    if kind == "targetScope":
        return Declaration(line=_line(node), kind=kind, name=kind, value=_expression(parts[0]))

    name, rest = _text(parts[0]), parts[1:]
    declared_type = target = None
    condition: Expression | None = None
    if rest and rest[0].type == "type":
        declared_type, rest = _text(rest[0]), rest[1:]
    elif kind in ("resource", "module"):
        target, rest = _text(rest[0]).strip("'"), rest[1:]
    if rest and rest[0].type == "if_statement":
        guard, body = _inner(rest[0])
        condition, rest = _expression(guard), [body]
    return Declaration(
        line=_line(node),
        kind=kind,
        name=name,
        value=_expression(rest[0]) if rest else None,
        type=declared_type,
        target=target,
        existing=any(child.type == "existing" for child in node.children),
        condition=condition,
        decorators=decorators,
    )


def _expression(node: tree_sitter.Node) -> Expression:
    line, parts = _line(node), _inner(node)
    if node.type in COMPOSITES:
        try:
            return nested(node, _expression)
        except ValueError as wrong:
            raise BicepSyntaxError(str(wrong), line=line) from wrong
    match node.type:
        case "identifier":
            return Name(line=line, name=_text(node))
        case "number":
            return Literal(line=line, value=int(_text(node)))
        case "boolean":
            return Literal(line=line, value=_text(node) == "true")
        case "null":
            return Literal(line=line, value=None)
        case "string":
            return _string(node)
        case "parenthesized_expression":
            return _expression(parts[0])
        case "call_expression":
            arguments = tuple(_expression(each) for each in _inner(_field(node, "arguments")))
            return Call(line=line, name=_text(_field(node, "function")), arguments=arguments)
        case "array":
            return ArrayNode(line=line, items=tuple(_expression(each) for each in parts))
        case "object":
            return ObjectNode(line=line, properties=tuple(_property(each) for each in parts))
        case "for_statement":
            return _loop(node)
        case _:
            raise BicepSyntaxError(f"the checks do not know {node.type!r} here: teach bicep_syntax", line=line)


def _string(node: tree_sitter.Node) -> Text:
    """Read a string piece by piece; what lies between two pieces belongs to it too (the grammar drops an escaped $)."""
    parts: list[str | Expression] = []
    plain, whole = "", node.text or b""
    end = len(node.children[0].text or b"")
    for child in node.children[1:]:
        plain += whole[end : child.start_byte - node.start_byte].decode().replace("\\$", "$")
        end = child.end_byte - node.start_byte
        if child.type == "interpolation":
            parts.extend([plain] if plain else [])
            parts.append(_expression(_inner(child)[0]))
            plain = ""
        elif child.is_named:
            plain += _plain(child)
    return Text(line=_line(node), parts=(*parts, plain) if plain else tuple(parts))


def _plain(node: tree_sitter.Node) -> str:
    text = _text(node)
    if node.type != "escape_sequence":
        return text
    if text not in _ESCAPES:
        raise BicepSyntaxError(f"unknown escape {text!r}", line=_line(node))
    return _ESCAPES[text]


def _property(node: tree_sitter.Node) -> Property:
    if node.type != "object_property":
        raise BicepSyntaxError(f"{node.type!r} inside an object: teach bicep_syntax", line=_line(node))
    key, value = _inner(node)
    named = _string(key) if key.type == "string" else Text(line=_line(key), parts=(_text(key),))
    return Property(line=_line(node), key=named, value=_expression(value))


def _loop(node: tree_sitter.Node) -> Loop:
    parts = _inner(node)
    item, position = _text(parts[0]), None
    if parts[0].type == "for_loop_parameters":
        item, position = (_text(each) for each in _inner(parts[0]))
    body = _expression(_field(node, "body"))
    return Loop(line=_line(node), item=item, position=position, items=_expression(parts[1]), body=body)
