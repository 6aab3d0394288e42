"""How a project tests its app over HTTP, on Azurite, once `durable-harness[host,pytest]` is installed."""

import os

from durable_host.testing import HostClient, HostProcess


def test_greets_over_http(durable_host: HostProcess, host_client: HostClient) -> None:
    started = host_client.call("POST", "/api/greet/anna")

    assert started.status == 202
    assert host_client.wait_for(started.json()["id"])["output"] == "Hello Anna"
    # Set by whoever wants to see that the log of the host is in the report of a test that fails.
    assert "FAIL_ON_PURPOSE" not in os.environ, durable_host.address
