"""Which account a binding's connection means, and when the emulator is needed for one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from durable_host.app.index import FunctionIndex
from durable_host.bindings.accounts import Accounts, UnknownConnectionError
from durable_host.cli.storage import needs_emulator

EMULATOR, REAL = "UseDevelopmentStorage=true", "AccountName=real;AccountKey=aw==;"
APP = """
import azure.functions as func
app = func.FunctionApp()

@app.queue_trigger(arg_name="msg", queue_name="q", connection="Own")
def {name}(msg: str) -> None: ...
"""
ROUTE = """
import azure.functions as func
app = func.FunctionApp()

@app.route(route="r")
def {name}(req: func.HttpRequest) -> str: ...
"""


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"Own": REAL}, REAL),
        ({"AzureWebJobsOwn": REAL, "Own": "other"}, REAL),
        ({"ConnectionStrings:Own": REAL}, REAL),
        ({"Own": EMULATOR}, "the emulator"),
    ],
)
def test_a_connection_is_looked_up_as_the_real_host_does(environment: Mapping[str, str], found: str) -> None:
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#connections
    assert Accounts("the emulator", environment).connection_string("Own") == found


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "Storage account connection string 'AzureWebJobsOwn' does not exist"),
        ({"Own__queueServiceUri": "https://x"}, "'Own' is set up for an identity (Own__queueServiceUri)"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused_with_the_reason(environment: Mapping[str, str], said: str) -> None:
    with pytest.raises(UnknownConnectionError) as caught:
        Accounts("the emulator", environment).connection_string("Own")

    assert said in str(caught.value)


async def test_a_connection_string_that_is_none_is_refused_with_what_to_set() -> None:
    async with Accounts("the emulator", {"Own": "no connection string"}) as accounts:
        with pytest.raises(UnknownConnectionError) as caught:
            await accounts.queues("Own")

    assert str(caught.value).startswith("The connection string of 'Own' cannot be used: ")
    assert str(caught.value).endswith("or set it to UseDevelopmentStorage=true.")


@pytest.mark.parametrize(
    ("code", "environment", "needs"),
    [
        (APP, {"Own": EMULATOR, "AzureWebJobsStorage": REAL}, True),
        (APP, {"Own": REAL, "AzureWebJobsStorage": EMULATOR}, True),  # for locks
        (APP, {"Own": REAL, "AzureWebJobsStorage": REAL}, False),
        (APP, {"AzureWebJobsStorage": REAL}, False),
        (ROUTE, {"AzureWebJobsStorage": EMULATOR}, False),
    ],
)
def test_the_emulator_is_needed_where_a_function_s_connection_stands_for_it(
    tmp_path: Path, code: str, environment: Mapping[str, str], needs: bool
) -> None:
    name = f"app_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(code.format(name="one"), encoding="utf-8")

    index = FunctionIndex.load(tmp_path, script_file=f"{name}.py", environment={})

    assert needs_emulator(index.functions, environment) is needs
