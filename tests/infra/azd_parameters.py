"""What azd hands to the template: main.parameters.json with the environment filled in.

Role: azd's own rules (a variable that is not set and has no default drops its parameter; "true" and "7" become
a bool and a number when the template declares one), so that settings are tested by the names that people set.
Called by: ``template`` for every setting, and the check of the parameters file.
Calls: ``bicep_syntax`` for the declared types.
Invariant: a value of the file is one variable and nothing else, which is also what the parameters check asks for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from infra.bicep_syntax import declarations

__all__ = ["VARIABLE", "parameters_from_azd"]

VARIABLE = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(?:=(?P<default>[^}]*))?\}")
_BOOLS = {"1": True, "t": True, "T": True, "true": True, "TRUE": True, "True": True} | {
    "0": False,
    "f": False,
    "F": False,
    "false": False,
    "FALSE": False,
    "False": False,
}


def parameters_from_azd(file: str, main: str, environment: Mapping[str, str]) -> dict[str, object]:
    """Answer the parameters that azd would pass on for an environment."""
    declared = {each.name: each.type for each in declarations(main) if each.kind == "param"}
    found: dict[str, object] = {}
    for name, entry in json.loads(file)["parameters"].items():
        value = entry["value"]
        if isinstance(value, str):
            variable = VARIABLE.fullmatch(value)
            if variable is None:
                raise ValueError(f"parameter {name!r} in the parameters file is {value!r}, not one ${{VARIABLE}}")
            value = environment.get(variable["name"]) or variable["default"]
            if not value:
                continue  # azd drops it: the template's default counts
            value = _converted(value, declared.get(name))
        found[name] = value
    return found


def _converted(value: str, declared: str | None) -> object:
    if declared == "bool" and value in _BOOLS:
        return _BOOLS[value]
    if declared == "int" and re.fullmatch(r"[+-]?\d+", value):
        return int(value)
    return value
