"""What the browser's checks share: one browser, one shop, and a tab that lets nothing pass unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from browser.chromium import open_chromium
from dashboard.shop import Shop, open_shop

OpenTab = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser."""
    with open_chromium() as running:
        yield running


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    """A shop without an order."""
    with open_shop() as running:
        yield running


@pytest.fixture
def open_tab(browser: Browser, shop: Shop) -> Iterator[OpenTab]:
    """Opens a tab on a page of the dashboard; errors of the page, blocked resources among them, fail the test.

    ``may_be_refused`` lets answers pass that are errors, for tests that provoke one.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(path: str = "", *, width: int = 1280, scheme: str = "light", may_be_refused: bool = False) -> Page:
        # The kinds of a colour scheme are literals, which a parameter of tests need not repeat.
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        tab = context.new_page()

        def listen(said: ConsoleMessage) -> None:
            is_refusal = may_be_refused and said.text.startswith("Failed to load resource")
            if said.type in ("error", "warning") and not is_refusal:
                complaints.append(said.text)

        tab.on("console", listen)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(f"{shop.pages}{path}")
        return tab

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
