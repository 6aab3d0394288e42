"""Checks of what azd reads: the parameters file, azure.yaml, and the folder that it packs.

Every parameter has a value without asking, but for the environment's name and the region.
"""

from __future__ import annotations

import fnmatch
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from infra.azd_parameters import VARIABLE, parameters_from_azd
from infra.template import PARAMETERS, Template

__all__ = ["HOOK_VARIABLES", "azure_yaml_faults", "package_faults", "parameter_faults", "variables"]

HOOK_VARIABLES = frozenset({"REPLAY_BEFORE_DEPLOY"})
"""What the hooks alone read."""

_ASKED = {"environmentName": "AZURE_ENV_NAME", "location": "AZURE_LOCATION"}
# azd falls back on the shell's variables, and images of Python set this one to a version that Azure does not have.
_TAKEN = frozenset({"PYTHON_VERSION", "LOCATION", "HOME", "PATH", "USER", "AZURE_PRINCIPAL_ID", "AZURE_PRINCIPAL_TYPE"})
_AZD = (1, 25, 3)
_TOP_LEVEL = frozenset(
    {"cloud", "hooks", "infra", "metadata", "name", "pipeline", "platform", "requiredVersions", "resourceGroup"}
    | {"resources", "services", "state", "workflows"}
)
_SERVICE = frozenset({"config", "dist", "hooks", "host", "language", "project", "remoteBuild", "resourceName", "uses"})
_COMMANDS = ("down", "deploy", "infracreate", "infradelete", "package", "provision", "publish", "restore", "up")
_HOOKS = frozenset(f"{when}{command}" for when in ("pre", "post") for command in _COMMANDS)
_SERVICE_HOOKS = frozenset(
    f"{when}{event}" for when in ("pre", "post") for event in ("build", "deploy", "package", "publish", "restore")
)
_HOOK = frozenset({"config", "continueOnError", "dir", "interactive", "kind", "run", "secrets", "shell"})
_SCHEDULER = {"type": "azureManaged", "connectionStringName": "DURABLE_TASK_SCHEDULER_CONNECTION_STRING"}
_NOT_PACKED = (".venv/", "__pycache__/", ".tox/", "tests/", "local.settings.json", ".python_packages/", ".vscode/")


def variables(template: Template) -> Mapping[str, str]:
    """Answer the variable that sets each parameter."""
    entries = json.loads(template.files[PARAMETERS])["parameters"]
    matches = {name: VARIABLE.fullmatch(str(entry.get("value"))) for name, entry in entries.items()}
    return {name: match["name"] for name, match in matches.items() if match}


def parameter_faults(template: Template) -> Iterator[str]:
    """Answer where the parameters file and the template do not fit."""
    entries = json.loads(template.files[PARAMETERS])["parameters"]
    declared = template.outline["parameters"]
    for name in sorted(set(entries) ^ set(declared)):
        yield f"parameter {name!r} is only in {PARAMETERS if name in entries else 'main.bicep'}"
    named = variables(template)
    for name in sorted(set(entries) - set(named)):
        yield f"{PARAMETERS}: {name!r} is {entries[name].get('value')!r}, not one ${{VARIABLE}}"
    for name, variable in named.items():
        if variable in _TAKEN or (name in _ASKED) is not (variable == _ASKED.get(name)):
            yield f"{PARAMETERS}: {name!r} is set by {variable}, which has a meaning of its own"
    if set(named) != set(entries):
        return
    given = parameters_from_azd(template.files[PARAMETERS], {each: declared[each]["type"] for each in declared}, {})
    for name, each in declared.items():
        default = each.get("defaultValue")
        if name not in _ASKED and default is None:
            yield f"{name!r} has no default, so azd asks for it"
        elif name in given and given[name] != default:
            yield f"{name!r} is {given[name]!r} by default in {PARAMETERS}, but {default!r} in main.bicep"
    regions = declared["location"].get("allowedValues", [])
    if "westeurope" not in regions or any("euap" in region for region in regions):
        yield "the regions of 'location' are not those that have the plan: azd offers what @allowed lists, or all"


