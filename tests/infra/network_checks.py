"""Checks of the private network: every service that the app uses has its endpoint, zone, link and group.

With the network off there is none of it; with it on, a service that lacks one of the four is a fault.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from infra.cases import Case
from infra.deployment import Deployment, Resource
from infra.template import Template

__all__ = ["network_faults"]

_VNET, _SITE = "Microsoft.Network/virtualNetworks", "Microsoft.Web/sites"
_ENDPOINT, _GROUP = "Microsoft.Network/privateEndpoints", "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
_ZONE, _LINK = "Microsoft.Network/privateDnsZones", "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
_APP_SUBNET_SIZE = 27  # carries 1,000 instances of one Flex Consumption app


def network_faults(template: Template) -> Iterator[str]:
    """Answer what keeps the app from a service, or lets it out where it should not go."""
    for case, deployment in template.deployments:
        faults = _private if case.private else _public
        yield from (f"case {case.name}: {fault}" for fault in faults(case, deployment))


def _public(_: Case, deployment: Deployment) -> Iterator[str]:
    for each in deployment.resources:
        if each.type.startswith("Microsoft.Network/"):
            yield f"{each.type} {each.name} is deployed although there is no network"
    for site in deployment.of_type(_SITE):
        if site.at("properties.virtualNetworkSubnetId") is not None:
            yield "the app is in a subnet although there is no network"


def _private(case: Case, deployment: Deployment) -> Iterator[str]:
    networks = deployment.of_type(_VNET)
    if len(networks) != 1:
        yield f"there are {len(networks)} virtual networks, not one"
        return
    subnets = {
        str(each.get("name")): each.get("properties", {}) for each in _dicts(networks[0].at("properties.subnets"))
    }
    yield from _subnet_faults(networks[0], subnets, deployment)

    targets = dict(_targets(case, deployment))
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


def _targets(case: Case, deployment: Deployment) -> Iterator[tuple[str, tuple[str, str]]]:
    account = deployment.only("Microsoft.Storage/storageAccounts").id
    for service in case.storage_services:
        yield service, (account, f"[format('privatelink.{{0}}.{{1}}', '{service}', environment().suffixes.storage)]")
    if case.in_scheduler:
        scheduler = deployment.only("Microsoft.DurableTask/schedulers").id
        yield "scheduler", (scheduler, "privatelink.durabletask.io")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _group_ids(endpoint: Resource) -> list[Any]:
    connections = _dicts(endpoint.at("properties.privateLinkServiceConnections"))
    properties = connections[0].get("properties") if connections else None
    ids = properties.get("groupIds") if isinstance(properties, dict) else None
    return ids if isinstance(ids, list) else []


def _subnet_faults(vnet: Resource, subnets: Mapping[str, Any], deployment: Deployment) -> Iterator[str]:
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
    if app.get("defaultOutboundAccess") is not True:
        yield f"subnet {name} does not say that it lets traffic out, and the app reads public pages"


def _endpoint_faults(endpoint: Resource, target: str, subnets: Mapping[str, Any], vnet: Resource) -> Iterator[str]:
    connection = _dicts(endpoint.at("properties.privateLinkServiceConnections"))[0].get("properties")
    if isinstance(connection, dict) and connection.get("privateLinkServiceId") != target:
        yield f"the endpoint leads to {connection.get('privateLinkServiceId')}, not to {target}"
    subnet = subnets.get(str(endpoint.at("properties.subnet.id")).removeprefix(f"{vnet.id}/subnets/"))
    if not isinstance(subnet, dict) or subnet.get("delegations"):
        yield f"the endpoint is in {endpoint.at('properties.subnet.id')}, which is no subnet for endpoints"


def _resolution_faults(endpoint: Resource, zone: str, vnet: Resource, deployment: Deployment) -> Iterator[str]:
    zones = [each for each in deployment.of_type(_ZONE) if each.body["name"] == zone]
    if len(zones) != 1:
        yield f"there are {len(zones)} zones {zone}, not one"
        return
    links = [each for each in deployment.of_type(_LINK) if zone.strip("[]") in each.body["name"]]
    if len(links) != 1 or links[0].at("properties.virtualNetwork.id") != vnet.id:
        yield f"zone {zone} is not linked to the network"
    elif links[0].at("properties.registrationEnabled") is not False:
        yield f"zone {zone} registers names by itself"
    groups = [each for each in deployment.of_type(_GROUP) if each.id.startswith(f"{endpoint.id}/")]
    configs = _dicts(groups[0].at("properties.privateDnsZoneConfigs")) if len(groups) == 1 else []
    if [each.get("properties") for each in configs] != [{"privateDnsZoneId": zones[0].id}]:
        yield f"the endpoint does not enter itself into zone {zone}"
