"""Acting: each act with its confirmation, from the page of an instance to what has become of it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import Page, expect

from dashboard.shop import Shop

OpenTab = Callable[..., Page]

SLOW_MS = 20_000


def _open(open_tab: OpenTab, instance_id: str) -> Page:
    return open_tab(f"/instance?id={quote(instance_id, safe='')}")


def _waiting(shop: Shop, instance_id: str) -> str:
    shop.client.start("approve_refund", {"order": 1}, instance_id=instance_id)
    shop.client.wait_for(instance_id, ["Running"])
    return instance_id


def _failed(shop: Shop, instance_id: str) -> str:
    shop.client.start("import_catalogue", "lamp;n/a", instance_id=instance_id)
    shop.client.wait_for(instance_id)
    return instance_id


def _act(tab: Page, title: str) -> None:
    """Choose an act, and confirm it; the confirmation says what happens."""
    tab.get_by_role("link", name=title, exact=True).click()
    expect(tab.get_by_role("heading", name=title)).to_be_visible()
    assert len(tab.locator(".happens").inner_text()) > 20
    tab.get_by_role("button", name=title, exact=True).click()


def test_start_runs_an_orchestration_with_an_input(open_tab: OpenTab) -> None:
    tab = open_tab()

    tab.get_by_role("link", name="Start an orchestration").click()
    tab.get_by_label("Orchestration").fill("echoes")
    tab.get_by_label("Instance id").fill("started-here")
    tab.get_by_label("Input").fill('{"deep": [1, 2]}')
    tab.get_by_role("button", name="Start an orchestration").click()

    expect(tab.locator("#instance-id")).to_have_text("started-here")
    expect(tab.get_by_label("Value of the output")).to_contain_text("deep", timeout=SLOW_MS)


def test_raise_event_suggests_the_name_and_lets_the_instance_go_on(shop: Shop, open_tab: OpenTab) -> None:
    tab = _open(open_tab, _waiting(shop, "raise"))

    tab.get_by_role("link", name="Raise it").click()
    assert tab.get_by_label("Name of the event").input_value() == "Approved"
    tab.get_by_label("Value").fill('"yes"')
    expect(tab.locator("#curl")).to_contain_text("""-d '"yes"'""")
    tab.get_by_role("button", name="Raise event").click()

    expect(tab.locator(".done")).to_have_text("The event is on its way.")
    expect(tab.locator(".heading .badge")).to_contain_text("Completed", timeout=SLOW_MS)
    expect(tab.get_by_label("Value of the output")).to_contain_text("yes")


def test_suspend_and_resume(shop: Shop, open_tab: OpenTab) -> None:
    tab = _open(open_tab, _waiting(shop, "suspend"))

    _act(tab, "Suspend")
    expect(tab.locator(".heading .badge")).to_contain_text("Suspended", timeout=SLOW_MS)
    expect(tab.locator(".waits")).to_contain_text("It is suspended")
    _act(tab, "Resume")

    expect(tab.locator(".heading .badge")).to_contain_text("Running", timeout=SLOW_MS)


def test_terminate_with_a_reason(shop: Shop, open_tab: OpenTab) -> None:
    tab = _open(open_tab, _waiting(shop, "terminate"))

    tab.get_by_role("link", name="Terminate").click()
    tab.get_by_label("Reason").fill("not needed")
    tab.get_by_role("button", name="Terminate").click()

    expect(tab.locator(".heading .badge")).to_contain_text("Terminated", timeout=SLOW_MS)
    expect(tab.get_by_label("Value of the reason")).to_contain_text("not needed", timeout=SLOW_MS)


def test_rewind_runs_what_failed_again(shop: Shop, open_tab: OpenTab) -> None:
    tab = _open(open_tab, _failed(shop, "rewind"))

    tab.get_by_role("link", name="Rewind").click()
    tab.get_by_label("Reason").fill("the file is mended")
    tab.get_by_role("button", name="Rewind").click()

    expect(tab.locator(".done")).to_contain_text("run again")
    expect(tab.locator(".drawing")).to_contain_text("rewound", timeout=SLOW_MS)


def test_restart_gives_a_new_instance(shop: Shop, open_tab: OpenTab) -> None:
    tab = _open(open_tab, _failed(shop, "restart"))

    _act(tab, "Restart")

    expect(tab.locator(".done")).to_have_text("The orchestration is started again.")
    assert tab.locator("#instance-id").inner_text() != "restart"
    expect(tab.locator(".heading .badge")).to_contain_text("Failed", timeout=SLOW_MS)


def test_purge_removes_the_instance_from_the_list(shop: Shop, open_tab: OpenTab) -> None:
    tab = _open(open_tab, _failed(shop, "purge"))

    _act(tab, "Purge")

    expect(tab.locator(".done")).to_have_text("The instance is removed.")
    expect(tab.locator("tr[data-key=purge]")).to_have_count(0)
    assert shop.client.status("purge") is None


def test_signal_changes_an_entity(shop: Shop, open_tab: OpenTab) -> None:
    shop.client.signal("stock", "signalled", "add", 5)
    tab = open_tab("?kind=entities")
    tab.locator("tr[data-key='@stock@signalled'] a").click(timeout=SLOW_MS)

    tab.get_by_role("link", name="Signal").click()
    tab.get_by_label("Operation").fill("take")
    tab.get_by_role("textbox", name="Input").fill("3")
    tab.get_by_role("button", name="Signal").click()

    expect(tab.get_by_label("Value of the state")).to_contain_text("102", timeout=SLOW_MS)


def test_refused_act_keeps_what_was_typed_and_says_why(shop: Shop, open_tab: OpenTab) -> None:
    instance_id = _waiting(shop, "refused")
    tab = open_tab(f"/act?act=raise-event&id={instance_id}", may_be_refused=True)

    tab.get_by_label("Value").fill("{not json")
    tab.get_by_role("button", name="Raise event").click()

    expect(tab.get_by_role("alert")).to_contain_text("Invalid JSON content")
    assert tab.get_by_label("Value").input_value() == "{not json"
