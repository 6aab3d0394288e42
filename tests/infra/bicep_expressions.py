"""Work out one Bicep expression.

Role: the evaluator: an expression and what its names stand for in, a value out, with the types that Bicep insists on.
Called by: ``bicep_deployment``.
Calls: ``bicep_functions`` for calls.
Invariant: only the taken side of a condition is worked out, so what is off in a setting may be named but not read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from infra.bicep_functions import FUNCTIONS
from infra.bicep_nodes import (
    Access,
    ArrayNode,
    Binary,
    Call,
    Expression,
    Index,
    Literal,
    Loop,
    Name,
    ObjectNode,
    Ternary,
    Text,
    Unary,
)
from infra.bicep_values import BicepError, ModuleHandle, ModuleOutputs, ResourceHandle, Runtime, Value, type_fault

__all__ = ["Evaluator", "Record"]

_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(slots=True, kw_only=True)
class Record:
    """What an expression read on its way: resources that must exist first, and properties that only Azure knows."""

    needs: set[str] = field(default_factory=set)
    reads: set[Runtime] = field(default_factory=set)


class Evaluator:
    """Works out the expressions of one file; ``resolve`` answers what a symbol of the file stands for."""

    def __init__(self, *, path: str, resolve: Callable[[str, int], Value]) -> None:
        self._path = path
        self._resolve = resolve
        self._records = [Record()]

    @contextmanager
    def recording(self) -> Iterator[Record]:
        """Collect what is read inside; the record around gets it too."""
        self._records.append(Record())
        try:
            yield self._records[-1]
        finally:
            inner = self._records.pop()
            self.note(inner.needs, inner.reads)

    def note(self, needs: set[str] | frozenset[str], reads: set[Runtime] | frozenset[Runtime] = frozenset()) -> None:
        """Add to what was read: a symbol that was worked out before brings along what it had read."""
        self._records[-1].needs |= needs
        self._records[-1].reads |= reads

    def value(self, node: Expression, local: Mapping[str, Value] | None = None) -> Value:
        """Answer what ``node`` is worth; ``local`` holds loop variables."""
        local = local or {}
        match node:
            case Literal():
                return node.value
            case Text():
                return self.text(node, local)
            case Name():
                return self._name(node, local)
            case Access():
                return self._access(node, local)
            case Index():
                return self._index(node, local)
            case Call():
                return self._call(node, local)
            case ArrayNode():
                return [self.value(item, local) for item in node.items]
            case ObjectNode():
                return {self.text(each.key, local): self.value(each.value, local) for each in node.properties}
            case Loop():
                return [self.value(node.body, each) for each in self.rounds(node, local)]
            case Ternary():
                taken = node.yes if self.truth(node.condition, local) else node.no
                return self.value(taken, local)
            case Binary():
                return self._binary(node, local)
            case Unary(operator="!"):
                return not self.truth(node.operand, local)
            case _:
                raise self.error(node, f"the checks cannot work out a {type(node).__name__}: teach bicep_expressions")

    def error(self, node: Expression, message: str) -> BicepError:
        """Make the error that points at a node."""
        return BicepError(message, path=self._path, line=node.line)

    def text(self, node: Text, local: Mapping[str, Value]) -> str:
        """Answer a string with its expressions filled in."""
        if not node.parts:
            return ""
        if len(node.parts) == 1 and not isinstance(node.parts[0], str):
            return self._piece(node.parts[0], local)
        return "".join(part if isinstance(part, str) else self._piece(part, local) for part in node.parts)

    def truth(self, node: Expression, local: Mapping[str, Value]) -> bool:
        """Answer a condition, which has to be a bool."""
        value = self.value(node, local)
        if not isinstance(value, bool):
            raise self.error(node, f"a condition has to be a bool, not {value!r}")
        return value

    def rounds(self, node: Loop, local: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
        """Answer the variables of every round of a loop."""
        items = self.value(node.items, local)
        if not isinstance(items, list):
            raise self.error(node, f"a loop goes over an array, not over {items!r}")
        for position, item in enumerate(items):
            yield {**local, node.item: item, **({node.position: position} if node.position else {})}

    def _piece(self, node: Expression, local: Mapping[str, Value]) -> str:
        value = self.value(node, local)
        if isinstance(value, bool | int):
            return str(value).lower()
        if not isinstance(value, str):
            raise self.error(node, f"{value!r} inside a string")
        return value

    def _name(self, node: Name, local: Mapping[str, Value]) -> Value:
        value = local[node.name] if node.name in local else self._resolve(node.name, node.line)
        if isinstance(value, ResourceHandle):
            self.note(value.creates)
        return value

    def _access(self, node: Access, local: Mapping[str, Value]) -> Value:
        base = self.value(node.base, local)
        match base:
            case ResourceHandle():
                if node.name in ("id", "name", "type"):
                    return str(getattr(base, node.name))
                read = Runtime(resource_type=base.type, resource_id=base.id, steps=(node.name,))
            case Runtime():
                read = base.step(node.name)
            case ModuleHandle():
                if node.name != "outputs":
                    raise self.error(node, f"a module has outputs, not {node.name!r}")
                self.note(base.creates)
                return ModuleOutputs(module=base)
            case ModuleOutputs():
                return self._member(node, dict(base.module.outputs), "outputs")
            case dict():
                return self._member(node, base, "object")
            case _:
                raise self.error(node, f"{base!r} has no property {node.name!r}")
        self.note(frozenset(), {read})
        return read

    def _member(self, node: Access, whole: dict[str, Value], what: str) -> Value:
        if node.name not in whole and not node.safe:
            raise self.error(node, f"no {node.name!r} among the {what}: there are {', '.join(sorted(whole)) or 'none'}")
        return whole.get(node.name)

    def _index(self, node: Index, local: Mapping[str, Value]) -> Value:
        base, index = self.value(node.base, local), self.value(node.index, local)
        try:
            value = base[index]  # type: ignore[index]  # the except answers for whatever has no such index
        except (TypeError, KeyError, IndexError) as wrong:
            raise self.error(node, f"{base!r} has nothing at {index!r}") from wrong
        if isinstance(value, ResourceHandle):
            self.note(value.creates)
        return value

    def _call(self, node: Call, local: Mapping[str, Value]) -> Value:
        function = FUNCTIONS.get(node.name)
        if function is None:
            raise self.error(node, f"no function {node.name!r}; if Bicep has it, teach bicep_functions")
        arguments = [self.value(each, local) for each in node.arguments]
        if not function.least <= len(arguments) <= function.most:
            wanted = f"{function.least} to {function.most}"
            raise self.error(node, f"{node.name} takes {wanted} arguments, not {len(arguments)}")
        for argument in arguments if function.types else ():
            if fault := type_fault(function.types, argument):
                raise self.error(node, f"argument of {node.name}: {fault}")
        return function.answer(*arguments)

    def _binary(self, node: Binary, local: Mapping[str, Value]) -> Value:
        if node.operator == "&&":
            return self.truth(node.left, local) and self.truth(node.right, local)
        if node.operator == "||":
            return self.truth(node.left, local) or self.truth(node.right, local)
        left, right = self.value(node.left, local), self.value(node.right, local)
        if node.operator == "??":
            return right if left is None else left
        if node.operator in ("==", "!="):
            return (left == right) is (node.operator == "==")
        compare = _COMPARISONS.get(node.operator)
        if compare is None:
            raise self.error(node, f"the checks do not know the operator {node.operator!r}: teach bicep_expressions")
        if not isinstance(left, int) or not isinstance(right, int):
            raise self.error(node, f"{node.operator} compares two ints, not {left!r} and {right!r}")
        return compare(left, right)
