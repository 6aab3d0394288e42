"""What holds for every test: Hypothesis profiles, no skips, nothing sent off this machine.

The profile is ``dev``, or ``ci`` where the environment says CI; HYPOTHESIS_PROFILE chooses another one.
Invariant: a test that did not run did not pass: a skip counts as a failure.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Time limits per example are left to pytest-timeout: a busy machine is no reason to fail.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=100,
    derandomize=True,  # a gate must give one answer; `thorough` and `dev` explore
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

# Here the packages are used from their folder; where the distribution is installed, pytest finds the plugin by itself.
pytest_plugins = ["durable_harness.plugin", "durable_host.testing.plugin", "infra.bicep_tier"]


# Suites that belong to `tox run -e long` as a whole; elsewhere a test or its module is marked.
LONG_SUITES = ("host_apps", "recorded_triggers")


class PacketRefusedError(Exception):
    """A test was about to reach another machine."""


def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``, one more than there are processors: many tests wait, for storage or for time to pass."""
    return (os.cpu_count() or 1) + 1


def _stay_on_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse connections and look-ups that leave this machine. An audit hook sees them all, whatever library asks."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a string is a Unix socket, which is local
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host is None or _is_loopback(host):
        return
    raise PacketRefusedError(f"A test tried to reach {host!r} ({event}). Tests use loopback and recorded pages only.")


def _is_loopback(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in ("", "localhost", "0.0.0.0", "::"):  # "" and the zero addresses: places to listen
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def pytest_configure(config: pytest.Config) -> None:
    """Install the guard before the first test module is imported.

    Only ``pytest tests/flow --target URL`` goes without: reaching that address is what it was asked for.
    """
    targets: list[str] = config.getoption("--target", None) or []
    if not any(target.startswith(("http://", "https://")) for target in targets):
        sys.addaudithook(_stay_on_loopback)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the suites that take long, before ``-m`` chooses."""
    folder = Path(__file__).parent
    for item in items:
        if item.path.relative_to(folder).parts[0] in LONG_SUITES:
            item.add_marker(pytest.mark.long)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which counts as a failure here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped module into a failed one."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"Skipped, which counts as a failure here: {report.longrepr}"
    return report
