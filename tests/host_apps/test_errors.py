"""What a person reads who has misspelt something: which function, what is wrong, what to do. The others run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from durable_host.testing import HostProcess
from durable_host.testing.plugin import ServeApp

APP = Path(__file__).parent / "apps" / "errors"

pytestmark = pytest.mark.xdist_group("host_apps_errors")


@pytest.fixture(scope="module")
def host(serve_app: ServeApp) -> HostProcess:
    return serve_app(APP, environment={"Malformed": "no connection string"})


@pytest.mark.parametrize(
    ("function", "problem", "advice"),
    [
        # The problems in the words of errors/startup of fixtures/recordings/triggers.
        (
            "no_setting",
            "'%NoSuchSetting%' does not resolve to a value.",
            "Set NoSuchSetting under Values in local.settings.json, or in the environment.",
        ),
        (
            "no_connection",
            "Storage account connection string 'AzureWebJobsNoSuchConnection' does not exist. Make sure that it is a "
            "defined App Setting.",
            "Set NoSuchConnection under Values in local.settings.json, or in the environment, to a connection string "
            "or to UseDevelopmentStorage=true.",
        ),
        (
            "no_queue",
            "A queue name can contain only letters, numbers, and dash(-) characters - \"no_queue\" (Parameter 'name').",
            "Write 3 to 63 of them; a queue's name takes no {expression} either.",
        ),
        (
            "no_pattern",
            "Invalid template 'inbox/{name'. Missing closing bracket at position 7.",
            "The path is container/blob, and {name} stands for a part of the blob's name.",
        ),
        (
            "no_container",
            "Invalid container name: v1.",
            "Write 3 to 63 lower-case letters, digits and single dashes.",
        ),
        (
            "no_schedule",
            "The schedule expression 'every day' was not recognized as a valid cron expression or timespan string.",
            "Write six fields, such as '0 */5 * * * *' for every five minutes, or a time, such as '00:00:30'.",
        ),
    ],
)
def test_a_function_in_error_is_one_line_that_says_what_and_what_to_do(
    host: HostProcess, function: str, problem: str, advice: str
) -> None:
    lines = [line for line in host.log_text.splitlines() if f"'{function}'" in line or f"{function}: " in line]

    told, listed = (line.partition("Z] ")[2] or line.strip() for line in lines)
    assert told == f"The '{function}' function is in error: {problem} {advice}"
    assert re.fullmatch(rf"{function}: \w+Trigger \(in error\)", listed)


def test_an_input_binding_of_elsewhere_is_named_and_the_others_run(host: HostProcess) -> None:
    with host.client() as client:
        refused = client.call("GET", "/api/elsewhere")
        answered = client.call("GET", "/api/fine")

    assert (
        "Function 'elsewhere' is listed and not run: an input binding of type cosmosDB is not filled" in host.log_text
    )
    assert (refused.status, answered.status, answered.body) == (501, 200, b"fine")


def test_an_input_that_storage_refuses_fails_the_call_and_says_which(host: HostProcess) -> None:
    with host.client() as client:
        answer = client.call("GET", "/api/refused/a.txt")

    assert answer.status == 500
    assert "Exception binding parameter 'blob'" in host.log_text
    assert "The specified resource name length is not within the permissible limits." in host.log_text
    assert "Traceback" not in host.log_text


def test_a_connection_string_that_is_none_is_named(host: HostProcess) -> None:
    assert (
        "The 'malformed' function is in error: The connection string of 'Malformed' cannot be used: " in host.log_text
    )


def test_an_output_whose_account_there_is_not_fails_the_call_and_says_which(host: HostProcess) -> None:
    with host.client() as client:
        answer = client.call("GET", "/api/nowhere")

    assert answer.status == 500
    assert "Storage account connection string 'AzureWebJobsNowhere' does not exist." in host.log_text
