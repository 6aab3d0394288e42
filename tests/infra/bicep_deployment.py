"""Work out what a Bicep file would deploy, for given parameters, without Azure.

Role: what `bicep build` and the deployment engine do between them: modules, conditions, loops, names, dependencies.
Called by: ``template_settings``, once per setting of the switches; the picture.
Calls: ``bicep_syntax`` for the files, ``bicep_expressions`` for every expression.
Invariant: equal files and parameters, an equal deployment. Whatever would not compile or deploy raises ``BicepError``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from infra.bicep_constraints import constraint_fault
from infra.bicep_expressions import Evaluator
from infra.bicep_functions import SUBSCRIPTION_ID
from infra.bicep_nodes import Declaration, Expression, Literal, Loop, ObjectNode, Text
from infra.bicep_syntax import declarations
from infra.bicep_values import BicepError, ModuleHandle, ResourceHandle, Runtime, Value, type_fault
from infra.deployed import Deployment, Resource

__all__ = ["deploy"]

_GROUP = "Microsoft.Resources/resourceGroups"
_NO_NAMES: Mapping[str, Value] = {}


def deploy(files: Mapping[str, str], path: str, parameters: Mapping[str, Value]) -> Deployment:
    """Answer what the subscription-scope file at ``path`` deploys."""
    run = _FileRun(files=files, path=path, parameters=parameters, group_id=None, needs=frozenset(), line=1)
    outputs = run.finish()
    return Deployment(
        resources=tuple(run.resources),
        existing=tuple(run.existing),
        outputs=outputs,
        reads=frozenset(run.reads),
    )


class _FileRun:
    """One file with its parameters given; every symbol is worked out once, when it is first asked for."""

    def __init__(
        self,
        *,
        files: Mapping[str, str],
        path: str,
        parameters: Mapping[str, Value],
        group_id: str | None,
        needs: frozenset[str],
        line: int,
    ) -> None:
        self._files, self._path, self._group_id, self._needs = files, path, group_id, needs
        self._symbols = {each.name: each for each in declarations(files[path]) if each.kind != "output"}
        self._outputs = [each for each in declarations(files[path]) if each.kind == "output"]
        self._known: dict[str, tuple[Value, set[str], set[Runtime]]] = {}
        self._evaluator = Evaluator(path=path, resolve=self._resolve)
        self.resources: list[Resource] = []
        self.existing: list[Resource] = []
        self.reads: set[Runtime] = set()
        self._given = dict(parameters)
        declared = {each.name for each in self._symbols.values() if each.kind == "param"}
        if unknown := sorted(set(parameters) - declared):
            raise BicepError(f"{path} has no parameter {', '.join(unknown)}", path=path, line=line)

    def finish(self) -> dict[str, Value]:
        """Work out everything, and answer the outputs."""
        with self._evaluator.recording() as record:
            for name, each in self._symbols.items():
                if each.kind != "targetScope":
                    self._resolve(name, each.line)
            outputs = {each.name: self._typed(each, self._value(each)) for each in self._outputs}
        self.reads |= record.reads
        return outputs

    def _error(self, line: int, message: str) -> BicepError:
        return BicepError(message, path=self._path, line=line)

    def _value(self, each: Declaration) -> Value:
        if each.value is None:
            raise self._error(each.line, f"{each.kind} {each.name!r} has no value")
        return self._evaluator.value(each.value)

    def _resolve(self, name: str, line: int) -> Value:
        if name not in self._symbols:
            raise self._error(line, f"{name!r} is not defined")
        if name not in self._known:
            with self._evaluator.recording() as record:
                value = self._work_out(self._symbols[name])
            self._known[name] = (value, record.needs, record.reads)
        value, needs, reads = self._known[name]
        if self._symbols[name].kind in ("param", "var"):
            self._evaluator.note(needs, reads)
        else:
            self._evaluator.note(frozenset(), reads)
        return value

    def _work_out(self, each: Declaration) -> Value:
        match each.kind:
            case "param":
                return self._parameter(each)
            case "resource":
                return self._resource(each)
            case "module":
                return self._module(each)
            case _:
                return self._value(each)

    def _typed(self, each: Declaration, value: Value) -> Value:
        if fault := type_fault(each.type or "", value):
            raise self._error(each.line, f"{each.kind} {each.name!r}: {fault}")
        return value

    def _parameter(self, each: Declaration) -> Value:
        if each.name in self._given:
            value = self._given[each.name]
        elif each.value is None:
            raise self._error(each.line, f"parameter {each.name!r} is not given and has no default")
        else:
            value = self._value(each)
        self._typed(each, value)
        for rule, arguments in each.decorators.items():
            limit = self._evaluator.value(arguments[0]) if arguments else None
            if fault := constraint_fault(rule, limit, value):
                raise self._error(each.line, f"parameter {each.name!r}: {fault}")
        return value

    def _is_on(self, each: Declaration) -> bool:
        return each.condition is None or self._evaluator.truth(each.condition, _NO_NAMES)

    def _resource(self, each: Declaration) -> Value:
        if not self._is_on(each):
            return None
        if isinstance(each.value, Loop):
            rounds = self._evaluator.rounds(each.value, _NO_NAMES)
            return [self._one_resource(each, each.value.body, local) for local in rounds]
        return self._one_resource(each, each.value, _NO_NAMES)

    def _one_resource(self, each: Declaration, value: Expression | None, local: Mapping[str, Value]) -> ResourceHandle:
        kind, _, version = (each.target or "").partition("@")
        if not isinstance(value, ObjectNode) or not version:
            raise self._error(each.line, f"resource {each.name!r} needs type@version and a body")
        if (kind == _GROUP) is not (self._group_id is None):
            raise self._error(each.line, f"{kind} cannot be deployed at the scope of {self._path}")
        with self._evaluator.recording() as record:
            parent = self._place(each, value, "parent", local)
            scope = self._place(each, value, "scope", local)
            self._wait_for(value, local)
            body = {
                self._evaluator.text(part.key, local): self._evaluator.value(part.value, local)
                for part in value.properties
                if part.key.parts not in (("parent",), ("scope",), ("dependsOn",))
            }
            name = self._known_name(each, value, local)
        own_id = self._id(each, kind, name, parent, scope)
        (self.existing if each.existing else self.resources).append(
            Resource(
                type=kind,
                api_version=version,
                id=own_id,
                name=name,
                path=self._path,
                line=each.line,
                body=body,
                scope_id=scope.id if scope else None,
                parent_id=parent.id if parent else None,
                needs=frozenset(record.needs) | self._needs,
            )
        )
        creates = frozenset() if each.existing else frozenset({own_id})
        return ResourceHandle(type=f"{kind}@{version}", id=own_id, name=name, creates=creates)

    def _known_name(self, each: Declaration, body: ObjectNode, local: Mapping[str, Value]) -> str:
        node = body.get("name")
        with self._evaluator.recording() as record:
            name = self._evaluator.value(node, local) if node else None
        if not isinstance(name, str) or not name or record.reads:
            raise self._error(each.line, f"the name of {each.name!r} has to be known before a deployment, not {name!r}")
        return name

    def _place(
        self, each: Declaration, body: ObjectNode, key: str, local: Mapping[str, Value]
    ) -> ResourceHandle | None:
        node = body.get(key)
        if node is None:
            return None
        value = self._evaluator.value(node, local)
        if not isinstance(value, ResourceHandle):
            raise self._error(each.line, f"the {key} of {each.name!r} is no resource that is deployed: {value!r}")
        return value

    def _wait_for(self, body: ObjectNode, local: Mapping[str, Value]) -> None:
        node = body.get("dependsOn")
        for value in self._evaluator.value(node, local) if node else []:  # type: ignore[attr-defined]  # always a list
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, ResourceHandle | ModuleHandle):
                    self._evaluator.note(one.creates)
                elif one is not None:  # None: switched off in this setting, which the real engine ignores too
                    raise self._error(body.line, f"dependsOn names {one!r}, which is neither resource nor module")

    def _id(
        self, each: Declaration, kind: str, name: str, parent: ResourceHandle | None, scope: ResourceHandle | None
    ) -> str:
        if kind == _GROUP:
            return f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{name}"
        if parent is not None:
            above, _, last = kind.rpartition("/")
            if parent.type.partition("@")[0] != above:
                raise self._error(each.line, f"{each.name!r} is a {kind}, its parent a {parent.type}")
            return f"{parent.id}/{last}/{name}"
        if kind.count("/") > 1:
            raise self._error(each.line, f"{each.name!r} is a {kind}, which needs a parent")
        return f"{scope.id if scope else self._group_id}/providers/{kind}/{name}"

    def _module(self, each: Declaration) -> ModuleHandle | None:
        if not self._is_on(each):
            return None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self._path), each.target or ""))
        if path not in self._files:
            raise self._error(each.line, f"module {each.name!r}: there is no file {path!r}")
        if not isinstance(each.value, ObjectNode):
            raise self._error(each.line, f"module {each.name!r} needs a body")
        with self._evaluator.recording() as record:
            scope = self._place(each, each.value, "scope", _NO_NAMES)
            self._wait_for(each.value, _NO_NAMES)
            given = self._evaluator.value(each.value.get("params") or Literal(line=each.line, value=None)) or {}
        if scope is None or scope.type.partition("@")[0] != _GROUP or not isinstance(given, dict):
            raise self._error(each.line, f"module {each.name!r} needs a resource group as its scope, and parameters")
        label = each.value.get("name")
        if not isinstance(label, Text) or label.parts != (posixpath.basename(path).removesuffix(".bicep"),):
            raise self._error(each.line, f"module {each.name!r}: name its deployment as its file, {path!r}")
        run = _FileRun(
            files=self._files,
            path=path,
            parameters=given,
            group_id=scope.id,
            needs=frozenset(record.needs) | self._needs,
            line=each.line,
        )
        outputs = run.finish()
        self.resources.extend(run.resources)
        self.existing.extend(run.existing)
        self.reads |= run.reads
        return ModuleHandle(outputs=outputs, creates=frozenset(one.id for one in run.resources))
