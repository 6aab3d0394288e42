"""Checks of the files around the code: what the gallery validates, editors, workflows, the pictures.

A copy that `azd init` made lacks .azdignore and what it names: the gallery's rules then rest.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from infra.azd_checks import HOOK_VARIABLES, variables
from infra.pictures import PICTURES, draw
from infra.template import Template

__all__ = ["copied_by_azd_init", "editor_faults", "gallery_faults", "picture_faults", "workflow_faults"]

_HEADINGS = ("## Features", "## Getting Started", "## Guidance", "## Resources")
_FILES = (
    ".devcontainer/devcontainer.json",
    ".github/ISSUE_TEMPLATE/bug.yml",
    ".github/workflows/azure-dev.yml",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "azure.yaml",
    "infra/main.bicep",
)
_IGNORE = ".azdignore"
_KEPT = ("tests/", "fixtures/", "src/", "infra/", "azure.yaml", "README.md", "LICENSE", ".github/workflows/")


def gallery_faults(template: Template) -> Iterator[str]:
    """Answer what the validation of the gallery of azd templates would find."""
    if _IGNORE not in template.files:
        return
    yield from (f"{path} is missing" for path in _FILES if path not in template.files)
    readme = template.files.get("README.md", "")
    lines = readme.splitlines()
    yield from (f"README.md has no {heading!r}" for heading in _HEADINGS if heading not in lines)
    if "MIT License" not in template.files.get("LICENSE", ""):
        yield "LICENSE is not the MIT licence"
    for kept in _KEPT:
        if any(_matches(pattern, kept) for pattern in _patterns(template)):
            yield f"{_IGNORE} keeps {kept} from whoever starts from the template"


def copied_by_azd_init(template: Template) -> Template:
    """Answer the copy that `azd init --template` makes."""
    patterns = [*_patterns(template), _IGNORE]
    files = {path: text for path, text in template.files.items() if not any(_matches(each, path) for each in patterns)}
    return Template(files=files)


def _patterns(template: Template) -> list[str]:
    lines = (line.strip() for line in template.files.get(_IGNORE, "").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _matches(pattern: str, path: str) -> bool:
    """Answer whether an ignore pattern covers a path; of the syntax, only what .azdignore uses."""
    plain = pattern.strip("/")
    return fnmatch.fnmatch(path.rstrip("/"), plain) or path.startswith(f"{plain}/")


def picture_faults(template: Template) -> Iterator[str]:
    """Answer pictures that no longer show what is deployed."""
    for path, (title, case) in PICTURES.items():
        try:
            fresh = draw(template.deployment(case), title)
        except ValueError as wrong:
            yield f"{path}: {wrong}"
            continue
        if template.files.get(path) != fresh:
            yield f"{path} is out of date: run `PYTHONPATH=tests python -m infra.pictures`"
        if f"({path.removeprefix('infra/')})" not in template.files["infra/README.md"]:
            yield f"infra/README.md does not show {path}"


def workflow_faults(template: Template) -> Iterator[str]:
    """Answer what is wrong with the workflows: unpinned actions, wide permissions, settings that CI would lose."""
    paths = [path for path in template.files if path.startswith(".github/workflows/")]
    for path in paths:
        workflow = yaml.safe_load(template.files[path])
        if "permissions" not in workflow or workflow["permissions"] == "write-all":
            yield f"{path}: say which permissions it needs"
        for name, job in workflow["jobs"].items():
            yield from (f"{path}: job {name}: {fault}" for fault in _job_faults(job))
    yield from _ci_faults(template)
    yield from (f".github/workflows/azure-dev.yml: {fault}" for fault in _deploy_faults(template))


def _deploy_faults(template: Template) -> Iterator[str]:
    jobs = yaml.safe_load(template.files[".github/workflows/azure-dev.yml"])["jobs"]
    environment = jobs["deploy"].get("env", {})
    for variable in sorted({*variables(template).values(), *HOOK_VARIABLES}):
        if environment.get(variable) != f"${{{{ vars.{variable} }}}}":
            yield f"does not pass on {variable}"
    tests = jobs["deploy"].get("needs")
    if tests not in jobs or ".ci/run" not in [step.get("run") for step in jobs[tests]["steps"]]:
        yield "deploys without waiting for the tests"
    steps = {step.get("run", ""): step.get("if") for step in jobs["deploy"]["steps"]}
    if steps.get("pip install tox && tox run -e start --notest") != "vars.REPLAY_BEFORE_DEPLOY == 'true'":
        yield "does not make the environment that REPLAY_BEFORE_DEPLOY needs"


def _job_faults(job: dict[str, Any]) -> Iterator[str]:
    if "timeout-minutes" not in job:
        yield "no timeout-minutes"
    for step in job["steps"]:
        action = step.get("uses")
        if action and not re.fullmatch(r"[\w.-]+/[\w./-]+@v\d+", action):
            yield f"{action!r} names no version"


def _ci_faults(template: Template) -> Iterator[str]:
    jobs = yaml.safe_load(template.files[".github/workflows/ci.yml"])["jobs"]
    pythons = jobs["gate"]["strategy"]["matrix"]["python"]
    if pythons != ["3.11", "3.12", "3.13", "3.14"]:
        yield f".github/workflows/ci.yml runs on {pythons!r}, not on every supported Python"
    runs = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}
    if ".ci/run" not in runs["gate"]:
        yield ".github/workflows/ci.yml does not run .ci/run"
    if "tox run -e e2e -- --target func" not in runs.get("func-start", []):
        yield ".github/workflows/ci.yml does not run the end-to-end tests on func start"


def editor_faults(template: Template) -> Iterator[str]:
    """Answer what keeps F5 in VS Code, or the development container, from working."""
    tasks = {task["label"]: task for task in json.loads(template.files[".vscode/tasks.json"])["tasks"]}
    launch = json.loads(template.files[".vscode/launch.json"])["configurations"][0]
    needed, waiting = set(), [launch["preLaunchTask"]]
    while waiting:
        label = waiting.pop()
        if label not in tasks:
            yield f".vscode/tasks.json has no task {label!r}"
            continue
        needed.add(label)
        before = tasks[label].get("dependsOn", [])
        waiting.extend(before if isinstance(before, list) else [before])
    for label in ("start Azurite", "func: host start"):
        if label not in needed:
            yield f".vscode/launch.json does not lead to the task {label!r}"
    if (launch["type"], launch["connect"]["port"]) != ("debugpy", 9091):
        yield ".vscode/launch.json does not attach debugpy to port 9091, where the Functions extension has it listen"
    settings = json.loads(template.files[".vscode/settings.json"])
    for key in ("azureFunctions.projectSubpath", "azureFunctions.deploySubpath"):
        if settings.get(key) != "src":
            yield f".vscode/settings.json: {key} is {settings.get(key)!r}, not 'src'"
    container = json.loads(template.files[".devcontainer/devcontainer.json"])
    wanted = json.loads(template.files[".vscode/extensions.json"])["recommendations"]
    if sorted(container["customizations"]["vscode"]["extensions"]) != sorted(wanted):
        yield ".devcontainer/devcontainer.json and .vscode/extensions.json name different extensions"
