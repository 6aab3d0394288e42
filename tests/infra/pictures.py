"""Draw what is deployed, from the snapshots, once with the network and once without.

`PYTHONPATH=tests python -m infra.pictures` writes infra/pictures/*.svg; a test draws them again and compares. Every
resource is in the picture, as a box, a line or a word; a type without a place stops the drawing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from infra.access_checks import ROLES
from infra.deployment import Deployment, Resource
from infra.template import ROOT, Template

__all__ = ["PICTURES", "draw", "main"]

PICTURES = {
    "infra/pictures/with-network.svg": ("VNET_ENABLED=true (the default)", "default"),
    "infra/pictures/without-network.svg": ("VNET_ENABLED=false", "no-network"),
}
_WIDTH, _LINE, _PAD, _BOX = 330, 19, 14, 300
_ROLE_NAMES = {guid: name for name, guid in ROLES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box: a heading, and lines below it."""

    heading: str
    lines: tuple[str, ...]

    @property
    def height(self) -> int:
        """Answer how high the box is."""
        return _PAD + _LINE * (1 + len(self.lines)) + _PAD // 2


def draw(deployment: Deployment, title: str) -> str:
    """Answer the picture of one case as SVG."""
    token = deployment.only("Microsoft.Storage/storageAccounts").name.removeprefix("st")
    columns = [list(_app(deployment)), list(_between(deployment)), list(_services(deployment))]
    columns = [column for column in columns if column]
    drawn = {line for column in columns for box in column for line in (box.heading, *box.lines)}
    for each in deployment.resources:
        if not any(_word(each) in line for line in drawn):
            raise ValueError(f"{each.type} {each.name} has no place in the picture: teach pictures.py")
    group = deployment.only("Microsoft.Resources/resourceGroups").name
    return _svg(columns, f"{group}: what is deployed, {title}").replace(token, "…")


def _word(resource: Resource) -> str:
    """Answer the word by which a resource is found in the picture."""
    match resource.type.rpartition("/")[2]:
        case "roleAssignments":
            return _ROLE_NAMES[str(resource.at("properties.roleDefinitionId")).rpartition("/")[2]]
        case "resourceGroups":
            return ""
        case "blobServices":
            return "blob"
        case "virtualNetworkLinks":
            return "linked zone"
        case "privateDnsZoneGroups":
            return "entered in"
        case "basicPublishingCredentialsPolicies":
            return f"no {resource.name}"
        case "privateDnsZones":
            return _zone(resource)
        case _:
            return resource.name


def _zone(resource: Resource) -> str:
    """Answer a zone's name as it is in Azure's public cloud; the template asks the cloud for the end of it."""
    service = re.search(r"'privatelink\.\{0\}\.\{1\}', '(\w+)'", resource.name)
    return f"privatelink.{service[1]}.core.windows.net" if service else resource.name


def _app(deployment: Deployment) -> Iterator[Box]:
    site, plan = deployment.only("Microsoft.Web/sites"), deployment.only("Microsoft.Web/serverfarms")
    scale = "properties.functionAppConfig.scaleAndConcurrency"
    runtime = f"Python {site.at('properties.functionAppConfig.runtime.version')}"
    policies = deployment.of_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    subnet = str(site.at("properties.virtualNetworkSubnetId") or "")
    yield Box(heading="Callers, with a function key", lines=("https, TLS 1.2 or later",))
    yield Box(
        heading=f"Function app {site.name}",
        lines=(
            f"{runtime}, plan {plan.name} ({plan.at('sku.name')})",
            f"{site.at(f'{scale}.instanceMemoryMB')} MB, up to {site.at(f'{scale}.maximumInstanceCount')} instances",
            f"sends through subnet {subnet.rpartition('/')[2]}" if subnet else "sends to public endpoints",
            ", ".join(f"no {each.name} publishing" for each in policies),
        ),
    )
    identity = deployment.only("Microsoft.ManagedIdentity/userAssignedIdentities")
    roles = [each for each in deployment.resources if each.type.endswith("/roleAssignments")]
    lines = sorted(f"{_word(each)} on {each.scope.rpartition('/')[2]}" for each in roles)
    yield Box(heading=f"Identity {identity.name}", lines=tuple(lines))


