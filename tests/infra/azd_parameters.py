"""What azd hands to the template: main.parameters.json with the environment filled in.

azd's own rules: a variable that is unset or empty gives its default, and with none drops its parameter; "true" and "7"
become a bool and a number where the template declares one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

__all__ = ["VARIABLE", "bicep_parameters", "parameters_from_azd"]

VARIABLE = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(?:=(?P<default>[^}]*))?\}")
_BOOLS = {word: word[0] in "1tT" for word in ("1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE")}


def parameters_from_azd(file: str, types: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, object]:
    """Answer the parameters that azd would pass on.

    Args:
        file: The text of main.parameters.json.
        types: The ARM type of each parameter that the template declares.
        environment: The variables of the azd environment.
    """
    found: dict[str, object] = {}
    for name, entry in json.loads(file)["parameters"].items():
        variable = VARIABLE.fullmatch(str(entry["value"]))
        if variable is None:
            raise ValueError(f"parameter {name!r} in the parameters file is {entry['value']!r}, not one ${{VARIABLE}}")
        value = environment.get(variable["name"]) or variable["default"]
        if value:
            found[name] = _converted(value, types.get(name))
    return found


def _converted(value: str, declared: str | None) -> object:
    if declared == "bool" and value in _BOOLS:
        return _BOOLS[value]
    if declared == "int" and re.fullmatch(r"[+-]?\d+", value):
        return int(value)
    return value


def bicep_parameters(main: str, values: Mapping[str, object]) -> str:
    """Answer a .bicepparam file with these values, for the template at the relative path ``main``."""
    lines = [f"using '{main}'", *(f"param {name} = {_literal(value)}" for name, value in values.items())]
    return "\n".join([*lines, ""])


def _literal(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${") + "'"
