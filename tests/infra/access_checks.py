"""Checks of who may do what: role assignments, and what the template gives away in its outputs.

Nobody but the app gets a role unless whoever deploys asked to read, and then only roles that read.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator

from infra.cases import Case
from infra.compiler import SUBSCRIPTION_ID
from infra.deployment import Deployment, Resource, is_read_from
from infra.template import Template

__all__ = ["OUTPUTS", "ROLES", "output_faults", "role_faults"]

Assignment = tuple[str, str, str | None, str]

ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Durable Task Data Contributor": "0ad04412-c4d5-4796-b79c-f76d14c8d402",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Table Data Reader": "76199698-9eea-4c19-bc75-cec21354c6b6",
    "Durable Task Data Reader": "d6a5505f-6ebb-45a4-896e-ac8274cfc0ac",
}
OUTPUTS = frozenset(
    {
        "AZURE_FUNCTION_NAME",
        "AZURE_LOCATION",
        "AZURE_RESOURCE_GROUP",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_TABLE_HOST",
        "AZURE_TENANT_ID",
        "SERVICE_API_NAME",
        "SERVICE_API_URI",
    }
)
_SECRET = re.compile(
    r"connection_?string|instrumentation_?key|password|secret|token|credential|sas|keys?\b|\blist\w+\(", re.I
)
_ASSIGNMENT, _DEPLOYER = "Microsoft.Authorization/roleAssignments", "[deployer().objectId]"
_GUIDS = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""The namespace of the guid() of ARM templates."""


def role_faults(template: Template) -> Iterator[str]:
    """Answer each assignment that is missing, and each that nobody asked for."""
    for case, deployment in template.deployments:
        actual = Counter(_actual(deployment))
        wanted = Counter(_wanted(case, deployment))
        for assignment in wanted - actual:
            yield f"case {case.name}: missing {_told(assignment)}"
        for assignment in actual - wanted:
            yield f"case {case.name}: not asked for, or twice: {_told(assignment)}"
        for each in deployment.of_type(_ASSIGNMENT):
            if str(each.body["name"]) != _wanted_name(each, deployment):
                yield f"case {case.name}: {_told(_assignment(each, deployment))} is not named guid(scope, who, role)"


def _actual(deployment: Deployment) -> Iterator[Assignment]:
    for each in deployment.of_type(_ASSIGNMENT):
        yield _assignment(each, deployment)


def _assignment(each: Resource, deployment: Deployment) -> Assignment:
    who = str(each.at("properties.principalId"))
    if is_read_from(who, _identity(deployment), "principalId"):
        who = "the app"
    return each.scope, who, each.at("properties.principalType"), str(each.at("properties.roleDefinitionId"))


def _identity(deployment: Deployment) -> Resource:
    return deployment.only("Microsoft.ManagedIdentity/userAssignedIdentities")


def _wanted(case: Case, deployment: Deployment) -> Iterator[Assignment]:
    account = deployment.only("Microsoft.Storage/storageAccounts").id
    app = "the app", "ServicePrincipal"
    on_storage = {
        "blob": "Storage Blob Data Owner",
        "queue": "Storage Queue Data Contributor",
        "table": "Storage Table Data Contributor",
    }
    for service in case.storage_services:
        yield account, *app, _role_id(on_storage[service])
    insights = deployment.only("Microsoft.Insights/components").id
    yield insights, *app, _role_id("Monitoring Metrics Publisher")
    reads = case.is_on("DEPLOYER_READS_HUB")
    if case.in_scheduler:
        scheduler = deployment.only("Microsoft.DurableTask/schedulers").id
        yield scheduler, *app, _role_id("Durable Task Data Contributor")
        if reads:
            yield scheduler, _DEPLOYER, None, _role_id("Durable Task Data Reader")
    elif reads:
        for role in ("Storage Blob Data Reader", "Storage Table Data Reader"):
            yield account, _DEPLOYER, None, _role_id(role)


def _role_id(role: str) -> str:
    return f"/subscriptions/{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"


def _told(assignment: Assignment) -> str:
    scope, who, _, role = assignment
    guid = role.rpartition("/")[2]
    name = next((name for name, each in ROLES.items() if each == guid), f"role {guid}")
    return f"{name} on {scope.rpartition('/')[2]} for {who}"


def _wanted_name(each: Resource, deployment: Deployment) -> str:
    """A name that leaves one of the three out collides; one of a principal's id cannot be predicted."""
    guid = str(each.at("properties.roleDefinitionId")).rpartition("/")[2]
    if each.at("properties.principalId") == _DEPLOYER:
        return f"[guid('{each.scope}', deployer().objectId, '{guid}')]"
    return str(uuid.uuid5(_GUIDS, f"{each.scope}-{_identity(deployment).id}-{guid}"))


def output_faults(template: Template) -> Iterator[str]:
    """Answer outputs that are missing or too many, and any that gives a secret away."""
    outputs = template.outline["outputs"]
    for name in sorted(set(outputs) ^ OUTPUTS):
        yield f"output {name} is {'not asked for' if name in outputs else 'missing'}"
    for case, deployment in template.deployments:
        for name, value in {**outputs, **deployment.outputs}.items():
            if _SECRET.search(f"{name} {value}"):
                yield f"case {case.name}: output {name} gives something away: {value}"
