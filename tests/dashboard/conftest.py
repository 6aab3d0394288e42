"""What the dashboard's tests share: one shop with an instance of each kind, for the worker that has this group."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from dashboard.shop import HOSTILE, Shop, open_shop, order
from host_process import Answer

Page = Callable[[str], BeautifulSoup]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what needs the shop on one worker."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and "shop" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("dashboard"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    """A shop whose instances are as they will stay."""
    with open_shop() as running:
        client = running.client
        started = [
            client.start("process_order", order(1042, failures=1), instance_id="order-1042"),
            client.start("import_catalogue", "lamp;12.5\ndesk;n/a", instance_id="catalogue-7"),
            client.start("polls_supplier", 1, instance_id="poll"),
            client.start("echoes", HOSTILE, instance_id="hostile-echo"),
            client.start("fails_with", HOSTILE, instance_id=HOSTILE.replace("/", "")),
        ]
        client.start("approve_refund", {"order": 1001}, instance_id="refund-1001")
        client.start("calls_what_is_not_there", instance_id="lost")
        for instance_id in started:
            client.wait_for(instance_id)
        client.wait_for("refund-1001", ["Running"])
        client.wait_for("lost", ["Running"])
        yield running


@pytest.fixture
def get(shop: Shop) -> Callable[[str], Answer]:
    """Gets a page by what follows the place of the dashboard."""
    return lambda path: shop.client.call("GET", f"/durable{path}")


@pytest.fixture
def page(get: Callable[[str], Answer]) -> Page:
    """Gets a page that must be there, parsed."""

    def parsed(path: str) -> BeautifulSoup:
        answer = get(path)
        assert answer.status == 200, answer.body.decode()
        return BeautifulSoup(answer.body, "html.parser")

    return parsed
