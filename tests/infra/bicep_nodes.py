"""The shapes that a Bicep file is read into: expressions and declarations.

Role: a small tree that keeps what a check needs (an identifier is not a string, every node knows its line).
Called by: ``bicep_syntax``, which builds it; ``bicep_symbols`` and ``bicep_expressions``, which walk it.
Calls: nothing.
Invariant: nodes are values; nothing changes one after it was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf

__all__ = [
    "Access",
    "ArrayNode",
    "Binary",
    "Call",
    "Declaration",
    "Expression",
    "Index",
    "Lambda",
    "Literal",
    "Loop",
    "Name",
    "ObjectNode",
    "Property",
    "Ternary",
    "Text",
    "Unary",
    "children_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every expression has: the line where it begins."""

    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    """A number, true, false or null."""

    value: int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Node):
    """A string, with expressions between its plain pieces."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """An identifier: a symbol of the file, a loop variable or a lambda's argument."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Node):
    """``base.name``, ``base!.name`` or ``base.?name``."""

    base: Expression
    name: str
    safe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Node):
    """``base[index]``."""

    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """``name(arguments)``."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayNode(Node):
    """``[a, b]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Property(Node):
    """One ``key: value`` of an object; the key is a string that may hold expressions."""

    key: Text
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNode(Node):
    """``{ key: value }``."""

    properties: tuple[Property, ...]

    def get(self, key: str) -> Expression | None:
        """Answer the value of a plain key."""
        return next((each.value for each in self.properties if each.key.parts == (key,)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Node):
    """``[for item in items: body]``, or ``[for (item, position) in items: body]``."""

    item: str
    position: str | None
    items: Expression
    body: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Ternary(Node):
    """``condition ? yes : no``."""

    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    """``left operator right``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    """``!operand`` or ``-operand``."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambda(Node):
    """``argument => body``."""

    argument: str
    body: Expression


Expression = (
    Literal | Text | Name | Access | Index | Call | ArrayNode | ObjectNode | Loop | Ternary | Binary | Unary | Lambda
)
Kind = OneOf["targetScope", "param", "var", "resource", "module", "output"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration(Node):
    """One statement of a file; ``target`` is a resource's type@version or a module's path."""

    kind: Kind
    name: str
    value: Expression | None
    type: str | None = None
    target: str | None = None
    existing: bool = False
    condition: Expression | None = None
    decorators: dict[str, tuple[Expression, ...]] = field(default_factory=dict)


def children_of(node: Expression) -> tuple[Expression, ...]:
    """Answer the expressions directly inside one; a loop's or a lambda's body too."""
    match node:
        case Text():
            return tuple(part for part in node.parts if not isinstance(part, str))
        case Access():
            return (node.base,)
        case Index():
            return (node.base, node.index)
        case Call():
            return node.arguments
        case ArrayNode():
            return node.items
        case ObjectNode():
            return tuple(child for each in node.properties for child in (*children_of(each.key), each.value))
        case Loop():
            return (node.items, node.body)
        case Ternary():
            return (node.condition, node.yes, node.no)
        case Binary():
            return (node.left, node.right)
        case Unary():
            return (node.operand,)
        case Lambda():
            return (node.body,)
        case _:
            return ()
