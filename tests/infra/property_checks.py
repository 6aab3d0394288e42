"""Checks of what each resource must, and must not, be told, in every setting of the switches.

Role: the security and plan rules of the template, as one table of properties and one of app settings.
Called by: ``checks``.
Calls: ``template`` for the deployments.
Invariant: app settings are compared whole, so that one more, or one less, is a fault as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from infra.bicep_values import Value
from infra.deployed import Deployment, Resource
from infra.template import Setting, Template

__all__ = ["app_setting_faults", "property_faults"]

Wanted = Mapping[str, Value]
_ACCOUNT, _CONTAINER = "Microsoft.Storage/storageAccounts", "Microsoft.Storage/storageAccounts/blobServices/containers"
_SITE, _PLAN = "Microsoft.Web/sites", "Microsoft.Web/serverfarms"
_SCHEDULER, _IDENTITY = "Microsoft.DurableTask/schedulers", "Microsoft.ManagedIdentity/userAssignedIdentities"
_INSIGHTS, _WORKSPACE = "Microsoft.Insights/components", "Microsoft.OperationalInsights/workspaces"
_PUBLISHING = "Microsoft.Web/sites/basicPublishingCredentialsPolicies"
_DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"

# The plan deprecates these, or they open a door; the definitions would let them pass.
_FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    _SITE: (
        "properties.keyVaultReferenceIdentity",
        "properties.reserved",
        "properties.siteConfig.alwaysOn",
        "properties.siteConfig.connectionStrings",
        "properties.siteConfig.cors",
        "properties.siteConfig.ftpsState",
        "properties.siteConfig.functionAppScaleLimit",
        "properties.siteConfig.linuxFxVersion",
        "properties.siteConfig.pythonVersion",
        "properties.siteConfig.vnetRouteAllEnabled",
    ),
    _ACCOUNT: ("properties.networkAcls.ipRules", "properties.networkAcls.virtualNetworkRules"),
}


def property_faults(template: Template) -> Iterator[str]:
    """Answer each required property that is missing or different, and each forbidden one that is there."""
    found: dict[str, None] = {}
    for setting, deployment in template.deployments:
        for kind, wanted in _required(setting, deployment).items():
            resources = deployment.of_type(kind)
            if not resources:
                found[f"with {setting}: there is no {kind}"] = None
            for resource in resources:
                for fault in _differences(resource, wanted):
                    found[f"with {setting}: {fault}"] = None
        for kind, paths in _FORBIDDEN.items():
            for resource in deployment.of_type(kind):
                for path in paths:
                    if resource.at(path) is not None:
                        found[f"{resource.path}: {kind} sets {path}, which it must not"] = None
    yield from found


def _differences(resource: Resource, wanted: Wanted) -> Iterator[str]:
    for path, value in wanted.items():
        actual = resource.at(path)
        if (not value(actual)) if callable(value) else (actual != value or type(actual) is not type(value)):
            expected = value.__doc__ if callable(value) else repr(value)
            yield f"{resource.path}: {resource.type} has {path} = {actual!r}, not {expected}"


def _one_of(*allowed: Value) -> Callable[[Value], bool]:
    def check(value: Value) -> bool:
        return value in allowed

    check.__doc__ = f"one of {allowed!r}"
    return check


def _id_of(deployment: Deployment, kind: str) -> str:
    found = deployment.of_type(kind)
    return found[0].id if len(found) == 1 else f"the one {kind}"


def _required(setting: Setting, deployment: Deployment) -> Mapping[str, Wanted]:
    private = setting.is_on("VNET_ENABLED")
    identity_id, workspace_id, plan_id = (_id_of(deployment, kind) for kind in (_IDENTITY, _WORKSPACE, _PLAN))
    always_ready = setting.environment.get("DURABLE_ALWAYS_READY")
    required: dict[str, Wanted] = {
        "Microsoft.Resources/resourceGroups": {"tags.azd-env-name": setting.environment["AZURE_ENV_NAME"]},
        _ACCOUNT: {
            "kind": "StorageV2",
            "sku.name": "Standard_LRS",
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
            "properties.workspaceCapping.dailyQuotaGb": 1,
        },
        _INSIGHTS: {"properties.DisableLocalAuth": True, "properties.WorkspaceResourceId": workspace_id},
        _PLAN: {"kind": "functionapp", "sku.name": "FC1", "sku.tier": "FlexConsumption", "properties.reserved": True},
        _PUBLISHING: {"name": _one_of("ftp", "scm"), "properties.allow": False},
        _SITE: {
            "kind": "functionapp,linux",
            "tags.azd-service-name": "api",
            "identity.type": "UserAssigned",
            "identity.userAssignedIdentities": {identity_id: {}},
            "properties.serverFarmId": plan_id,
            "properties.httpsOnly": True,
            "properties.publicNetworkAccess": "Enabled",
            "properties.siteConfig.minTlsVersion": "1.2",
            "properties.siteConfig.http20Enabled": True,
            "properties.functionAppConfig.deployment.storage.type": "blobContainer",
            "properties.functionAppConfig.deployment.storage.authentication": {
                "type": "UserAssignedIdentity",
                "userAssignedIdentityResourceId": identity_id,
            },
            "properties.functionAppConfig.runtime": {"name": "python", "version": "3.12"},
            "properties.functionAppConfig.scaleAndConcurrency": {
                "instanceMemoryMB": 2048,
                "maximumInstanceCount": 100,
                "alwaysReady": [{"name": "durable", "instanceCount": int(always_ready)}] if always_ready else [],
            },
        },
    }
    if setting.is_on("DURABLE_TASK_SCHEDULER_ENABLED"):
        required[_SCHEDULER] = {
            "properties.sku.name": "Consumption",
            "properties.publicNetworkAccess": "Disabled" if private else "Enabled",
            "properties.ipAllowlist": [] if private else ["0.0.0.0/0"],
        }
    if setting.is_on("DIAGNOSTICS_ENABLED"):
        required[_DIAGNOSTICS] = {"properties.workspaceId": workspace_id}
    return required


def app_setting_faults(template: Template) -> Iterator[str]:
    """Answer each app setting that is missing, different, doubled, or not asked for."""
    for setting, deployment in template.deployments:
        sites = deployment.of_type(_SITE)
        given = sites[0].at("properties.siteConfig.appSettings") if sites else None
        pairs = [(str(one.get("name")), one.get("value")) for one in given] if isinstance(given, list) else []
        wanted = _app_settings(setting, deployment)
        for name in sorted({name for name, _ in pairs} | set(wanted)):
            values = [value for each, value in pairs if each == name]
            expected = [wanted[name]] if name in wanted else []
            if values != expected:
                yield f"with {setting}: app setting {name!r} is {values!r}, not {expected!r}"


def _app_settings(setting: Setting, deployment: Deployment) -> Mapping[str, str]:
    account, insights = deployment.only(_ACCOUNT).id, deployment.only(_INSIGHTS).id
    client_id = f"<{deployment.only(_IDENTITY).id}|properties.clientId>"
    settings = {
        f"AzureWebJobsStorage__{service}ServiceUri": f"<{account}|properties.primaryEndpoints.{service}>"
        for service in setting.storage_services
    } | {
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": client_id,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": f"<{insights}|properties.ConnectionString>",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": f"ClientId={client_id};Authorization=AAD",
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        "TITLE_HOSTS": "learn.microsoft.com",
    }
    if setting.is_on("DURABLE_TASK_SCHEDULER_ENABLED"):
        endpoint = f"<{deployment.only(_SCHEDULER).id}|properties.endpoint>"
        settings |= {
            "DURABLE_TASK_SCHEDULER_CONNECTION_STRING": (
                f"Endpoint={endpoint};Authentication=ManagedIdentity;ClientID={client_id}"
            ),
            "TASKHUB_NAME": "TitlesHub",
        }
    return settings
