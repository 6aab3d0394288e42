"""What the app's functions do ends their own work with a result or a reason, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attack.hosts import new_hub, start_attacked
from durable_host.azurite import Azurite
from host_process import HostProcess

# One host for all of them.
pytestmark = pytest.mark.xdist_group("attack: functions")


@pytest.fixture(scope="module")
def host(azurite: Azurite) -> Iterator[HostProcess]:
    with start_attacked(azurite.connection_string, new_hub()) as running:
        yield running


@pytest.mark.parametrize(
    ("activity", "value", "expected"),
    [
        ("stops_the_loop", 1, ("Completed", 1)),
        ("exits_in_a_task", 2, ("Completed", [2, True])),
        ("closes_stdout", 3, ("Completed", 3)),
    ],
)
def test_activity_that_harms_the_worker_has_its_result_and_the_next_one_runs(
    host: HostProcess, activity: str, value: int, expected: tuple[str, object]
) -> None:
    with host.client() as client:
        client.start("calls", [activity, value], instance_id=activity)
        status = client.wait_for(activity)
        client.start("calls", ["stops_the_loop", 0], instance_id=f"after-{activity}")
        after = client.wait_for(f"after-{activity}")

    assert (status["runtimeStatus"], status["output"]) == expected
    assert after["output"] == 0


@pytest.mark.parametrize(
    ("orchestrator", "activity", "reason"),
    [
        ("calls", "exits", "python exited with code 3 (0x3)"),
        ("calls", "cancels_itself", "CancelledError"),
        ("leaves", "", "SystemExit: 3"),
    ],
)
def test_function_that_ends_the_process_or_itself_fails_with_the_reason(
    host: HostProcess, orchestrator: str, activity: str, reason: str
) -> None:
    with host.client() as client:
        client.start(orchestrator, [activity, 3], instance_id=f"{orchestrator}-{activity}")
        status = client.wait_for(f"{orchestrator}-{activity}")

    assert status["runtimeStatus"] == "Failed"
    assert reason in status["output"]


def test_http_function_that_ends_the_process_is_a_500_and_the_host_goes_on(host: HostProcess) -> None:
    with host.client() as client:
        assert client.call("GET", "/api/odd/exit").status == 500
        assert client.call("GET", "/api/same/5").body == b"5"


def test_orchestrator_that_leaves_hardly_any_recursion_takes_it_from_nobody(host: HostProcess) -> None:
    with host.client() as client:
        client.start("recurses_little", 1, instance_id="little")
        status = client.wait_for("little")
        client.start("calls", ["same", 2], instance_id="after-little")

        assert client.wait_for("after-little")["output"] == 2
    assert (status["runtimeStatus"], status["output"]) == ("Completed", 1)


@pytest.mark.parametrize("depth", [600, 20_000])
def test_result_nested_too_deep_ends_its_instance(host: HostProcess, depth: int) -> None:
    with host.client() as client:
        client.start("calls", ["nests", depth], instance_id=f"nested-{depth}")

        assert client.wait_for(f"nested-{depth}")["runtimeStatus"] in ("Completed", "Failed")


def test_activities_that_never_return_leave_threads_for_requests(azurite: Azurite) -> None:
    with start_attacked(azurite.connection_string, new_hub()) as host, host.client() as client:  # a host of its own
        for number in range(40):
            client.start("calls", ["hangs", number], instance_id=f"hangs-{number}")

        assert client.call("GET", "/api/same/5").body == b"5"


def test_functions_that_never_return_fail_after_the_function_timeout_with_the_reason(azurite: Azurite) -> None:
    limit = {"AzureFunctionsJobHost__functionTimeout": "00:00:02"}
    with start_attacked(azurite.connection_string, new_hub(), environment=limit) as host, host.client() as client:
        for name in ("computes", "asks", "calls"):
            client.start(name, ["hangs", 1], instance_id=name)

        assert client.call("GET", "/api/hangs").status == 500
        outputs = {name: str(client.wait_for(name)["output"]) for name in ("computes", "asks", "calls")}

    said = "Timeout value of 00:00:02 was exceeded by "
    assert f"{said}the function of 'computes'" in outputs["computes"]
    assert f"{said}the function of '@stays@k'" in outputs["asks"]
    assert f"{said}function: Functions.hangs" in outputs["calls"]
    assert f"{said}function: Functions.http_hangs" in host.log_text
