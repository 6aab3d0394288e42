"""All checks of the template, by name: gone through once with the real files, and once for every planted mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from infra.access_checks import output_faults, role_faults
from infra.azd_checks import azure_yaml_faults, package_faults, parameter_faults
from infra.name_checks import name_faults
from infra.network_checks import network_faults
from infra.order_checks import order_faults
from infra.property_checks import app_setting_faults, property_faults
from infra.readme_checks import readme_faults
from infra.repository_checks import editor_faults, gallery_faults, picture_faults, workflow_faults
from infra.template import Template

__all__ = ["CHECKS", "faults"]

CHECKS: Mapping[str, Callable[[Template], Iterator[str]]] = {
    "properties": property_faults,
    "app settings": app_setting_faults,
    "roles": role_faults,
    "outputs": output_faults,
    "network": network_faults,
    "order": order_faults,
    "names": name_faults,
    "parameters": parameter_faults,
    "azure.yaml": azure_yaml_faults,
    "package": package_faults,
    "gallery": gallery_faults,
    "pictures": picture_faults,
    "workflows": workflow_faults,
    "editor": editor_faults,
    "readme": readme_faults,
}
"""Each takes a ``Template`` and answers faults as sentences; none means that it is content."""


def faults(template: Template, *names: str) -> dict[str, list[str]]:
    """Answer the faults of each check that has any; all checks, or those that are named."""
    found = {name: list(CHECKS[name](template)) for name in names or CHECKS}
    return {name: each for name, each in found.items() if each}