def _between(deployment: Deployment) -> Iterator[Box]:
    for vnet in deployment.of_type("Microsoft.Network/virtualNetworks"):
        subnets = vnet.at("properties.subnets")
        parts = [each for each in subnets if isinstance(each, dict)] if isinstance(subnets, list) else []
        lines = tuple(f"subnet {each['name']}: {each['properties']['addressPrefix']}" for each in parts)
        yield Box(heading=f"Virtual network {vnet.name}", lines=lines)
    zones = {each.id: each for each in deployment.of_type("Microsoft.Network/privateDnsZones")}
    links = [
        str(each.body["name"]) for each in deployment.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    ]
    linked = {id_ for id_, zone in zones.items() if any(str(zone.body["name"]).strip("[]") in name for name in links)}
    for endpoint in deployment.of_type("Microsoft.Network/privateEndpoints"):
        groups = deployment.of_type("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
        text = str([each.body for each in groups if each.id.startswith(f"{endpoint.id}/")])
        told = [
            line
            for zone_id, zone in zones.items()
            if zone_id in text
            for line in (f"entered in the {'linked ' if zone_id in linked else ''}zone", _zone(zone))
        ]
        yield Box(heading=f"Endpoint {endpoint.name}", lines=tuple(told))


def _services(deployment: Deployment) -> Iterator[Box]:
    account = deployment.only("Microsoft.Storage/storageAccounts")
    container = deployment.only("Microsoft.Storage/storageAccounts/blobServices/containers")
    yield Box(
        heading=f"Storage account {account.name}",
        lines=(
            f"public network access: {account.at('properties.publicNetworkAccess')}",
            "no keys, no public blobs, identities only",
            f"blob container {container.name}: the code",
            "queues, tables, blobs: the task hub",
        ),
    )
    for scheduler in deployment.of_type("Microsoft.DurableTask/schedulers"):
        hub = deployment.only("Microsoft.DurableTask/schedulers/taskHubs")
        yield Box(heading=f"Scheduler {scheduler.name}", lines=(f"task hub {hub.name}",))
    insights = deployment.only("Microsoft.Insights/components")
    workspace = deployment.only("Microsoft.OperationalInsights/workspaces")
    yield Box(
        heading=f"Application Insights {insights.name}",
        lines=(
            "identities only",
            f"kept in {workspace.name} for {workspace.at('properties.retentionInDays')} days",
            f"at most {workspace.at('properties.workspaceCapping.dailyQuotaGb')} GB a day",
        ),
    )


def _svg(columns: list[list[Box]], title: str) -> str:
    width = _WIDTH * len(columns) + 60 * (len(columns) - 1) + 40
    height = 70 + max(sum(box.height + 24 for box in column) for column in columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"',
        ' font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '<path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<rect x="8" y="36" width="{width - 16}" height="{height - 44}" rx="8" fill="none" stroke="#999"'
        ' stroke-dasharray="5 4"/>',
        f'<text x="12" y="24" font-weight="600" fill="#222">{escape(title)}</text>',
    ]
    corners = {}
    for place, column in enumerate(columns):
        x, y = 30 + place * (_WIDTH + 60), 56
        for position, box in enumerate(column):
            parts.extend(_box(box, x, y))
            corners[place, position] = (x, y, y + box.height)
            y += box.height + 24
    x, _, bottom = corners[0, 0]
    parts.append(_arrow(x + _BOX // 2, bottom, x + _BOX // 2, bottom + 24))
    parts.extend(_across(corners, (0, 1), (1, 0)))
    if len(columns) == 3:
        for position in range(1, len(columns[1])):
            parts.extend(_across(corners, (1, position), (2, 0)))
    return "\n".join([*parts, "</svg>", ""])


def _across(
    corners: dict[tuple[int, int], tuple[int, int, int]], start: tuple[int, int], end: tuple[int, int]
) -> Iterator[str]:
    x, top, bottom = corners[start]
    to_x, to_top, to_bottom = corners[end]
    yield _arrow(x + _BOX, (top + bottom) // 2, to_x, (to_top + to_bottom) // 2)


def _box(box: Box, x: int, y: int) -> Iterator[str]:
    yield f'<rect x="{x}" y="{y}" width="{_BOX}" height="{box.height}" rx="5" fill="#f3f7fb" stroke="#3b6ea5"/>'
    yield f'<text x="{x + 10}" y="{y + _LINE}" font-weight="600" fill="#123">{escape(box.heading)}</text>'
    for number, line in enumerate(box.lines, start=1):
        yield f'<text x="{x + 10}" y="{y + _LINE * (number + 1)}" fill="#333">{escape(line)}</text>'


def _arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    return f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="#555" marker-end="url(#tip)"/>'


def main() -> int:
    """Write every picture."""
    template = Template.read()
    for path, (title, case) in PICTURES.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(draw(template.deployment(case), title), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
