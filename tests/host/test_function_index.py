"""Indexing an app: what is found in it, and the one message that a faulty one gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from durable_host.app.index import ACTIVITY, ENTITY, HTTP, ORCHESTRATION, AppError, FunctionIndex

Load = Callable[..., FunctionIndex]

IMPORTS = "import azure.durable_functions as df\nimport azure.functions as func\nimport typing\n"
APP = IMPORTS + "app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)\n"


@pytest.fixture(name="load")
def _load(tmp_path: Path) -> Iterator[Load]:
    """Writes an app and indexes it; afterwards the interpreter has forgotten it."""
    path, known = list(sys.path), sys.modules.pop("function_app", None)

    def load(code: str, *, settings: dict[str, str] | None = None) -> FunctionIndex:
        (tmp_path / "function_app.py").write_text(code, encoding="utf-8")
        return FunctionIndex.load(tmp_path, environment=settings or {})

    yield load
    sys.path[:] = path
    sys.modules.pop("function_app", None)
    if known is not None:
        sys.modules["function_app"] = known


def _fault(load: Load, code: str, *, line: int | None) -> str:
    with pytest.raises(AppError) as caught:
        load(code)

    text = str(caught.value)
    assert caught.value.line == line
    assert "function_app.py" in text
    assert "\n" not in text
    return text


def test_every_kind_of_function_is_found_by_its_durable_name_whatever_the_case(load: Load) -> None:
    index = load(
        APP
        + """
@app.orchestration_trigger(context_name="context", orchestration="Main")
def run(context):
    yield

@app.activity_trigger(input_name="city")
def hello(city: str) -> str:
    return city

@app.entity_trigger(context_name="context", entity_name="Counter")
def count(context):
    pass
"""
    )

    assert index.orchestrator("main") is index.find("run")
    assert index.activity("HELLO") is index.find("hello")
    assert index.entity("counter") is index.find("count")
    assert index.orchestrator("run") is None
    assert [len(index.of_kind(kind)) for kind in (ORCHESTRATION, ACTIVITY, ENTITY, HTTP)] == [1, 1, 1, 0]


def test_an_http_function_has_the_bindings_that_the_worker_reports(load: Load) -> None:
    index = load(
        APP
        + """
@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client, context: func.Context) -> func.HttpResponse:
    return func.HttpResponse()
"""
    )

    function = index.of_kind(HTTP)[0]

    assert [dict(binding.raw) for binding in function.bindings] == [
        {"direction": "IN", "type": "durableClient", "name": "client"},
        {
            "direction": "IN",
            "type": "httpTrigger",
            "name": "req",
            "methods": ["POST"],
            "authLevel": "ANONYMOUS",
            "route": "start/{name}",
        },
        {"direction": "OUT", "type": "http", "name": "$return"},
    ]
    assert function.signature.is_async
    assert function.signature.requires_context
    assert function.not_run is None


def test_a_blueprint_s_functions_belong_to_the_app(load: Load) -> None:
    index = load(
        APP
        + """
blueprint = df.Blueprint()

@blueprint.activity_trigger(input_name="x")
def from_blueprint(x):
    return x

app.register_functions(blueprint)
"""
    )

    assert index.activity("from_blueprint") is not None


def test_a_trigger_of_another_kind_is_listed_and_reported_as_not_run(load: Load) -> None:
    index = load(
        APP
        + """
@app.service_bus_queue_trigger(arg_name="message", queue_name="q", connection="Bus")
def hear(message: func.ServiceBusMessage) -> None:
    pass
"""
    )

    assert [function.name for function in index.functions] == ["hear"]
    assert index.notes == (
        "Function 'hear' is listed and not run: a serviceBusTrigger is not run by this host. "
        "Use 'func start', or deploy the app, to run it.",
    )


def test_bindings_that_this_host_does_not_serve_are_reported(load: Load) -> None:
    index = load(
        APP
        + """
@app.route(route="in")
@app.cosmos_db_input(arg_name="rows", database_name="d", container_name="c", connection="Cosmos")
def reads(req: func.HttpRequest, rows: func.DocumentList) -> str:
    return ""

@app.route(route="out")
@app.service_bus_queue_output(arg_name="message", queue_name="q", connection="Bus")
def writes(req: func.HttpRequest, message: func.Out[str]) -> str:
    return ""
