"""Checks that what the READMEs say of deployment exists in the code.

A variable, an output or a role that infra/README.md tells of and the code lacks is a fault, and the other way round.
"""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Iterator

from infra.access_checks import OUTPUTS, ROLES
from infra.azd_checks import HOOK_VARIABLES, variables
from infra.readme import INFRA_README, README, commands, readmes
from infra.template import Template

__all__ = ["readme_faults"]

_MADE_BY_THE_READER = {"src/local.settings.json"}
_AZD_COMMANDS = {
    "auth login",
    "config set",
    "deploy",
    "down",
    "env get-values",
    "env new",
    "env set",
    "init",
    "pipeline config",
} | {
    "package",
    "provision",
    "up",
    "version",
}
_IN_THE_ROOT = ("azd auth login", "azd up", "azd down")


def readme_faults(template: Template) -> Iterator[str]:
    """Answer what the READMEs claim and the code does not have, or has and they do not tell."""
    texts = readmes(template.files)
    if len(texts) != 2:
        yield f"of README.md and infra/README.md there is only {', '.join(texts) or 'neither'}"
        return
    for path, text in texts.items():
        for faults in (_variable_faults, _route_faults, _link_faults, _command_faults):
            yield from (f"{path} {fault}" for fault in faults(template, path, text))
    yield from (f"{INFRA_README} {fault}" for fault in _table_faults(template, texts[INFRA_README]))
    told = list(commands(texts[README]))
    for start in _IN_THE_ROOT:
        if not any(command.startswith(start) for command in told):
            yield f"README.md does not tell to run `{start}`"


def _settable(template: Template) -> set[str]:
    return {name for name in variables(template).values() if not name.startswith("AZURE_")} | HOOK_VARIABLES


def _variable_faults(template: Template, path: str, readme: str) -> Iterator[str]:
    if path == README and INFRA_README not in readme:
        return  # it does not yet leave the settings to that one
    told = re.findall(r"azd env set ([A-Z0-9_]+)", readme)
    yield from (f"sets {name}, which nothing reads" for name in sorted(set(told) - _settable(template)))


def _table_faults(template: Template, readme: str) -> Iterator[str]:
    rows = dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \|", readme, re.M))
    for name in sorted(_settable(template) ^ set(rows)):
        yield f"{'has' if name in rows else 'lacks'} {name} in its table of settings"
    for name, value in re.findall(r"\$\{([A-Z0-9_]+)=([^}]*)\}", template.files["infra/main.parameters.json"]):
        if name in rows and rows[name] != f"`{value}`":
            yield f"gives {name} the default {rows[name]}, the template gives it `{value}`"
    hook = template.files["infra/hooks/before_deploy.py"]
    yield from (
        f"has {name}, which the hooks do not read" for name in sorted(HOOK_VARIABLES) if f'"{name}"' not in hook
    )
    words = " ".join(readme.split())
    yield from (f"does not tell of output {name}" for name in sorted(OUTPUTS) if f"`{name}`" not in words)
    yield from (f"does not tell of role {role}" for role in ROLES if role not in words)


def _route_faults(template: Template, _: str, readme: str) -> Iterator[str]:
    code = template.files["src/function_app.py"]
    routes = set(re.findall(r'route="([^"]+)"', code))
    for route in sorted(set(re.findall(r"/api/([\w./{}-]+)", readme)) - routes):
        yield f"calls /api/{route}, which is no route of src/function_app.py"
    for path, pattern in (("infra/hooks/after_up.py", r'^ROUTE = "(.+)"'), ("infra/test.http", r"/api/([\w./{}-]+)")):
        for route in re.findall(pattern, template.files[path], re.M):
            if route not in routes:
                yield f"goes with {path}, which calls {route}, no route of src/function_app.py"
    for name in sorted(set(re.findall(r"`(fetch_\w+|http_\w+)`", readme))):
        if f"def {name}(" not in code:
            yield f"tells of function {name}, which src/function_app.py does not have"


def _link_faults(template: Template, path: str, readme: str) -> Iterator[str]:
    """Links are read from where the README is; what stands in backticks, from the root of the repository."""
    folders = {each.rpartition("/")[0] for each in template.files}
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", readme):
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        looked_at = place.startswith(("infra/", "src/", ".github/", ".vscode/")) or "/" not in place
        if looked_at and place not in template.files and place not in folders | {"tests", "fixtures", "infra", "src"}:
            yield f"links to {target}, which is not there"
    for place in re.findall(r"`((?:infra|src|\.github)/[\w./-]+\.\w+)`", readme):
        if place not in template.files and place not in _MADE_BY_THE_READER:
            yield f"names {place}, which is not there"


def _command_faults(template: Template, _: str, readme: str) -> Iterator[str]:
    tox = configparser.ConfigParser(interpolation=None, strict=False)
    tox.read_string(template.files["tox.ini"])
    environments = {name.removeprefix("testenv:") for name in tox.sections() if name.startswith("testenv:")}
    told = [*commands(readme), *re.findall(r"`((?:azd|tox) [^`]+)`", readme)]
    for command in told:
        words = command.split()
        if words[0] == "azd" and not any(each == " ".join(words[1 : 1 + len(each.split())]) for each in _AZD_COMMANDS):
            yield f"has {command!r}, which is no azd command that these checks know"
        for environment in re.findall(r"tox run -e ([\w,]+)", command):
            for one in environment.split(","):
                if one not in environments and not re.fullmatch(r"py3\d+", one):
                    yield f"runs tox environment {one!r}, which tox.ini does not have"
