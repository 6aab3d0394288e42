"""Settings are switched by the names that people set with `azd env set`, and nothing is asked for."""

from __future__ import annotations

import pytest

from infra.bicep_values import BicepError
from infra.deployed import Deployment
from infra.template import Template

TEMPLATE = Template.read()
NETWORK = "Microsoft.Network/virtualNetworks"


def deployed(**environment: str) -> Deployment:
    """Answer what `azd provision --no-prompt` deploys with these variables set."""
    return TEMPLATE.deploy({"AZURE_ENV_NAME": "titles", "AZURE_LOCATION": "westeurope", **environment})


def test_azd_has_nothing_to_ask_beyond_environment_and_region() -> None:
    assert deployed().outputs["AZURE_RESOURCE_GROUP"] == "rg-titles"


def test_the_network_is_there_unless_it_is_switched_off() -> None:
    switched = {value: len(deployed(VNET_ENABLED=value).of_type(NETWORK)) for value in ("", "true", "1", "false", "0")}

    assert switched == {"": 1, "true": 1, "1": 1, "false": 0, "0": 0}


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_every_supported_python_can_be_chosen(version: str) -> None:
    site = deployed(FUNCTION_PYTHON_VERSION=version).only("Microsoft.Web/sites")

    assert site.at("properties.functionAppConfig.runtime.version") == version


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FUNCTION_PYTHON_VERSION", "3.10"),
        ("INSTANCE_MEMORY_MB", "1024"),
        ("MAXIMUM_INSTANCE_COUNT", "1001"),
        ("DURABLE_ALWAYS_READY", "-1"),
        ("VNET_ENABLED", "perhaps"),
        ("HUB_READER_PRINCIPAL_TYPE", "Robot"),
    ],
)
def test_a_value_that_azure_does_not_have_is_refused(variable: str, value: str) -> None:
    with pytest.raises(BicepError, match="param"):
        deployed(**{variable: value})


def test_nobody_but_the_app_gets_a_role_unless_asked_for() -> None:
    kinds = {
        each.at("properties.principalType") for each in deployed().of_type("Microsoft.Authorization/roleAssignments")
    }

    assert kinds == {"ServicePrincipal"}


@pytest.mark.parametrize("kind", ["User", "Group", "ServicePrincipal"])
def test_any_kind_of_principal_can_be_asked_for(kind: str) -> None:
    asked = deployed(HUB_READER_PRINCIPAL_ID="42", HUB_READER_PRINCIPAL_TYPE=kind)

    roles = asked.of_type("Microsoft.Authorization/roleAssignments")
    assert [each.at("properties.principalType") for each in roles if each.at("properties.principalId") == "42"] == [
        kind,
        kind,
    ]
