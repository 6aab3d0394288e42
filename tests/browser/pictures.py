"""``python -m browser.pictures``: the pictures of the dashboard, taken of a shop at work.

Invariant: they are made, never edited; what they show is real.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page

from browser.chromium import open_chromium
from dashboard.shop import Shop, open_shop, order
from host_process import wait_until

__all__ = ["main"]

FOLDER: Final = Path(__file__).parents[1] / "durable_host" / "pictures"
WIDE: Final = 1280
PHONE: Final = 500


def main() -> int:
    """Take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with open_shop() as shop, open_chromium() as browser:
        _fill(shop)
        camera = _Camera(browser, shop)
        shop.client.start("process_order", order(1043, seconds=1.2, failures=1), instance_id="order-1043")
        running = camera.open("/instance?id=order-1043")
        running.locator(".drawing rect.activity.open").nth(1).wait_for(timeout=60_000)
        running.wait_for_timeout(600)
        camera.take(running, "running")
        shop.client.wait_for("order-1043", seconds=60)
        camera.take(camera.open("/instance?id=order-1043"), "finished")
        camera.take(camera.open("/instance?id=order-1043", scheme="dark"), "dark")
        camera.take(camera.open("/instance?id=catalogue-7"), "failure")
        camera.take(camera.open(), "list")
        camera.take(camera.open("/instance?id=refund-1001", width=PHONE), "phone")
    return 0


class _Camera:
    """Opens pages and takes pictures of them."""

    def __init__(self, browser: Browser, shop: Shop) -> None:
        self._browser, self._shop = browser, shop

    def open(self, path: str = "", *, width: int = WIDE, scheme: Literal["light", "dark"] = "light") -> Page:
        """A page in a window of this width."""
        context = self._browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page = context.new_page()
        page.goto(f"{self._shop.pages}{path}")
        return page

    def take(self, page: Page, name: str) -> None:
        """Take the picture of a whole page."""
        page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
        print(f"{name}.png")


def _fill(shop: Shop) -> None:
    """Some days' work in a minute."""
    client = shop.client
    orders = [
        client.start("process_order", order(number, failures=number % 2), instance_id=f"order-{number}")
        for number in range(1036, 1043)
    ]
    client.start("import_catalogue", "lamp;12.50\ndesk;129.00\nrug;n/a", instance_id="catalogue-7")
    client.start("polls_supplier", 1, instance_id="supplier-swift")
    client.start("approve_refund", {"order": 1001, "amount": 42.5}, instance_id="refund-1001")
    client.start("approve_refund", {"order": 1017, "amount": 9}, instance_id="refund-1017")
    client.start("approve_refund", {"order": 1020, "amount": 12}, instance_id="refund-1020")
    for instance_id in (*orders, "catalogue-7", "supplier-swift"):
        client.wait_for(instance_id, seconds=60)
    client.operate("suspend", "refund-1017", "asked the customer")
    client.operate("terminate", "refund-1020", "paid already")
    wait_until(
        lambda: (client.status("refund-1020") or {}).get("runtimeStatus") == "Terminated", "the refund is terminated"
    )


if __name__ == "__main__":
    sys.exit(main())
