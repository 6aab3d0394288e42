"""ASP.NET's route templates, which the app's ``route=`` arguments are written in.

Compiles templates such as ``items/{id:int}/{name?}`` and finds the target of a method and a path.
Invariant: the most precise template wins, whatever the order in which routes are added; a route whose methods do not
include the request's is as good as absent, so a wrong method is a 404 and never a 405.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from durable_host.http.route_constraints import constraint

__all__ = ["Match", "RouteTable", "TemplateError"]

T = TypeVar("T")

_PART: Final = re.compile(r"\{((?:[^{}]|\{\{|\}\})+)\}")
_PARAMETER: Final = re.compile(
    r"(\*{0,2})([^:=?*{}/]+)((?::(?:[^()=?]|\((?:[^()]|\([^()]*\))*\))+)*)(?:=(.*?))?(\?)?\Z"
)
_CONSTRAINT: Final = re.compile(r":((?:[^:()]|\((?:[^()]|\([^()]*\))*\))+)")


class TemplateError(ValueError):
    """A route template that cannot be read; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """A route that answers a request, and the values of its parameters that were there."""

    target: T
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    checks: tuple[Callable[[str], bool], ...]
    default: str | None


@dataclass(frozen=True, slots=True)
class _Route(Generic[T]):
    precedence: tuple[int, ...]
    methods: frozenset[str] | None
    pattern: re.Pattern[str]
    parameters: tuple[_Parameter, ...]
    target: T

    def match(self, path: str) -> Match[T] | None:
        found = self.pattern.match(path)
        if found is None:
            return None
        values = {}
        for parameter, value in zip(self.parameters, found.groups(), strict=True):
            if value is None or value == "":
                if parameter.default is not None:
                    values[parameter.name] = parameter.default
            elif all(check(value) for check in parameter.checks):
                values[parameter.name] = value
            else:
                return None
        return Match(self.target, values)


class RouteTable(Generic[T]):
    """Routes and their targets; filled once, then only read."""

    def __init__(self) -> None:
        self._routes: list[_Route[T]] = []

    def add(self, template: str, methods: Iterable[str] | None, target: T) -> None:
        """Add a route; ``methods`` None takes any."""
        allowed = frozenset(method.upper() for method in methods) if methods else None
        precedence, pattern, parameters = _compiled(template)
        self._routes.append(_Route(precedence, allowed, pattern, parameters, target))
        self._routes.sort(key=lambda route: route.precedence)

    def match(self, method: str, path: str) -> Match[T] | None:
        """The best route for a path that is decoded but for escaped slashes."""
        for route in self._routes:
            if route.methods is None or method in route.methods:
                match = route.match(path)
                if match is not None:
                    return match
        return None


def _compiled(template: str) -> tuple[tuple[int, ...], re.Pattern[str], tuple[_Parameter, ...]]:
    segments = template.strip("/").split("/") if template.strip("/") else []
    if len(segments) != len(list(filter(None, segments))):
        raise TemplateError(f"Route '{template}' has an empty segment: write one / between segments.")
    pattern, precedence, parameters = "", [], []
    for position, segment in enumerate(segments):
        is_last = position == len(segments) - 1
        expression, digit, found = _segment(template, segment, is_last)
        pattern += expression
        precedence.append(digit)
        parameters += found
    names = [parameter.name.lower() for parameter in parameters]
    if len(names) != len(set(names)):
        raise TemplateError(f"Route '{template}' has two parameters of one name: rename one.")
    return tuple(precedence), re.compile(f"{pattern}/?\\Z", re.IGNORECASE | re.DOTALL), tuple(parameters)


def _segment(template: str, segment: str, is_last: bool) -> tuple[str, int, list[_Parameter]]:
    """A segment's expression, its digit in the order of precedence, and its parameters."""
    parts = _PART.split(segment)
    literals, inner = parts[::2], parts[1::2]
    if any("{" in text or "}" in text for text in literals):
        raise TemplateError(f"Route '{template}' has an unmatched brace in '{segment}'.")
    if not inner:
        return f"/{re.escape(segment)}", 1, []
    parsed = [_parameter(template, text) for text in inner]
    if len(parsed) == 1 and not "".join(literals):
        stars, parameter, is_optional = parsed[0]
        if stars:
            if not is_last:
                raise TemplateError(f"Route '{template}': a catch-all parameter can only be the last segment.")
            return "(?:/(.*))?", 4 if parameter.checks else 5, [parameter]
        digit = 2 if parameter.checks else 3
        if is_optional or parameter.default is not None:
            return "(?:/([^/]+))?", digit, [parameter]
        return "/([^/]+)", digit, [parameter]
    expression = "/"
    for position, (_, _, is_optional) in enumerate(parsed):
        before = re.escape(literals[position])
        is_final = position == len(parsed) - 1 and not literals[-1]
        value = "([^/]+)" if is_final else "([^/]+?)"
        expression += f"(?:{before}{value})?" if is_optional and is_final else before + value
    return expression + re.escape(literals[-1]), 2, [parameter for _, parameter, _ in parsed]


def _parameter(template: str, text: str) -> tuple[str, _Parameter, bool]:
    found = _PARAMETER.match(text)
    if found is None:
        raise TemplateError(f"Route '{template}' has a parameter that cannot be read: '{{{text}}}'.")
    stars, name, constraints, default, optional = found.groups()
    checks = []
    for expression in _CONSTRAINT.findall(constraints or ""):
        # A template doubles the braces of a regular expression.
        check = constraint(expression.replace("{{", "{").replace("}}", "}"))
        if check is None:
            raise TemplateError(f"Route '{template}': there is no constraint '{expression}'.")
        checks.append(check)
    return stars, _Parameter(name, tuple(checks), default), bool(optional)
