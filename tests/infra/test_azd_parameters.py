"""Settings are what people set with `azd env set`, by azd's own rules."""

from __future__ import annotations

import json

import pytest

from infra.azd_parameters import bicep_parameters, parameters_from_azd

FILE = json.dumps(
    {
        "parameters": {
            "name": {"value": "${NAME}"},
            "on": {"value": "${ON=true}"},
            "count": {"value": "${COUNT=7}"},
        }
    }
)
TYPES = {"name": "string", "on": "bool", "count": "int"}


@pytest.mark.parametrize("environment", [{}, {"NAME": "", "ON": "", "COUNT": ""}])
def test_an_unset_or_empty_variable_gives_its_default_or_drops_its_parameter(environment: dict[str, str]) -> None:
    assert parameters_from_azd(FILE, TYPES, environment) == {"on": True, "count": 7}


def test_text_becomes_what_the_template_declares_where_it_can() -> None:
    given = parameters_from_azd(FILE, TYPES, {"NAME": "1", "ON": "0", "COUNT": "perhaps"})

    assert given == {"name": "1", "on": False, "count": "perhaps"}


def test_a_parameter_that_is_not_one_variable_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"not one \$\{VARIABLE\}"):
        parameters_from_azd(FILE.replace("${NAME}", "x-${NAME}"), TYPES, {})


def test_values_are_written_as_bicep_reads_them() -> None:
    written = bicep_parameters("infra/main.bicep", {"name": "it's ${x} \\", "on": True, "count": 7})

    assert written == (
        "using 'infra/main.bicep'\nparam name = 'it\\'s \\${x} \\\\'\nparam on = true\nparam count = 7\n"
    )