"""
    )

    assert index.notes == (
        "Function 'reads' is listed and not run: an input binding of type cosmosDB is not filled by this host. "
        "Use 'func start', or deploy the app, to run it.",
        "Function 'writes' runs, but what it writes to its output binding of type serviceBus is dropped by this host.",
    )


def test_a_function_that_a_setting_disables_is_listed_and_not_found(load: Load) -> None:
    code = APP + '@app.activity_trigger(input_name="x")\ndef off(x):\n    return x\n'

    index = load(code, settings={"AzureWebJobs.off.Disabled": "true"})

    assert index.functions[0].is_disabled
    assert index.activity("off") is None
    assert index.is_disabled(ACTIVITY, "OFF")


def test_an_unknown_name_is_answered_with_the_known_ones(load: Load) -> None:
    index = load(APP + '@app.activity_trigger(input_name="x")\ndef known(x):\n    return x\n')

    assert index.unknown(ACTIVITY, "nobody") == (
        "The function 'nobody' doesn't exist, is disabled, or is not an activity function. Additional info: "
        "The following are the known activity functions: 'known'."
    )
    assert index.unknown(ENTITY, "nobody").endswith("Additional info: No entity functions are currently registered!")


def test_a_setting_names_another_script_file(tmp_path: Path, load: Load) -> None:
    (tmp_path / "another_app.py").write_text(APP, encoding="utf-8")

    index = FunctionIndex.load(tmp_path, environment={"PYTHON_SCRIPT_FILE_NAME": "another_app.py"})
    sys.modules.pop("another_app")

    assert index.script_file == "another_app.py"


def test_a_module_that_is_missing_is_named_with_the_line_that_imports_it(load: Load) -> None:
    text = _fault(load, "import os\nimport no_such_module_anywhere\n", line=2)

    assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'. Install what" in text


def test_a_module_of_the_app_that_fails_on_import_is_named_with_its_own_line(tmp_path: Path, load: Load) -> None:
    (tmp_path / "part_of_the_app.py").write_text("\n\n1 / 0\n", encoding="utf-8")

    with pytest.raises(AppError, match=r"part_of_the_app\.py, line 3: ZeroDivisionError: division by zero\."):
        load("import part_of_the_app\n")


def test_a_syntax_error_is_named_with_its_line(load: Load) -> None:
    assert "SyntaxError" in _fault(load, "x = 1\ndef f(:\n", line=2)


def test_a_file_without_an_app_is_refused(load: Load) -> None:
    text = _fault(load, IMPORTS, line=None)

    assert "Could not find top level function app instances in function_app.py." in text


def test_two_apps_are_refused_at_the_second(load: Load) -> None:
    text = _fault(load, APP + "other = func.FunctionApp()\n", line=5)

    assert "More than one DFApp or other top level function app instances are defined: app and other." in text


def test_a_missing_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError, match=r"function_app\.py: there is no such file"):
        FunctionIndex.load(tmp_path, environment={})


def test_a_script_name_that_is_no_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AppError, match=r"PYTHON_SCRIPT_FILE_NAME is '\.\./x\.py'"):
        FunctionIndex.load(tmp_path, environment={"PYTHON_SCRIPT_FILE_NAME": "../x.py"})


@pytest.mark.parametrize(
    ("functions", "line", "problem"),
    [
        (
            '@app.activity_trigger(input_name="x")\ndef f(y):\n    pass\n',
            5,
            "the following parameters are declared in Python but not in function.json: {'y'}",
        ),
        (
            '@app.activity_trigger(input_name="x")\ndef f():\n    pass\n',
            5,
            "the following parameters are declared in function.json but not in Python: {'x'}",
        ),
        (
            '@app.route()\ndef f(req: func.HttpRequest, context: int) -> str:\n    return ""\n',
            5,
            'the "context" parameter is expected to be of type azure.functions.Context',
        ),
        (
            '@app.activity_trigger(input_name="x")\ndef f(x: int | None):\n    pass\n',
            5,
            "binding x has invalid non-type annotation int | None",
        ),
        (
            '@app.activity_trigger(input_name="x")\ndef f(x: list[str]):\n    pass\n',
            5,
            "binding x has invalid non-type annotation list[str]",
        ),
        (
            "@app.route()\ndef f(req: int) -> str:\n    return ''\n",
            5,
            'type of req binding in function.json "httpTrigger" does not match its Python annotation "int"',
        ),
        (
            "@app.route()\ndef f(req: func.HttpRequest) -> dict:\n    return {}\n",
            5,
            'Python return annotation "dict" does not match binding type "http"',
        ),
        (
            '@app.orchestration_trigger(context_name="ctx")\ndef f(ctx):\n    yield\n',
            5,
            "write context_name=\"context\", not 'ctx'",
        ),
    ],
)
def test_a_signature_that_the_worker_refuses_is_refused_in_its_words(
    load: Load, functions: str, line: int, problem: str
) -> None:
    text = _fault(load, APP + functions, line=line)

    assert "cannot load the f function: " in text
    assert problem in text


@pytest.mark.parametrize("annotation", ["typing.List[str]", "typing.Dict[str, int]", "dict", "str", "typing.Sequence"])
def test_a_signature_that_the_worker_takes_is_taken(load: Load, annotation: str) -> None:
    index = load(APP + f'@app.activity_trigger(input_name="x")\ndef f(x: {annotation}):\n    pass\n')

    assert index.activity("f") is not None


def test_a_function_without_a_trigger_is_refused_with_its_line(load: Load) -> None:
    code = APP + '@app.durable_client_input(client_name="client")\nasync def f(client):\n    pass\n'

    assert "Function f does not have a trigger." in _fault(load, code, line=6)


def test_two_functions_of_one_name_are_refused(load: Load) -> None:
    one = '@app.activity_trigger(input_name="x")\ndef f(x):\n    pass\n'

    assert "does not have a unique function name" in _fault(load, APP + one + one, line=9)


def test_two_durable_names_that_differ_in_case_only_are_refused(load: Load) -> None:
    one = '@app.activity_trigger(input_name="x")\ndef f(x):\n    pass\n'
    other = '@app.activity_trigger(input_name="x", activity="F")\ndef g(x):\n    pass\n'

    assert "two activity functions are called 'F' (f and g)" in _fault(load, APP + one + other, line=8)


def test_an_sdk_of_another_series_is_refused(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "other" / "azure_functions_durable-2.0.0b2.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: azure-functions-durable\nVersion: 2.0.0b2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(metadata.parents[1])

    text = _fault(load, APP, line=None)

    assert "azure-functions-durable 2.0.0b2 is installed, and this host runs apps on" in text
    assert text.endswith('Run: pip install "azure-functions-durable>=1.7,<2"')
