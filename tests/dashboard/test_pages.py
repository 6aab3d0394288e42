"""The pages without a browser: a real host, real orchestrations, and what the HTML says about them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from bs4 import BeautifulSoup

from dashboard.shop import HOSTILE, Shop
from host_process import Answer

Get = Callable[[str], Answer]
Page = Callable[[str], BeautifulSoup]

HOSTILE_ID = HOSTILE.replace("/", "")


def _instance(instance_id: str) -> str:
    return f"/instance?id={quote(instance_id, safe='')}"


def _text(page: BeautifulSoup) -> str:
    return " ".join(page.get_text(" ").split())


def _post(shop: Shop, path: str, headers: dict[str, str] | None = None, **fields: str) -> Answer:
    connection = http.client.HTTPConnection("localhost", shop.host.port, timeout=30)
    sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    connection.request("POST", f"/durable{path}", urlencode(fields), sent)
    response = connection.getresponse()
    answer = Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        body=response.read(),
    )
    connection.close()
    return answer


def _token(page: BeautifulSoup) -> str:
    field = page.find("input", {"name": "token"})
    assert field is not None
    return str(field["value"])


def test_start_prints_where_the_dashboard_is(shop: Shop) -> None:
    assert f"Dashboard http://localhost:{shop.host.port}/durable\n" in shop.host.log_text


def test_list_shows_every_instance_newest_first_with_counts(page: Page) -> None:
    shown = page("")

    ids = [cell.get_text(strip=True) for cell in shown.select("td.what")]
    assert {"order-1042", "order-1042-parcel", "refund-1001", "@stock@shelf-7", HOSTILE_ID} <= set(ids)
    times = [str(cell["datetime"]) for cell in shown.select("td[data-label=Started] time")]
    assert times == sorted(times, reverse=True)
    assert "Failed 2" in _text(shown)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?status=Failed", {"catalogue-7", HOSTILE_ID}),
        ("?name=refund", {"refund-1001"}),
        ("?prefix=order-", {"order-1042", "order-1042-parcel"}),
        ("?kind=entities", {"@stock@shelf-7"}),
        ("?prefix=order-&to=2001-01-01T00:00", set()),
        ("?prefix=order-&from=2001-01-01T00:00&status=nonsense", {"order-1042", "order-1042-parcel"}),
    ],
)
def test_list_is_filtered_by_status_name_prefix_kind_and_time(page: Page, query: str, expected: set[str]) -> None:
    shown = page(query)

    assert {cell.get_text(strip=True) for cell in shown.select("td.what")} == expected


def test_finished_instance_shows_timeline_values_children_and_history(page: Page) -> None:
    shown = page(_instance("order-1042"))

    text = _text(shown)
    assert shown.select_one("svg rect.activity") is not None
    assert len(shown.select(".drawing rect.failed")) == 1
    assert shown.select_one('svg a[href="/durable/instance?id=order-1042-parcel"]') is not None
    assert "12 St James's Square" in text
    assert "charge_card ConnectionError: the bank did not answer" in text
    assert "SP-00001042" in text
    assert "TaskScheduled" in text


def test_child_leads_back_to_its_parent(page: Page) -> None:
    shown = page(_instance("order-1042-parcel"))

    assert shown.select_one('dd a[href="/durable/instance?id=order-1042"]') is not None


def test_waiting_instance_says_for_what_and_suggests_the_event(page: Page) -> None:
    shown = page(_instance("refund-1001"))

    waits = _text(BeautifulSoup(str(shown.select_one(".waits")), "html.parser"))
    assert "the event Approved" in waits
    assert "a timer due at" in waits
    form = page(f"/act?{urlencode({'act': 'raise-event', 'id': 'refund-1001'})}")
    name = form.find("input", {"name": "name"})
    assert name is not None
    assert name["value"] == "Approved"


def test_failure_shows_the_apps_own_frames_first(page: Page) -> None:
    failure = page(_instance("catalogue-7")).select_one(".card.failed")

    assert failure is not None
    raised, frames = failure.select_one(".raised"), failure.select_one(".frames")
    assert raised is not None
    assert frames is not None
    assert raised.get_text() == "ValueError: could not convert string to float: 'n/a'"
    assert 'File "function_app.py", line' in frames.get_text()
    assert "_row_of" in frames.get_text()
    assert "durable_host" not in frames.get_text()


def test_instance_that_calls_what_is_not_there_carries_the_engines_notice(page: Page) -> None:
    shown = page(_instance("lost"))

    warning = shown.select_one(".warning")
    assert warning is not None
    assert "no_such_activity" in warning.get_text()
    assert "stays Running for ever" in warning.get_text()
    assert "nothing that will come" in _text(shown)


def test_executions_that_continued_as_new_are_all_there(page: Page) -> None:
    shown = page(_instance("poll"))

    earlier = [" ".join(one.get_text(" ").split()) for one in shown.select("#earlier-title ~ details > summary")]
    assert [text.rpartition("with the input ")[2] for text in earlier] == ["2", "1"]
    assert len(shown.select(".drawing svg")) == 3


def test_entity_shows_its_state(page: Page) -> None:
    shown = page(_instance("@stock@shelf-7"))

    assert "97" in _text(shown)
    assert "Signal" in _text(shown)


@pytest.mark.parametrize("instance_id", ["hostile-echo", HOSTILE_ID])
def test_hostile_values_are_text_wherever_they_stand(page: Page, instance_id: str) -> None:
    for path in ("", _instance(instance_id), f"/history?id={quote(instance_id, safe='')}"):
        shown = page(path)

        assert [script.get("src") for script in shown.find_all("script")] == ["/durable/static/dashboard.js"]
        assert shown.find_all("img") == []
        assert not [tag for tag in shown.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
        assert "{{7*7}}" in _text(shown)


def test_raw_rows_are_the_tables_own_and_never_html(get: Get) -> None:
    answer = get("/rows?id=hostile-echo")

    rows = json.loads(answer.body)
    assert rows[-1]["RowKey"] == "sentinel"
    assert {"OrchestratorStarted", "ExecutionStarted", "TaskScheduled"} <= {row.get("EventType") for row in rows}
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["", "/start", "/instance?id=order-1042", "/static/dashboard.js", "/no/such/page"])
def test_every_answer_has_a_strict_content_security_policy(get: Get, path: str) -> None:
    answer = get(path)

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert b" style=" not in answer.body


def test_page_that_has_not_changed_is_not_sent_again(shop: Shop, get: Get) -> None:
    tag = get("/instance?id=poll").headers["etag"]

    connection = http.client.HTTPConnection("localhost", shop.host.port, timeout=30)
    connection.request("GET", "/durable/instance?id=poll", headers={"If-None-Match": tag})
    response = connection.getresponse()

    assert (response.status, response.read()) == (304, b"")
    connection.close()


def test_unknown_instance_is_a_404_that_says_so(get: Get) -> None:
    answer = get("/instance?id=nobody")

    assert answer.status == 404
    assert b"no such instance" in answer.body


def test_act_without_the_token_of_a_page_changes_nothing(shop: Shop) -> None:
    answer = _post(shop, "/act", act="terminate", id="refund-1001", token="guessed")

    assert answer.status == 403
    assert (shop.client.status("refund-1001") or {})["runtimeStatus"] == "Running"


def test_act_that_another_sites_page_sends_is_refused_even_with_the_token(shop: Shop, page: Page) -> None:
    token = _token(page("/act?act=terminate&id=refund-1001"))

    answer = _post(shop, "/act", {"Origin": "http://evil.example"}, act="terminate", id="refund-1001", token=token)

    assert answer.status == 403
    assert (shop.client.status("refund-1001") or {})["runtimeStatus"] == "Running"


def test_page_under_a_name_that_is_not_ours_is_refused(shop: Shop) -> None:
    connection = http.client.HTTPConnection("localhost", shop.host.port, timeout=30)
    connection.request("GET", "/durable", headers={"Host": "rebound.example"})

    assert connection.getresponse().status == 403
    connection.close()


def test_start_raise_event_and_purge_through_their_forms(shop: Shop, page: Page) -> None:
    token = _token(page("/start"))

    started = _post(shop, "/start", name="approve_refund", instance="refund-2", data='{"order": 2}', token=token)
    shop.client.wait_for("refund-2", ["Running"])
    raised = _post(shop, "/act", act="raise-event", id="refund-2", name="Approved", data='"by Eve"', token=token)
    status = shop.client.wait_for("refund-2")
    purged = _post(shop, "/act", act="purge", id="refund-2", token=token)

    assert (started.status, started.headers["location"]) == (303, "/durable/instance?id=refund-2&done=start")
    assert (raised.status, raised.headers["location"]) == (303, "/durable/instance?id=refund-2&done=raise-event")
    assert status["output"] == {"approved": "by Eve"}
    assert (purged.status, purged.headers["location"]) == (303, "/durable?done=purge")
    assert shop.client.status("refund-2") is None
    assert "refund-2" not in _text(page(""))


def test_refusal_of_the_management_api_is_shown_with_the_form(shop: Shop, page: Page) -> None:
    token = _token(page("/start"))

    answer = _post(shop, "/act", act="resume", id="refund-1001", token=token)

    assert answer.status == 500
    assert "Cannot resume the orchestration instance refund-1001" in answer.body.decode()


def test_curl_line_says_what_the_form_would_do(page: Page) -> None:
    fields = {"act": "raise-event", "id": "refund-1001", "name": "Approved", "data": '{"it\'s": 1}'}

    line = page(f"/act?{urlencode(fields)}").select_one("#curl")

    assert line is not None
    text = line.get_text()
    assert "/instances/refund-1001/raiseEvent/Approved?taskHub=Shop&connection=Storage&code=" in text
    assert text.endswith("""-H 'Content-Type: application/json' -d '{"it'"'"'s": 1}'""")


def test_list_takes_in_what_changes_after_its_first_scan(shop: Shop, page: Page) -> None:
    page("")
    shop.client.start("fan_out", {"count": 1, "seconds": 0}, instance_id="late")
    shop.client.wait_for("late")

    deadline = time.monotonic() + 10
    while "late" not in [cell.get_text(strip=True) for cell in page("?status=Completed").select("td.what")]:
        assert time.monotonic() < deadline, "the list never showed the instance"
        time.sleep(0.1)
