"""Checks that what README.md says of deployment exists in the code.

Role: commands, routes, settings, outputs, roles and links of the README, each looked up where it is made.
Called by: ``checks``.
Calls: ``readme`` for the commands; the other checks' tables for what exists.
Invariant: a variable, an output or a route in the README that the code lacks is a fault, and the other way round.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator

from infra.access_checks import OUTPUTS, ROLES
from infra.azd_checks import variables
from infra.readme import commands
from infra.template import Template

__all__ = ["readme_faults"]

_HOOK_VARIABLES = {"REPLAY_BEFORE_DEPLOY"}
_MADE_BY_THE_READER = "src/local.settings.json"
_AZD_COMMANDS = {"auth login", "deploy", "down", "env get-values", "env new", "env set", "init", "pipeline config"} | {
    "provision",
    "up",
}


def readme_faults(template: Template) -> Iterator[str]:
    """Answer what README.md claims and the code does not have, or has and README.md does not tell."""
    readme = template.files.get("README.md", "")
    if not readme:
        yield "README.md is missing"
        return
    yield from _variable_faults(template, readme)
    yield from _route_faults(template, readme)
    yield from _link_faults(template, readme)
    yield from _command_faults(template, readme)
    for name in sorted(OUTPUTS):
        if f"`{name}`" not in readme:
            yield f"README.md does not tell of output {name}"
    for role in ROLES:
        if " ".join(role.split()) not in " ".join(readme.split()):
            yield f"README.md does not tell of role {role}"


def _variable_faults(template: Template, readme: str) -> Iterator[str]:
    settable = {name for name in variables(template).values() if not name.startswith("AZURE_")} | _HOOK_VARIABLES
    rows = dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \|", readme, re.M))
    for name in sorted(settable ^ set(rows)):
        yield f"README.md: the table of settings {'has' if name in rows else 'lacks'} {name}"
    for default in re.findall(r"\$\{([A-Z0-9_]+)=([^}]*)\}", template.files["infra/main.parameters.json"]):
        name, value = default
        if name in rows and rows[name] != f"`{value}`":
            yield f"README.md gives {name} the default {rows[name]}, the template gives it `{value}`"
    for name in sorted(set(re.findall(r"azd env set ([A-Z0-9_]+)", readme)) - settable):
        yield f"README.md sets {name}, which nothing reads"
    hook = template.files["infra/hooks/before_deploy.py"]
    yield from (f"infra/hooks does not read {name}" for name in sorted(_HOOK_VARIABLES) if f'"{name}"' not in hook)


def _route_faults(template: Template, readme: str) -> Iterator[str]:
    code = template.files["src/function_app.py"]
    routes = set(re.findall(r'route="([^"]+)"', code))
    for route in sorted(set(re.findall(r"/api/([\w./{}-]+)", readme)) - routes):
        yield f"README.md calls /api/{route}, which is no route of src/function_app.py"
    for route in re.findall(r'^ROUTE = "(.+)"', template.files["infra/hooks/after_up.py"], re.M):
        if route not in routes:
            yield f"infra/hooks/after_up.py prints {route}, which is no route of src/function_app.py"
    for name in sorted(set(re.findall(r"`(fetch_\w+|http_\w+)`", readme))):
        if f"def {name}(" not in code:
            yield f"README.md tells of function {name}, which src/function_app.py does not have"


def _link_faults(template: Template, readme: str) -> Iterator[str]:
    folders = {path.rpartition("/")[0] for path in template.files}
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", readme):
        path = target.removeprefix("./").rstrip("/")
        looked_at = path.startswith(("infra/", "src/", ".github/", ".vscode/")) or "/" not in path
        if looked_at and path not in template.files and path not in folders and path not in ("tests", "fixtures"):
            yield f"README.md links to {target}, which is not there"
    for path in re.findall(r"`((?:infra|src|\.github)/[\w./-]+\.\w+)`", readme):
        if path not in template.files and path != _MADE_BY_THE_READER:
            yield f"README.md names {path}, which is not there"


def _command_faults(template: Template, readme: str) -> Iterator[str]:
    tox = configparser.ConfigParser(interpolation=None, strict=False)
    tox.read_string(template.files["tox.ini"])
    environments = {name.removeprefix("testenv:") for name in tox.sections() if name.startswith("testenv:")}
    told = [*commands(readme), *re.findall(r"`((?:azd|tox) [^`]+)`", readme)]
    for command in told:
        words = command.split()
        if words[0] == "azd":
            known = [each for each in _AZD_COMMANDS if each == " ".join(words[1 : 1 + len(each.split())])]
            if not known:
                yield f"README.md has {command!r}, which is no azd command that these checks know"
        for environment in re.findall(r"tox run -e ([\w,]+)", command):
            for one in environment.split(","):
                if one not in environments and not re.fullmatch(r"py3\d+", one):
                    yield f"README.md runs tox environment {one!r}, which tox.ini does not have"
