"""Checks of what each resource must, and must not, be told: the security and plan rules of the template.

App settings are compared whole, so that one more, or one less, is a fault as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.cases import Case
from infra.deployment import Deployment, Resource
from infra.template import Template

__all__ = ["app_setting_faults", "property_faults"]

Wanted = Mapping[str, Any]
_ACCOUNT, _CONTAINER = "Microsoft.Storage/storageAccounts", "Microsoft.Storage/storageAccounts/blobServices/containers"
_SITE, _PLAN = "Microsoft.Web/sites", "Microsoft.Web/serverfarms"
_SCHEDULER, _HUB = "Microsoft.DurableTask/schedulers", "Microsoft.DurableTask/schedulers/taskHubs"
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
_INSIGHTS, _WORKSPACE = "Microsoft.Insights/components", "Microsoft.OperationalInsights/workspaces"
_PUBLISHING = "Microsoft.Web/sites/basicPublishingCredentialsPolicies"
_DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
_SCALE = "properties.functionAppConfig.scaleAndConcurrency"

# All that is said of the site beside its settings. The plan deprecates the rest, or some regions have refused it there,
# or it opens a door; the resource type would let it pass.
_SITE_CONFIG = {"appSettings", "minTlsVersion"}
_FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    _SITE: ("properties.keyVaultReferenceIdentity", "properties.reserved"),
    _ACCOUNT: ("properties.networkAcls.ipRules", "properties.networkAcls.virtualNetworkRules"),
}


def property_faults(template: Template) -> Iterator[str]:
    """Answer each required property that is missing or different, and each forbidden one that is there."""
    for case, deployment in template.deployments:
        for kind, wanted in _required(case, deployment).items():
            resources = deployment.of_type(kind)
            if not resources:
                yield f"case {case.name}: there is no {kind}"
            for resource in resources:
                yield from (f"case {case.name}: {fault}" for fault in _differences(resource, wanted))
        for kind, paths in _FORBIDDEN.items():
            for resource in deployment.of_type(kind):
                for path in paths:
                    if resource.at(path) is not None:
                        yield f"case {case.name}: {kind} sets {path}, which it must not"
        for site in deployment.of_type(_SITE):
            for name in sorted(set(site.at("properties.siteConfig")) - _SITE_CONFIG):
                yield f"case {case.name}: {_SITE} sets siteConfig.{name}, which Flex Consumption does not need"


def _differences(resource: Resource, wanted: Wanted) -> Iterator[str]:
    for path, value in wanted.items():
        actual = resource.at(path)
        if actual != value or type(actual) is not type(value):
            yield f"{resource.type} has {path} = {actual!r}, not {value!r}"


def _required(case: Case, deployment: Deployment) -> Mapping[str, Wanted]:
    private = case.private
    identity_id, workspace_id, plan_id = (deployment.only(kind).id for kind in (_IDENTITY, _WORKSPACE, _PLAN))
    spread = case.is_on("ZONE_REDUNDANT")
    required: dict[str, Wanted] = {
        "Microsoft.Resources/resourceGroups": {"tags.azd-env-name": case.environment["AZURE_ENV_NAME"]},
        _ACCOUNT: {
            "kind": "StorageV2",
            "sku.name": "Standard_ZRS" if spread else "Standard_LRS",
            "properties.allowBlobPublicAccess": False,
            "properties.allowCrossTenantReplication": False,
            "properties.allowSharedKeyAccess": False,
            "properties.defaultToOAuthAuthentication": True,
            "properties.isLocalUserEnabled": False,
            "properties.minimumTlsVersion": "TLS1_2",
            "properties.supportsHttpsTrafficOnly": True,
            "properties.publicNetworkAccess": "Disabled" if private else "Enabled",
            "properties.networkAcls.defaultAction": "Deny" if private else "Allow",
            "properties.networkAcls.bypass": "None",
        },
        _CONTAINER: {"properties.publicAccess": "None"},
        _WORKSPACE: {
            "properties.sku.name": "PerGB2018",
            "properties.retentionInDays": 30,
            "properties.workspaceCapping.dailyQuotaGb": int(case.environment.get("LOG_DAILY_QUOTA_GB", "1")),
        },
        _INSIGHTS: {"properties.DisableLocalAuth": True, "properties.WorkspaceResourceId": workspace_id},
        _PLAN: {
            "kind": "functionapp",
            "sku.name": "FC1",
            "sku.tier": "FlexConsumption",
            "properties.reserved": True,
            "properties.zoneRedundant": spread,
        },
        _PUBLISHING: {"properties.allow": False},
        _SITE: {
            "kind": "functionapp,linux",
            "tags.azd-service-name": "api",
            "identity.type": "UserAssigned",
            "identity.userAssignedIdentities": {identity_id: {}},
            "properties.serverFarmId": plan_id,
            "properties.httpsOnly": True,
            "properties.publicNetworkAccess": "Enabled",
            "properties.siteConfig.minTlsVersion": "1.2",
            "properties.functionAppConfig.deployment.storage.type": "blobContainer",
            "properties.functionAppConfig.deployment.storage.authentication": {
                "type": "UserAssignedIdentity",
                "userAssignedIdentityResourceId": identity_id,
            },
            **_scaling(case),
        },
    }
    if case.in_scheduler:
        location = case.environment.get("DURABLE_TASK_SCHEDULER_LOCATION", case.environment["AZURE_LOCATION"])
        required[_HUB] = {"name": f"{deployment.only(_SCHEDULER).name}/TitlesHub"}
        required[_SCHEDULER] = {
            "location": location,
            "properties.sku.name": "Consumption",
            "properties.publicNetworkAccess": "Disabled" if private else "Enabled",
            "properties.ipAllowlist": [] if private else ["0.0.0.0/0"],
        }
    if case.is_on("DIAGNOSTICS_ENABLED"):
        required[_DIAGNOSTICS] = {"properties.workspaceId": workspace_id}
    return required


def _scaling(case: Case) -> Wanted:
    always_ready, concurrency = case.environment.get("DURABLE_ALWAYS_READY"), case.environment.get("HTTP_CONCURRENCY")
    least = 2 if case.is_on("ZONE_REDUNDANT") else 1
    ready = [{"name": "durable", "instanceCount": max(int(always_ready), least)}] if always_ready else []
    return {
        "properties.functionAppConfig.runtime": {
            "name": "python",
            "version": case.environment.get("FUNCTION_PYTHON_VERSION", "3.12"),
        },
        "properties.functionAppConfig.siteUpdateStrategy": (
            {"type": "RollingUpdate"} if case.is_on("ROLLING_UPDATES") else None
        ),
        f"{_SCALE}.instanceMemoryMB": int(case.environment.get("INSTANCE_MEMORY_MB", "2048")),
        f"{_SCALE}.maximumInstanceCount": int(case.environment.get("MAXIMUM_INSTANCE_COUNT", "100")),
        f"{_SCALE}.alwaysReady": ready,
        f"{_SCALE}.triggers": {"http": {"perInstanceConcurrency": int(concurrency)}} if concurrency else None,
    }


def app_setting_faults(template: Template) -> Iterator[str]:
    """Answer each app setting that is missing, different, doubled, or not asked for."""
    for case, deployment in template.deployments:
        given = deployment.only(_SITE).at("properties.siteConfig.appSettings")
        pairs = [(str(one["name"]), _readable(str(one["value"]), deployment)) for one in given]
        wanted = _app_settings(case)
        for name in sorted({name for name, _ in pairs} | set(wanted)):
            values = [value for each, value in pairs if each == name]
            expected = [wanted[name]] if name in wanted else []
            if values != expected:
                yield f"case {case.name}: app setting {name!r} is {values!r}, not {expected!r}"


def _readable(value: str, deployment: Deployment) -> str:
    """Answer a value with short words for the resources that it is read from."""
    kinds = {_ACCOUNT: "account", _IDENTITY: "identity", _INSIGHTS: "insights", _SCHEDULER: "scheduler"}
    for kind, word in kinds.items():
        for resource in deployment.of_type(kind):
            value = value.replace(f"reference('{resource.id}', '{_versions(deployment)[kind]}')", word)
    return value


def _versions(deployment: Deployment) -> Mapping[str, str]:
    return {each.type: str(each.at("apiVersion")) for each in deployment.resources}


def _app_settings(case: Case) -> Mapping[str, str]:
    settings = {
        f"AzureWebJobsStorage__{service}ServiceUri": f"[account.primaryEndpoints.{service}]"
        for service in case.storage_services
    } | {
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": "[identity.clientId]",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "[insights.ConnectionString]",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "[format('ClientId={0};Authorization=AAD', identity.clientId)]",
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        "TITLE_HOSTS": case.environment.get("TITLE_HOSTS", "learn.microsoft.com"),
    }
    if case.in_scheduler:
        settings["DURABLE_TASK_SCHEDULER_CONNECTION_STRING"] = (
            "[format('Endpoint={0};Authentication=ManagedIdentity;ClientID={1}', "
            "scheduler.endpoint, identity.clientId)]"
        )
    return settings
