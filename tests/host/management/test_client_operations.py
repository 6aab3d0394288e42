"""What is logged of the requests that the clients of the app's functions send: the extension's names for them.

Source: HttpApiHandler.LogClientOperationReceived of Azure/azure-functions-durable-extension; the start is recorded too
(quiet/durable_by_queue of fixtures/recordings/triggers).
"""

from __future__ import annotations

import pytest

from host.management.hub_in_memory import Api

INVOCATION = "6a1c3d5e-0000-4000-8000-00000000000f"
CASES = [
    ("POST", "orchestrators/chain/i2", "StartOrchestration", "i2"),
    ("POST", "instances/i/terminate", "Terminate", "i"),
    ("POST", "instances/i/suspend", "Suspend", "i"),
    ("POST", "instances/i/resume", "Resume", "i"),
    ("POST", "instances/i/rewind", "Rewind", "i"),
    ("POST", "instances/i/restart", "Restart", "i"),
    ("POST", "instances/i/raiseEvent/go", "RaiseEvent", "i"),
    ("GET", "instances/i", "GetInstance", "i"),
    ("GET", "instances", "QueryInstances", ""),
    ("DELETE", "instances/i", "PurgeInstances", "i"),
    ("DELETE", "instances", "PurgeInstances", "(filter)"),
    ("GET", "entities/Counter/k", "GetEntity", "@counter@k"),
    ("GET", "entities", "QueryEntities", ""),
    ("POST", "entities/Counter/k", "SignalEntity", "@counter@k"),
]


@pytest.mark.parametrize(("method", "target", "operation", "instance_id"), CASES)
def test_a_function_s_request_is_told_once_whatever_its_answer(
    api: Api, caplog: pytest.LogCaptureFixture, method: str, target: str, operation: str, instance_id: str
) -> None:
    caplog.set_level("INFO", "Host.Triggers.DurableTask")

    api.call(method, target, x_azure_functions_invocationid=INVOCATION)

    said = f"Client operation '{operation}' received for instance '{instance_id}'. FunctionInvocationId: {INVOCATION}. "
    assert [message.startswith(said) for message in caplog.messages if "Client operation" in message] == [True]


@pytest.mark.parametrize("invocation", ["", "not a GUID", INVOCATION + "0"])
def test_what_nobody_s_function_sends_is_not_told(api: Api, caplog: pytest.LogCaptureFixture, invocation: str) -> None:
    caplog.set_level("INFO", "Host.Triggers.DurableTask")

    api.call("GET", "instances/i", x_azure_functions_invocationid=invocation)

    assert not any("Client operation" in message for message in caplog.messages)
