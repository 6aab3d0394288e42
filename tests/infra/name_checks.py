"""Checks that every name is legal, and known before anything exists, so that a preview can tell it.

Azure's own rules for names, which no type definition holds whole:
learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.cases import CASES
from infra.deployment import Deployment
from infra.template import Template

__all__ = ["AWKWARD_NAMES", "name_faults", "names_faults"]

AWKWARD_NAMES = ("a", "(x)_-.Y", "X" * 64, "." * 64)
"""Names that azd accepts for an environment: [a-zA-Z0-9\\-()_.]{1,64}."""

_RULES = {
    "Microsoft.Resources/resourceGroups": r"[-\w.()]{0,89}[-\w()]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[a-zA-Z0-9][-\w]{2,127}",
    "Microsoft.OperationalInsights/workspaces": r"[a-zA-Z0-9][-a-zA-Z0-9]{2,61}[a-zA-Z0-9]",
    "Microsoft.Insights/components": r"[^%&\\?/]{0,259}[^%&\\?/ .]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"[a-z0-9](?:-?[a-z0-9]){2,62}",
    "Microsoft.Web/serverfarms": r"[-a-zA-Z0-9]{1,60}",
    "Microsoft.Web/sites": r"[a-zA-Z0-9][-a-zA-Z0-9]{0,58}[a-zA-Z0-9]",
    "Microsoft.Network/virtualNetworks": r"[a-zA-Z0-9](?:[-\w.]{0,62}\w)?",
    "Microsoft.Network/privateEndpoints": r"[a-zA-Z0-9](?:[-\w.]{0,62}\w)?",
    "Microsoft.DurableTask/schedulers": r"[a-zA-Z0-9-]{3,64}",
    "Microsoft.DurableTask/schedulers/taskHubs": r"[a-zA-Z0-9-]{3,64}",
}
_OVERRIDES = {
    "Microsoft.Resources/resourceGroups": "RESOURCE_GROUP_NAME",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "APP_IDENTITY_NAME",
    "Microsoft.OperationalInsights/workspaces": "LOG_ANALYTICS_NAME",
    "Microsoft.Insights/components": "APP_INSIGHTS_NAME",
    "Microsoft.Storage/storageAccounts": "STORAGE_ACCOUNT_NAME",
    "Microsoft.Web/serverfarms": "FUNCTION_PLAN_NAME",
    "Microsoft.Web/sites": "FUNCTION_APP_NAME",
    "Microsoft.Network/virtualNetworks": "VNET_NAME",
    "Microsoft.DurableTask/schedulers": "DURABLE_TASK_SCHEDULER_NAME",
}
_PREDICTED_BY_AZURE = re.compile(r"environment\(\)|deployer\(\)")
"""What a preview knows although the compiler alone does not: the cloud, and who deploys."""


def name_faults(template: Template) -> Iterator[str]:
    """Answer the illegal names of every case, and those that cannot be predicted."""
    for case, deployment in template.deployments:
        yield from (f"case {case.name}: {fault}" for fault in names_faults(deployment))
        for each in deployment.resources:
            for text in (str(each.body["name"]), each.id):
                if "reference(" in text or (text.startswith("[") and not _PREDICTED_BY_AZURE.search(text)):
                    yield f"case {case.name}: {each.type} {text} is not known before the deployment"
    yield from _override_faults(template)


def names_faults(deployment: Deployment) -> Iterator[str]:
    """Answer the illegal names of one deployment."""
    for each in deployment.resources:
        if not re.fullmatch(_RULES.get(each.type, ".+"), each.name, re.ASCII):
            yield f"{each.type} may not be called {each.name!r}"


def _override_faults(template: Template) -> Iterator[str]:
    """In the case where every name was given, another name has lost its override."""
    named = template.deployment("named")
    for kind, variable in _OVERRIDES.items():
        asked, actual = CASES["named"].environment[variable], named.only(kind).name
        if actual != asked:
            yield f"case named: {kind} is called {actual!r}, although {variable} is {asked!r}"
