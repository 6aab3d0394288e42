"""Checks that every name is legal, whatever azd accepts as the name of an environment.

Role: Azure's own rules for names, which no type definition holds whole.
Called by: ``checks`` for a handful of awkward names; a property test for any other.
Calls: ``template``, which deploys with the name.
Invariant: equal names but for upper and lower case give equal resources: Azure would not tell them apart either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.bicep_values import BicepError
from infra.template import Template

__all__ = ["AWKWARD_NAMES", "ENVIRONMENT_NAME", "name_faults", "names_faults"]

ENVIRONMENT_NAME = r"[a-zA-Z0-9\-()_.]{1,64}"  # azd's own rule
AWKWARD_NAMES = ("a", "My.Env", "ends.", "....", "(x)_-.y", "-", "_", "1", "X" * 64, "." * 64)

# Length, then what may be in it; learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
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
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": r"[a-zA-Z0-9](?:[-\w.]{0,78}\w)?",
    "Microsoft.DurableTask/schedulers": r"[a-zA-Z0-9-]{3,64}",
    "Microsoft.DurableTask/schedulers/taskHubs": r"[a-zA-Z0-9-]{3,64}",
}


def name_faults(template: Template) -> Iterator[str]:
    """Answer the illegal names of every awkward environment."""
    for name in AWKWARD_NAMES:
        yield from names_faults(template, name)


def names_faults(template: Template, environment_name: str) -> Iterator[str]:
    """Answer the illegal names that one environment's name leads to."""
    environment = {"AZURE_LOCATION": "westeurope", "DURABLE_TASK_SCHEDULER_ENABLED": "true"}
    try:
        one, other = (
            template.deploy({**environment, "AZURE_ENV_NAME": name})
            for name in (environment_name, environment_name.swapcase())
        )
    except BicepError as wrong:
        yield f"environment {environment_name!r}: {wrong}"
        return
    for each in one.resources:
        rule = _RULES.get(each.type, ".+")
        if not re.fullmatch(rule, each.name, re.ASCII):
            yield f"environment {environment_name!r}: {each.type} may not be called {each.name!r}"
    if [each.name.lower() for each in one.resources[1:]] != [each.name.lower() for each in other.resources[1:]]:
        yield f"environment {environment_name!r}: upper and lower case share a resource group, but not the names in it"
