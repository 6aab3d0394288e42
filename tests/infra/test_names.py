"""Names are legal for any environment that azd accepts, not only for those that somebody thought of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infra.name_checks import ENVIRONMENT_NAME, names_faults
from infra.template import Template

TEMPLATE = Template.read()


@given(st.from_regex(ENVIRONMENT_NAME, fullmatch=True))
def test_every_name_is_legal_whatever_the_environment_is_called(name: str) -> None:
    assert list(names_faults(TEMPLATE, name)) == []


@given(st.from_regex(ENVIRONMENT_NAME, fullmatch=True), st.from_regex(ENVIRONMENT_NAME, fullmatch=True))
def test_two_environments_share_no_public_name(one: str, other: str) -> None:
    accounts = {
        TEMPLATE.deploy({"AZURE_ENV_NAME": name, "AZURE_LOCATION": "westeurope"})
        .only("Microsoft.Storage/storageAccounts")
        .name
        for name in (one, other)
    }

    assert len(accounts) == len({one.lower(), other.lower()})
