"""Checks of the private network, and of the order in which things come to be.

Role: every service that the app uses has its endpoint, zone, link and group; nothing is used before it exists.
Called by: ``checks``.
Calls: ``template`` for the deployments.
Invariant: with the network off there is none of it; with it on, a service that lacks one of the four is a fault.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from infra.bicep_values import Value
from infra.deployed import Deployment, Resource, texts_in
from infra.template import Setting, Template

__all__ = ["network_faults", "order_faults"]

_VNET, _SITE = "Microsoft.Network/virtualNetworks", "Microsoft.Web/sites"
_ENDPOINT, _GROUP = "Microsoft.Network/privateEndpoints", "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
_ZONE, _LINK = "Microsoft.Network/privateDnsZones", "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
_APP_SUBNET_SIZE = 27  # carries 1,000 instances of one Flex Consumption app


def network_faults(template: Template) -> Iterator[str]:
    """Answer what keeps the app from a service, or lets it out where it should not go."""
    for setting, deployment in template.deployments:
        faults = _private if setting.is_on("VNET_ENABLED") else _public
        yield from (f"with {setting}: {fault}" for fault in faults(setting, deployment))


def _public(_: Setting, deployment: Deployment) -> Iterator[str]:
    for each in deployment.resources:
        if each.type.startswith("Microsoft.Network/"):
            yield f"{each.type} {each.name} is deployed although there is no network"
    for site in deployment.of_type(_SITE):
        if site.at("properties.virtualNetworkSubnetId") is not None:
            yield "the app is in a subnet although there is no network"


def _private(setting: Setting, deployment: Deployment) -> Iterator[str]:
    networks = deployment.of_type(_VNET)
    if len(networks) != 1:
        yield f"there are {len(networks)} virtual networks, not one"
        return
    subnets = {
        str(each.get("name")): each.get("properties", {}) for each in _dicts(networks[0].at("properties.subnets"))
    }
    yield from _subnet_faults(networks[0], subnets, deployment)

    targets = dict(_targets(setting, deployment))
    endpoints = deployment.of_type(_ENDPOINT)
    served = [str(service) for each in endpoints for service in _group_ids(each)]
    for service in sorted(set(served) - set(targets)):
        yield f"an endpoint for {service!r}, which the app does not use"
    for service, (target, zone) in sorted(targets.items()):
        found = [each for each in endpoints if _group_ids(each) == [service]]
        if len(found) != 1:
            yield f"{service} has {len(found)} endpoints, not one"
            continue
        yield from (f"{service}: {fault}" for fault in _endpoint_faults(found[0], target, subnets, networks[0]))
        yield from (f"{service}: {fault}" for fault in _resolution_faults(found[0], zone, networks[0], deployment))
    for kind in (_ZONE, _LINK, _GROUP):
        if len(deployment.of_type(kind)) != len(targets):
            yield f"{len(deployment.of_type(kind))} {kind}, not {len(targets)}"


def _targets(setting: Setting, deployment: Deployment) -> Iterator[tuple[str, tuple[str, str]]]:
    account = deployment.only("Microsoft.Storage/storageAccounts").id
    for service in setting.storage_services:
        yield service, (account, f"privatelink.{service}.core.windows.net")
    if setting.is_on("DURABLE_TASK_SCHEDULER_ENABLED"):
        scheduler = deployment.only("Microsoft.DurableTask/schedulers").id
        yield "scheduler", (scheduler, "privatelink.durabletask.io")


def _dicts(value: Value) -> list[dict[str, Value]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _group_ids(endpoint: Resource) -> list[Value]:
    connections = _dicts(endpoint.at("properties.privateLinkServiceConnections"))
    properties = connections[0].get("properties") if connections else None
    ids = properties.get("groupIds") if isinstance(properties, dict) else None
    return ids if isinstance(ids, list) else []


def _subnet_faults(vnet: Resource, subnets: Mapping[str, Value], deployment: Deployment) -> Iterator[str]:
    prefixes = vnet.at("properties.addressSpace.addressPrefixes")
    space = [ipaddress.ip_network(str(each)) for each in prefixes] if isinstance(prefixes, list) else []
    ranges = {
        name: ipaddress.ip_network(str(each.get("addressPrefix")))
        for name, each in subnets.items()
        if isinstance(each, dict)
    }
    for name, own in ranges.items():
        if not any(own.subnet_of(whole) for whole in space):  # type: ignore[arg-type]  # both are IPv4, or it is a fault
            yield f"subnet {name} ({own}) is outside the network"
        if any(own.overlaps(other) for each, other in ranges.items() if each != name):
            yield f"subnet {name} ({own}) overlaps another"

    site = deployment.only(_SITE)
    chosen = str(site.at("properties.virtualNetworkSubnetId"))
    name = chosen.removeprefix(f"{vnet.id}/subnets/")
    app = subnets.get(name)
    if not isinstance(app, dict):
        yield f"the app is in {chosen}, which is no subnet of the network"
        return
    delegations = [each.get("properties") for each in _dicts(app.get("delegations"))]
    if delegations != [{"serviceName": "Microsoft.App/environments"}]:
        yield f"subnet {name} is delegated to {delegations!r}, not to Microsoft.App/environments"
    if ranges[name].prefixlen > _APP_SUBNET_SIZE:
        yield f"subnet {name} ({ranges[name]}) is smaller than a /{_APP_SUBNET_SIZE}"
    if "_" in name:
        yield f"Flex Consumption takes no subnet with an underscore: {name}"
    if app.get("defaultOutboundAccess") is False:
        yield f"subnet {name} lets nothing out, but the app reads public pages"


def _endpoint_faults(endpoint: Resource, target: str, subnets: Mapping[str, Value], vnet: Resource) -> Iterator[str]:
    connection = _dicts(endpoint.at("properties.privateLinkServiceConnections"))[0].get("properties")
    if isinstance(connection, dict) and connection.get("privateLinkServiceId") != target:
        yield f"the endpoint leads to {connection.get('privateLinkServiceId')}, not to {target}"
    subnet = subnets.get(str(endpoint.at("properties.subnet.id")).removeprefix(f"{vnet.id}/subnets/"))
    if not isinstance(subnet, dict) or subnet.get("delegations"):
        yield f"the endpoint is in {endpoint.at('properties.subnet.id')}, which is no subnet for endpoints"


def _resolution_faults(endpoint: Resource, zone: str, vnet: Resource, deployment: Deployment) -> Iterator[str]:
    zones = [each for each in deployment.of_type(_ZONE) if each.name == zone]
    if len(zones) != 1:
        yield f"there are {len(zones)} zones {zone}, not one"
        return
    links = [each for each in deployment.of_type(_LINK) if each.parent_id == zones[0].id]
    if len(links) != 1 or links[0].at("properties.virtualNetwork.id") != vnet.id:
        yield f"zone {zone} is not linked to the network"
    elif links[0].at("properties.registrationEnabled") is not False:
        yield f"zone {zone} registers names by itself"
    groups = [each for each in deployment.of_type(_GROUP) if each.parent_id == endpoint.id]
    configs = _dicts(groups[0].at("properties.privateDnsZoneConfigs")) if len(groups) == 1 else []
    if [each.get("properties") for each in configs] != [{"privateDnsZoneId": zones[0].id}]:
        yield f"the endpoint does not enter itself into zone {zone}"


def order_faults(template: Template) -> Iterator[str]:
    """Answer what is used before it exists, and what the app does not wait for."""
    found: dict[str, None] = {}
    for setting, deployment in template.deployments:
        ids = {each.id for each in deployment.resources}
        for each in deployment.resources:
            before = deployment.before(each)
            if each.id in before:
                found[f"{each.path}:{each.line}: {each.type} waits for itself"] = None
            for used in _used(each, ids) - before - {each.id}:
                found[f"{each.path}:{each.line}: {each.type} uses {used}, but may be created before it"] = None
        for site in deployment.of_type(_SITE):
            awaited = [each for each in deployment.resources if each.type in (_GROUP, _LINK) or _is_role(each)]
            for each in awaited:
                if each.id not in deployment.before(site):
                    found[f"with {setting}: the app does not wait for {each.type} {each.name}"] = None
    yield from found


def _is_role(resource: Resource) -> bool:
    return resource.type == "Microsoft.Authorization/roleAssignments"


def _used(resource: Resource, ids: set[str]) -> set[str]:
    """Answer the resources whose ids stand anywhere in a body, a scope or a parent: each has to exist first."""
    texts = [*texts_in(dict(resource.body)), resource.scope_id or "", resource.parent_id or ""]
    used = set()
    for text in texts:
        if "/" in text:
            used |= {each for each in ids if each in text and not _longer(each, text)}
    return used


def _longer(own_id: str, text: str) -> bool:
    """Answer whether the text goes on to name something below or beside it: another id that merely begins alike."""
    rest = text.partition(own_id)[2]
    return bool(rest) and rest[0] not in "|/"
