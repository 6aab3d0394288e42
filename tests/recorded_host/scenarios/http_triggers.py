"""Scenarios of HTTP: the app's own triggers, the admin API, and orchestrations that call out.

A theme of the catalogue.
Invariant: nothing here leaves loopback.
"""

from __future__ import annotations

from typing import Final

from recorded_host.driver import Driver
from recorded_host.scenarios.scenario import Scenario

__all__ = ["SCENARIOS"]

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def _http(driver: Driver) -> list[str]:
    for method, path in (
        ("GET", "/api/ping"),
        ("HEAD", "/api/ping"),
        ("POST", "/api/ping"),
        ("GET", "/api/PING"),
        ("GET", "/api/crash"),
        ("GET", "/api/text"),
    ):
        driver.call(method, path)
    driver.call("POST", "/api/echo/one/two?q=1&q=2&empty=&u=%C3%A9", {"z": 1}, headers={"X-Mine": "v"})
    driver.call("PUT", "/api/echo/on%2Fe", raw=b"raw", headers={"Content-Type": "text/plain"})
    for method, path in (
        ("GET", "/api/echo/one"),
        ("GET", "/api/none"),
        ("GET", "/none"),
        ("GET", "/admin/host/status"),
        ("GET", "/admin/host/ping"),
        ("GET", "/admin/functions/ping"),
        ("POST", "/api/client/binding/x"),
        ("OPTIONS", "/api/ping"),
    ):
        driver.call(method, path)
    return []


def _http_more(driver: Driver) -> list[str]:
    for method, path in (
        ("GET", "/api/bytes"),
        ("GET", "/api/empty"),
        ("GET", "/api/nothing"),
        ("GET", "/api/number/7"),
        ("GET", "/api/number/x"),
        ("GET", "/api/files/a/b%20c/d.txt"),
        ("DELETE", "/api/files/a"),
        ("GET", "/api/files"),
        ("GET", "/api/locked"),
        ("GET", "/api//ping"),
        ("GET", "/api/ping/"),
        ("GET", "/api/ping?code=wrong"),
        ("GET", "/api"),
        ("GET", "/API/ping"),
    ):
        driver.call(method, path)
    driver.call("POST", "/api/files/form", raw=b"a=1&b=%C3%A9&a=2", headers=_FORM)
    driver.call("POST", "/api/start/chain", raw=b"{bad json")
    driver.call("GET", "/admin/functions/nobody")
    driver.call("POST", "/admin/functions/same", {"input": "1"})
    driver.call("GET", "/robots.txt")
    driver.call("GET", "/favicon.ico")
    return []


def _http_call(driver: Driver) -> list[str]:
    instances = []
    for url in (f"{driver.base}/api/ping", f"{driver.base}/api/nowhere", "http://127.0.0.1:9/closed"):
        instance = driver.start("http_call", url)
        driver.wait(instance)
        driver.final(instance)
        instances.append(instance)
    return instances


SCENARIOS: Final = (
    Scenario(name="http", run=_http),
    Scenario(name="http_more", run=_http_more),
    Scenario(name="http_call", run=_http_call),
)
