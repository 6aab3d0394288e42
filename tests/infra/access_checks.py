"""Checks of who may do what: role assignments, and what the template gives away in its outputs.

Role: the assignments of every setting are compared whole with the intended ones, scope and kind of principal included.
Called by: ``checks``.
Calls: ``template`` for the deployments, ``bicep_syntax`` for outputs.
Invariant: nobody but the app gets a role unless a reader was asked for, and then only roles that read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from infra.bicep_functions import FUNCTIONS, SUBSCRIPTION_ID
from infra.bicep_nodes import Access, Call, Expression, children_of
from infra.bicep_syntax import declarations
from infra.bicep_values import Value
from infra.deployed import Deployment
from infra.template import MAIN, Setting, Template

__all__ = ["OUTPUTS", "ROLES", "output_faults", "role_faults"]

Assignment = tuple[Value, Value, Value, Value]

ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Durable Task Data Contributor": "0ad04412-c4d5-4796-b79c-f76d14c8d402",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Table Data Reader": "76199698-9eea-4c19-bc75-cec21354c6b6",
}
OUTPUTS = frozenset(
    {
        "AZURE_FUNCTION_NAME",
        "AZURE_LOCATION",
        "AZURE_RESOURCE_GROUP",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_TENANT_ID",
        "SERVICE_API_NAME",
        "SERVICE_API_URI",
    }
)
_SECRET = re.compile(
    r"connection_?string|instrumentation_?key|password|secret|token|credential|sas|(^|_)keys?$|^list", re.I
)


def role_faults(template: Template) -> Iterator[str]:
    """Answer each assignment that is missing, and each that nobody asked for."""
    for setting, deployment in template.deployments:
        actual = Counter(_actual(deployment))
        wanted = Counter(_wanted(setting, deployment))
        for assignment in wanted - actual:
            yield f"with {setting}: missing {_told(assignment)}"
        for assignment in actual - wanted:
            yield f"with {setting}: not asked for, or twice: {_told(assignment)}"
        yield from _name_faults(setting, deployment)


def _actual(deployment: Deployment) -> Iterator[Assignment]:
    for each in deployment.of_type("Microsoft.Authorization/roleAssignments"):
        kind, principal = each.at("properties.principalType"), each.at("properties.principalId")
        yield each.scope_id, kind, principal, each.at("properties.roleDefinitionId")


def _wanted(setting: Setting, deployment: Deployment) -> Iterator[Assignment]:
    app = f"<{deployment.only('Microsoft.ManagedIdentity/userAssignedIdentities').id}|properties.principalId>"
    account = deployment.only("Microsoft.Storage/storageAccounts").id
    on_storage = {
        "blob": "Storage Blob Data Owner",
        "queue": "Storage Queue Data Contributor",
        "table": "Storage Table Data Contributor",
    }
    for service in setting.storage_services:
        yield account, "ServicePrincipal", app, _role_id(on_storage[service])
    insights = deployment.only("Microsoft.Insights/components").id
    yield insights, "ServicePrincipal", app, _role_id("Monitoring Metrics Publisher")
    if setting.is_on("DURABLE_TASK_SCHEDULER_ENABLED"):
        scheduler = deployment.only("Microsoft.DurableTask/schedulers").id
        yield scheduler, "ServicePrincipal", app, _role_id("Durable Task Data Contributor")
    if setting.reader is not None:
        for role in ("Storage Blob Data Reader", "Storage Table Data Reader"):
            yield account, setting.reader, setting.environment["HUB_READER_PRINCIPAL_ID"], _role_id(role)


def _role_id(role: str) -> str:
    return f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"


def _told(assignment: Assignment) -> str:
    scope, kind, principal, role = assignment
    guid = str(role).rpartition("/")[2]
    name = next((name for name, each in ROLES.items() if each == guid), guid)
    return f"{name} on {scope} for {kind} {principal}"


def _name_faults(setting: Setting, deployment: Deployment) -> Iterator[str]:
    """A name that does not come from all three parts collides as soon as one of them changes."""
    for each in deployment.of_type("Microsoft.Authorization/roleAssignments"):
        guid = str(each.at("properties.roleDefinitionId")).rpartition("/")[2]
        if each.name != FUNCTIONS["guid"].answer(each.scope_id, each.at("properties.principalId"), guid):
            yield f"with {setting}: {each.path}:{each.line}: name the assignment guid(scope, principal, role)"


def output_faults(template: Template) -> Iterator[str]:
    """Answer outputs that are missing or too many, and any output of any file that gives a secret away."""
    actual = {each.name for each in declarations(template.files[MAIN]) if each.kind == "output"}
    for name in sorted(actual ^ OUTPUTS):
        yield f"{MAIN}: output {name} is {'not asked for' if name in actual else 'missing'}"
    for path, text in template.bicep.items():
        for each in declarations(text):
            if each.kind == "output" and each.value is not None:
                for word in (each.name, *_words(each.value)):
                    if _SECRET.search(word):
                        yield f"{path}: output {each.name} gives away {word!r}"


def _words(node: Expression) -> Iterator[str]:
    if isinstance(node, Access | Call):
        yield node.name
    for child in children_of(node):
        yield from _words(child)
