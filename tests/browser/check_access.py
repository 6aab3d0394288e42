"""For everybody: by keyboard alone, in 500 pixels, in the dark, and with axe-core's rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dashboard.shop import Shop, order

OpenTab = Callable[..., Page]

PAGES = {
    "list": "",
    "empty list": "?prefix=no-such-thing",
    "finished": "/instance?id=order-1",
    "waiting": "/instance?id=access-waits",
    "failed": "/instance?id=access-fails",
    "history": "/history?id=order-1",
    "start": "/start",
    "act": "/act?act=raise-event&id=access-waits",
}


@pytest.fixture(scope="module", autouse=True)
def _instances(shop: Shop) -> None:
    client = shop.client
    client.start("process_order", order(1, failures=1), instance_id="order-1")
    client.start("approve_refund", instance_id="access-waits")
    client.start("import_catalogue", "lamp;n/a", instance_id="access-fails")
    client.wait_for("order-1")
    client.wait_for("access-fails")
    client.wait_for("access-waits", ["Running"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", list(PAGES))
def test_axe_finds_nothing_serious(open_tab: OpenTab, name: str, scheme: str) -> None:
    tab = open_tab(PAGES[name], scheme=scheme)
    for details in tab.locator("details:not([open]) > summary").all():
        if details.is_visible():
            details.click()

    found = Axe().run(tab).response["violations"]

    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("name", list(PAGES))
def test_nothing_is_wider_than_a_phone(open_tab: OpenTab, name: str) -> None:
    tab = open_tab(PAGES[name], width=500)

    assert tab.evaluate("document.documentElement.scrollWidth") <= 500


def test_everything_is_reached_by_keyboard_alone(open_tab: OpenTab) -> None:
    tab = open_tab()

    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.keyboard.press("Enter")
    _tab_to(tab, "access-waits")
    tab.keyboard.press("Enter")
    expect(tab.locator("#instance-id")).to_have_text("access-waits")
    _tab_to(tab, "Raise it")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="Raise event")).to_be_visible()
    _tab_to(tab, "Raise event")
    tab.keyboard.press("Enter")

    expect(tab.locator(".done")).to_have_text("The event is on its way.")


def test_focus_stays_where_it_is_while_the_page_follows(shop: Shop, open_tab: OpenTab) -> None:
    tab = open_tab("/instance?id=access-fails")
    _tab_to(tab, "All events on one page")

    tab.wait_for_timeout(5000)  # the page of an instance that has ended looks again every four seconds

    expect(tab.get_by_role("link", name="All events on one page")).to_be_focused()


def test_dark_page_is_dark(open_tab: OpenTab) -> None:
    tab = open_tab(scheme="dark")

    colours = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(colours) < 40


def _tab_to(tab: Page, name: str) -> None:
    """Press Tab until what has this text has the focus."""
    for _ in range(80):
        tab.keyboard.press("Tab")
        if (tab.evaluate("document.activeElement.innerText") or "").strip() == name:
            return
    raise AssertionError(f"{name!r} is not reached with the Tab key.")