def azure_yaml_faults(template: Template) -> Iterator[str]:
    """Answer what azd would refuse in azure.yaml, and what it would not find."""
    document = yaml.safe_load(template.files["azure.yaml"])
    yield from (f"azure.yaml: there is no key {key!r}" for key in sorted(set(document) - _TOP_LEVEL))
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])", str(document.get("name"))):
        yield f"azure.yaml: name {document.get('name')!r} has other than lowercase letters, digits and hyphens"
    if not re.fullmatch(r"[a-z0-9-]+@\d+\.\d+\.\d+", str(document.get("metadata", {}).get("template"))):
        yield "azure.yaml: metadata.template is not name@version"
    version = re.fullmatch(r">= (\d+)\.(\d+)\.(\d+)", str(document.get("requiredVersions", {}).get("azd")))
    if version is None or tuple(map(int, version.groups())) < _AZD:
        yield "azure.yaml: requiredVersions.azd is not >= 1.25.3, from which on what hooks say is seen in `azd up`"
    services = document.get("services", {})
    if list(services) != ["api"]:
        yield f"azure.yaml: services are {list(services)!r}, not ['api'], which the tag of the app names"
    for name, service in services.items():
        yield from (f"azure.yaml: service {name}: {fault}" for fault in _service_faults(template, service))
    for name, hook in document.get("hooks", {}).items():
        yield from (f"azure.yaml: hook {name}: {fault}" for fault in _hook_faults(template, _HOOKS, name, hook))
    pipeline = set(document.get("pipeline", {}).get("variables", []))
    settable = set(variables(template).values()) - set(_ASKED.values()) | HOOK_VARIABLES
    for name in sorted(settable ^ pipeline):
        yield f"azure.yaml: pipeline.variables and {PARAMETERS} do not agree on {name}"


def _service_faults(template: Template, service: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"there is no key {key!r}" for key in sorted(set(service) - _SERVICE))
    if (service.get("host"), service.get("language")) != ("function", "python"):
        yield "host is not function, or language not python"
    folder = str(service.get("project", "")).removeprefix("./").rstrip("/")
    for needed in ("host.json", "function_app.py", "requirements.txt"):
        if f"{folder}/{needed}" not in template.files:
            yield f"project {folder!r} has no {needed}"
    hooks = service.get("hooks", {})
    if set(hooks) != {"prepackage", "postpackage"}:
        yield f"the hooks are {sorted(hooks)!r}: the package gets its backend before, and loses it after, it is packed"
    for name, hook in hooks.items():
        yield from (f"hook {name}: {fault}" for fault in _hook_faults(template, _SERVICE_HOOKS, name, hook, folder))


def _hook_faults(
    template: Template, known: frozenset[str], name: str, hook: Mapping[str, Any], folder: str = ""
) -> Iterator[str]:
    if name not in known:
        yield "azd has no such hook"
    yield from (f"there is no key {key!r}" for key in sorted(set(hook) - _HOOK))
    script = posixpath.normpath(posixpath.join(folder, str(hook.get("run", ""))))
    if script not in template.files:
        yield f"there is no file {script!r}"
    elif not script.endswith(".py"):
        yield f"{script} does not run on every system that azd runs on"


def package_faults(template: Template) -> Iterator[str]:
    """Answer what does not belong into the package of the app, and host.json that does not fit the template."""
    ignore = [line.strip() for line in template.files["src/.funcignore"].splitlines() if not line.startswith("#")]
    for path in _NOT_PACKED:
        if not any(fnmatch.fnmatch(path.rstrip("/"), pattern.rstrip("/")) for pattern in ignore if pattern):
            yield f"src/.funcignore lets {path} into the package"
    host = json.loads(template.files["src/host.json"])
    durable = host.get("extensions", {}).get("durableTask", {})
    yield from _backend_faults(durable, durable.get("storageProvider", {}))
    other = json.loads(template.files["infra/host.scheduler.json"])
    if other != {"extensions": {"durableTask": {"storageProvider": _SCHEDULER}}}:
        yield f"infra/host.scheduler.json is not the storageProvider that the template sets up: {_SCHEDULER!r}"
    if durable.get("tracing", {}).get("version") != "V2":
        yield "src/host.json: tracing.version is not V2, which leaves distributed tracing off"
    if durable.get("maxConcurrentActivityFunctions") != 32:
        yield "src/host.json: maxConcurrentActivityFunctions is not 32, the number of threads that the template sets"
    if host.get("logging", {}).get("applicationInsights", {}).get("samplingSettings", {}).get("isEnabled") is not True:
        yield "src/host.json: telemetry is not sampled"


def _backend_faults(durable: Mapping[str, Any], storage: Mapping[str, Any]) -> Iterator[str]:
    """Answer what does not fit the storage account that keeps the task hub by default."""
    if storage.get("type", "AzureStorage") != "AzureStorage":
        yield f"src/host.json names {storage['type']!r}: the hooks put another backend in its place, by a switch"
    if durable.get("hubName") != "TitlesHub":
        yield f"src/host.json: the hub is {durable.get('hubName')!r}, not 'TitlesHub'"
    if storage.get("connectionName", "AzureWebJobsStorage") != "AzureWebJobsStorage":
        yield "src/host.json: the template gives the app no storage connection but AzureWebJobsStorage"
    polling = str(storage.get("maxQueuePollingInterval", ""))
    if not re.fullmatch(r"00:00:(0[1-9]|10)", polling):
        yield f"src/host.json: maxQueuePollingInterval is {polling!r}; Flex Consumption wants 1 to 10 seconds"
