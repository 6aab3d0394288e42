"""Looking: the list and its filters, what happens while one looks, hostile values, two tabs."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import Page, expect

from dashboard.shop import HOSTILE, Shop, order

OpenTab = Callable[..., Page]

SLOW_MS = 20_000


def _instance(instance_id: str) -> str:
    return f"/instance?id={quote(instance_id, safe='')}"


def test_list_shows_a_new_instance_by_itself_and_its_end(shop: Shop, open_tab: OpenTab) -> None:
    tab = open_tab()

    shop.client.start("fan_out", {"count": 1, "seconds": 1}, instance_id="seen-live")

    row = tab.locator("tr[data-key=seen-live]")
    expect(row).to_be_visible(timeout=SLOW_MS)
    expect(row.locator(".badge")).to_contain_text("Completed", timeout=SLOW_MS)


def test_rows_stay_under_the_pointer_and_what_is_new_waits_for_a_word(shop: Shop, open_tab: OpenTab) -> None:
    shop.client.start("fan_out", {"count": 1, "seconds": 0}, instance_id="under-pointer")
    shop.client.wait_for("under-pointer")
    tab = open_tab()
    row = tab.locator("tr[data-key=under-pointer]")
    row.hover()
    before = row.bounding_box()

    shop.client.start("fan_out", {"count": 1, "seconds": 0}, instance_id="comes-later")

    fresh = tab.get_by_role("button", name="new instance")
    expect(fresh).to_be_visible(timeout=SLOW_MS)
    assert tab.locator("tr[data-key=comes-later]").count() == 0
    assert before is not None
    fresh.click()
    expect(tab.locator("tr[data-key=comes-later]")).to_be_visible()


def test_list_is_filtered_by_form_and_by_chips(shop: Shop, open_tab: OpenTab) -> None:
    shop.client.start("fails_with", "no", instance_id="filter-fails")
    shop.client.start("echoes", "yes", instance_id="filter-echoes")
    for instance_id in ("filter-fails", "filter-echoes"):
        shop.client.wait_for(instance_id)
    tab = open_tab()

    tab.get_by_label("Id begins with").fill("filter-")
    tab.get_by_role("button", name="Filter").click()
    expect(tab.locator("tbody tr")).to_have_count(2)
    tab.get_by_role("navigation", name="Filter by status").get_by_text("Failed").click()

    expect(tab.locator("tbody tr")).to_have_count(1)
    expect(tab.locator("tr[data-key=filter-fails]")).to_be_visible()
    assert tab.get_by_label("Id begins with").input_value() == "filter-"


def test_fan_out_of_twenty_slow_activities_grows_before_ones_eyes(shop: Shop, open_tab: OpenTab) -> None:
    shop.client.start("fan_out", {"count": 20, "seconds": 1.5}, instance_id="fan-live")
    shop.client.wait_for("fan-live", ["Running"])
    tab = open_tab(_instance("fan-live"))

    bars = tab.locator(".drawing rect.activity")
    expect(tab.locator(".drawing rect.activity.open").first).to_be_visible(timeout=SLOW_MS)
    tab.locator(".history-box summary").click()
    expect(tab.locator(".waits")).to_contain_text("the activity pick_item", timeout=SLOW_MS)
    expect(tab.locator(".drawing rect.activity.completed").first).to_be_visible(timeout=SLOW_MS)
    expect(tab.locator(".heading .badge")).to_contain_text("Completed", timeout=2 * SLOW_MS)

    assert bars.count() == 20
    expect(tab.locator(".waits")).to_have_count(0)
    # What was unfolded has stayed so, through all that has changed.
    assert tab.locator(".history-box").get_attribute("open") is not None


def test_two_tabs_show_the_same_and_one_sees_what_the_other_does(shop: Shop, open_tab: OpenTab) -> None:
    shop.client.start("approve_refund", instance_id="two-tabs")
    shop.client.wait_for("two-tabs", ["Running"])
    one, other = open_tab(_instance("two-tabs")), open_tab(_instance("two-tabs"))

    one.get_by_role("link", name="Suspend").click()
    one.get_by_role("button", name="Suspend").click()

    expect(other.locator(".heading .badge")).to_contain_text("Suspended", timeout=SLOW_MS)
    other.get_by_role("link", name="Resume").click()
    other.get_by_role("button", name="Resume").click()
    expect(one.locator(".heading .badge")).to_contain_text("Running", timeout=SLOW_MS)


def test_parent_and_child_lead_to_each_other(shop: Shop, open_tab: OpenTab) -> None:
    shop.client.start("process_order", order(7), instance_id="order-7")
    shop.client.wait_for("order-7")
    tab = open_tab(_instance("order-7"))

    tab.locator("svg a").first.click()
    expect(tab.locator("#instance-id")).to_have_text("order-7-parcel")
    tab.locator(".facts").get_by_role("link").click()

    expect(tab.locator("#instance-id")).to_have_text("order-7")


def test_hostile_values_run_nowhere(shop: Shop, open_tab: OpenTab) -> None:
    hostile_id = HOSTILE.replace("/", "")
    shop.client.start("echoes", {HOSTILE: HOSTILE}, instance_id="hostile")
    shop.client.start("fails_with", HOSTILE, instance_id=hostile_id)
    for instance_id in ("hostile", hostile_id):
        shop.client.wait_for(instance_id)

    for path in ("", _instance("hostile"), _instance(hostile_id), f"/act?act=restart&id={quote(hostile_id)}"):
        tab = open_tab(path)
        tab.wait_for_timeout(1500)  # let the page's own script make it anew at least once

        assert "owned" not in tab.title().replace(HOSTILE, "").replace(hostile_id, "")
        assert tab.locator("img").count() == 0
        assert tab.evaluate("document.querySelectorAll('script').length") == 1


def test_page_says_that_the_host_is_away_and_comes_back(shop: Shop, open_tab: OpenTab) -> None:
    tab = open_tab(may_be_refused=True)
    away: list[bool] = [True]
    tab.route("**/durable*", lambda route: route.abort() if away[0] else route.continue_())

    expect(tab.locator("#offline")).to_be_visible(timeout=SLOW_MS)
    away[0] = False

    expect(tab.locator("#offline")).to_be_hidden(timeout=SLOW_MS)
