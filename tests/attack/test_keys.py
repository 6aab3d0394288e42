"""With ``--keys`` a host asks for keys where Azure does; they are kept, and the URLs that it prints hold them."""

from __future__ import annotations

import http.client
import json
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from attack.hosts import new_hub
from durable_host.azurite import Azurite
from durable_host.azurite.folders import HOME
from durable_host.http.keys import KeyFileError, Keys, key_file
from host_process import HostProcess, wait_until

APP = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

@app.route(route="open", auth_level=func.AuthLevel.ANONYMOUS)
def is_open(req: func.HttpRequest) -> str:
    return "open"

@app.route(route="guarded")
@app.durable_client_input(client_name="client")
async def guarded(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    return client.create_check_status_response(req, await client.start_new("quick"))

@app.route(route="masters", auth_level=func.AuthLevel.ADMIN)
def masters(req: func.HttpRequest) -> str:
    return "admin"

@app.orchestration_trigger(context_name="context")
def quick(context: df.DurableOrchestrationContext) -> str:
    return "done"
"""
MANAGEMENT = "/runtime/webhooks/durabletask/instances"
# One host for all of them.
pytestmark = pytest.mark.xdist_group("attack: keys")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an app, whose keys are forgotten at the end."""
    folder = tmp_path_factory.mktemp("guarded").resolve()
    (folder / "function_app.py").write_text(APP)
    hub = f'{{"version": "2.0", "extensions": {{"durableTask": {{"hubName": "{new_hub()}"}}}}}}'
    (folder / "host.json").write_text(hub)
    yield folder
    key_file(HOME / "keys", folder).unlink()


@pytest.fixture(scope="module")
def host(azurite: Azurite, app: Path) -> Iterator[HostProcess]:
    with HostProcess.start(app, connection_string=azurite.connection_string, arguments=("--keys",)) as running:
        yield running


@pytest.fixture
def keys(host: HostProcess, app: Path) -> Keys:
    """The keys that the host has made."""
    return Keys.kept_in(key_file(HOME / "keys", app))


def ask(host: HostProcess, path: str, **headers: str) -> tuple[int, str, bytes]:
    """Status, cookie and body."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, answer.headers.get("Set-Cookie", ""), answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("path", "opened_by"),
    [
        ("/api/open", {"", "host", "system", "master"}),
        ("/api/guarded", {"host", "master"}),
        ("/api/masters", {"master"}),
        (MANAGEMENT, {"system", "master"}),
        ("/runtime/webhooks/EventGrid", {"system", "master"}),
        ("/admin/functions", {"master"}),
        ("/admin/functions/guarded", {"master"}),
        ("/admin/host/status", {"master"}),
        ("/admin/host/ping", {"", "host", "system", "master"}),
        ("/durable", {"master"}),
    ],
)
def test_each_place_is_opened_by_the_keys_that_open_it_in_azure(
    host: HostProcess, keys: Keys, path: str, opened_by: set[str]
) -> None:
    by_name = {"": "", "wrong": "x", **asdict(keys)}
    del by_name["rpc"]

    by_header = {name for name, key in by_name.items() if ask(host, path, x_functions_key=key)[0] != 401}
    by_query = {name for name, key in by_name.items() if ask(host, f"{path}?code={key}")[0] != 401}

    assert by_header - {"wrong"} == by_query - {"wrong"} == opened_by
    assert ("wrong" in by_header) == ("wrong" in by_query) == ("" in opened_by)


def test_printed_urls_hold_the_keys_that_they_ask_for(host: HostProcess) -> None:
    wait_until(lambda: "Host started." in host.log_text, "it has printed its URLs")
    urls = re.findall(r"http://localhost\S+", host.log_text)

    assert len(urls) == 4
    assert all(ask(host, url.removeprefix(f"http://localhost:{host.port}"))[0] in (200, 202) for url in urls)


def test_functions_that_start_instances_work_and_their_answers_hold_the_key(host: HostProcess, keys: Keys) -> None:
    status, _, body = ask(host, "/api/guarded", x_functions_key=keys.host)
    url = urlsplit(re.findall(rb'"statusQueryGetUri": ?"([^"]+)"', body)[0].decode())

    assert status == 202
    assert ask(host, f"{url.path}?{url.query}")[0] in (200, 202)


def test_browser_that_came_with_the_key_keeps_a_cookie_for_the_dashboard_alone(host: HostProcess, keys: Keys) -> None:
    cookie = ask(host, f"/durable?code={keys.master}")[1].partition(";")[0]

    assert ask(host, "/durable", Cookie=cookie)[0] == 200
    assert ask(host, "/admin/functions", Cookie=cookie)[0] == 401
    assert keys.master not in cookie


@pytest.mark.parametrize(
    ("place", "name"), [("host/keys", "host"), ("functions/guarded/keys", "host"), ("host/systemkeys", "system")]
)
def test_keys_that_the_admin_api_tells_are_those_that_are_asked_for(
    host: HostProcess, keys: Keys, place: str, name: str
) -> None:
    told = json.loads(ask(host, f"/admin/{place}", x_functions_key=keys.master)[2])["keys"]

    assert [one["value"] for one in told] == [asdict(keys)[name]]


def test_keys_are_made_once_for_the_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "k.json"

    assert Keys.kept_in(file) == Keys.kept_in(file)
    assert sys.platform == "win32" or stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "[]", '{"master": 5}', '{"master": ""}', '{"other": "x"}'])
def test_file_that_holds_no_keys_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.json").write_text(text)

    with pytest.raises(KeyFileError, match=r"k\.json' cannot be used .*: remove the file, and start again\."):
        Keys.kept_in(tmp_path / "k.json")
