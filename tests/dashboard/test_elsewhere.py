"""The dashboard of a hub elsewhere: a process of its own on the shop's storage, which it only reads unless asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest

from dashboard.shop import Shop
from durable_host.__main__ import main
from durable_host.dashboard.elsewhere import serve_elsewhere
from durable_host.task_hub.hub.attached_hub import attach_by_connection_string
from host_process import StorageProxy

TESTS = Path(__file__).parents[1]
_open = build_opener(ProxyHandler({})).open


@contextlib.contextmanager
def _dashboard(shop: Shop) -> Iterator[str]:
    """A running ``durable-host dashboard``, and where it says that it is."""
    command = [sys.executable, "-m", "durable_host", "dashboard", "--task-hub", shop.hub, "--port", "0"]
    command += ["--connection-string-env", "SHOP_STORAGE"]
    environment = {**os.environ, "SHOP_STORAGE": shop.connection_string, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("Dashboard ").strip()
        finally:
            process.terminate()
            process.wait(30)


def _get(address: str, body: bytes | None = None) -> str:
    with _open(address, body, timeout=30) as answer:
        return str(answer.read().decode())


def test_hub_elsewhere_is_listed_in_the_tables_order_and_offers_no_act(shop: Shop) -> None:
    with _dashboard(shop) as address:
        listed = _get(f"{address}?prefix=order-")
        one = _get(f"{address}/instance?id=refund-1001")

    assert listed.index("order-1042") < listed.index("order-1042-parcel")
    assert "In the order of the table" in listed
    assert "read-only" in listed
    assert "a timer due at" in one
    assert "/durable/act" not in one


async def test_act_that_is_allowed_reaches_the_instance_through_its_queue(shop: Shop) -> None:
    shop.client.start("approve_refund", instance_id="refund-elsewhere")
    shop.client.wait_for("refund-elsewhere", ["Running"])
    fields = {"act": "raise-event", "id": "refund-elsewhere", "name": "Approved", "data": '"from afar"'}

    async with (
        attach_by_connection_string(shop.hub, shop.connection_string, sends=True) as hub,
        serve_elsewhere(hub, port=0, may_act=True) as address,
    ):
        form = await asyncio.to_thread(_get, f"{address}/act?{urlencode(fields)}")
        (token,) = re.findall(r'name="token" value="([^"]+)"', form)
        await asyncio.to_thread(_get, f"{address}/act", urlencode(fields | {"token": token}).encode())

    assert "https://YOUR-APP.azurewebsites.net/runtime/webhooks/durabletask/instances/refund-elsewhere/raise" in form
    assert shop.client.wait_for("refund-elsewhere")["output"] == {"approved": "from afar"}
    shop.client.call("DELETE", "/runtime/webhooks/durabletask/instances/refund-elsewhere")  # others list the shop


def test_hub_that_is_not_there_is_one_line_and_exit_code_1(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["dashboard", "--task-hub", "NoSuchHub", "--connection-string", shop.connection_string])

    assert code == 1
    assert "There is no task hub 'NoSuchHub'" in capsys.readouterr().err


def test_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SHOP_STORAGE", raising=False)

    code = main(["dashboard", "--task-hub", "Shop", "--connection-string-env", "SHOP_STORAGE"])

    assert code == 1
    assert "no variable 'SHOP_STORAGE'" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["", "/instance?id=order-1042", "/history?id=order-1042", "/rows?id=order-1042"])
async def test_without_leave_to_act_only_reading_requests_are_sent(shop: Shop, path: str) -> None:
    async with (
        StorageProxy(shop.connection_string) as proxy,
        attach_by_connection_string(shop.hub, proxy.connection_string, sends=False) as hub,
        serve_elsewhere(hub, port=0, may_act=False) as address,
    ):
        await hub.check()
        await asyncio.to_thread(_get, f"{address}{path}")

        assert {request.method for request in proxy.requests} == {"GET"}
