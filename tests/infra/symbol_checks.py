"""Checks of the Bicep text: what a compiler says about names, and what its linter says about leftovers.

Role: undefined, unused and doubled symbols; unknown types, decorators and functions; parts that nothing uses.
Called by: ``checks``.
Calls: ``bicep_syntax`` for the declarations of each file.
Invariant: a check reads the text alone; nothing is worked out here, so no setting can hide a fault.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator

from infra.bicep_constraints import KNOWN_DECORATORS
from infra.bicep_functions import FUNCTIONS
from infra.bicep_nodes import Access, Call, Declaration, Expression, Lambda, Loop, Name, children_of
from infra.bicep_syntax import BicepSyntaxError, declarations, syntax_faults
from infra.bicep_values import BICEP_TYPES
from infra.template import MAIN, Template

__all__ = ["parser_faults", "symbol_faults"]


def parser_faults(template: Template) -> Iterator[str]:
    """Answer what either parser refuses, and constructs that these checks cannot read."""
    for path, text in template.bicep.items():
        for fault in syntax_faults(text):
            yield f"{path}: {fault}"
        try:
            declarations(text)
        except BicepSyntaxError as wrong:
            yield f"{path}: {wrong}"


def symbol_faults(template: Template) -> Iterator[str]:
    """Answer undefined, unused, doubled and undescribed symbols, and files that nothing deploys."""
    for path, text in template.bicep.items():
        for fault in _file_faults(declarations(text)):
            yield f"{path}: {fault}"
    yield from _module_faults(template)


def _names(node: Expression, bound: frozenset[str] = frozenset()) -> Iterator[Name]:
    """Answer the symbols of the file that an expression names; loop variables and arguments are its own."""
    if isinstance(node, Name):
        if node.name not in bound:
            yield node
    elif isinstance(node, Loop):
        yield from _names(node.items, bound)
        yield from _names(node.body, bound | {node.item} | ({node.position} if node.position else set()))
    elif isinstance(node, Lambda):
        yield from _names(node.body, bound | {node.argument})
    else:
        for child in children_of(node):
            yield from _names(child, bound)


def _everything(node: Expression) -> Iterator[Expression]:
    yield node
    for child in children_of(node):
        yield from _everything(child)


def _expressions(each: Declaration) -> Iterator[Expression]:
    yield from (one for one in (each.value, each.condition) if one is not None)
    for arguments in each.decorators.values():
        yield from arguments


def _file_faults(parts: tuple[Declaration, ...]) -> Iterator[str]:
    symbols = [each for each in parts if each.kind not in ("output", "targetScope")]
    outputs = [each for each in parts if each.kind == "output"]
    for group in (symbols, outputs):
        for name, count in Counter(each.name for each in group).items():
            if count > 1:
                yield f"{name!r} is declared {count} times"

    defined = {each.name for each in symbols}
    used: set[str] = set()
    for each in parts:
        named = [name for one in _expressions(each) for name in _names(one)]
        yield from (f"line {name.line}: {name.name!r} is not defined" for name in named if name.name not in defined)
        used |= {name.name for name in named if name.name != each.name}
        yield from _declaration_faults(each)
    for each in symbols:
        if each.name not in used and (each.kind in ("param", "var") or each.existing):
            yield f"line {each.line}: {each.kind} {each.name!r} is not used"


def _declaration_faults(each: Declaration) -> Iterator[str]:
    where = f"line {each.line}: {each.kind} {each.name!r}"
    if each.kind in ("param", "output"):
        if "description" not in each.decorators:
            yield f"{where} has no description"
        if each.type not in BICEP_TYPES:
            yield f"{where}: {each.type!r} is no type that these checks know ({', '.join(BICEP_TYPES)})"
    for decorator in sorted(set(each.decorators) - KNOWN_DECORATORS):
        yield f"{where}: there is no decorator @{decorator}"
    for one in _expressions(each):
        for node in _everything(one):
            if isinstance(node, Call) and node.name not in FUNCTIONS:
                yield f"line {node.line}: no function {node.name!r}; if Bicep has it, teach bicep_functions"


def _module_faults(template: Template) -> Iterator[str]:
    """Answer what main.bicep leaves lying about: files without a module, and outputs that nothing reads."""
    parts = declarations(template.files[MAIN])
    modules = {}
    for each in parts:
        if each.kind == "module":
            if ":" in (each.target or ""):
                yield f"{MAIN}: line {each.line}: module {each.target!r} comes from a registry: it cannot be read here"
            modules[each.name] = posixpath.normpath(posixpath.join(posixpath.dirname(MAIN), each.target or ""))
    for path in sorted(set(template.bicep) - {MAIN} - set(modules.values())):
        yield f"{path} is deployed by nothing"

    read = {
        (modules.get(node.base.base.name), node.name)
        for each in parts
        for one in _expressions(each)
        for node in _everything(one)
        if isinstance(node, Access) and isinstance(node.base, Access) and isinstance(node.base.base, Name)
    }
    for path in modules.values():
        for each in declarations(template.files.get(path, "")):
            if each.kind == "output" and (path, each.name) not in read:
                yield f"{path}: output {each.name!r} is read by nothing"
