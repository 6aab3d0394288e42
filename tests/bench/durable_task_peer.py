"""The peer of the fan-out benchmark: durabletask's in-memory backend doing the same.

Starts backend, worker and client of ``durabletask`` on a free port of loopback, and times one fan-out.
Invariant: the same calls with the same results; nothing is left running.
"""

from __future__ import annotations

import importlib.util
import json
import socket
from collections.abc import Generator
from time import perf_counter
from typing import Any

__all__ = ["fan_out_seconds"]


def fan_out_seconds(count: int, *, times: int = 2) -> float | None:
    """The shortest of so many fan-outs to so many activities; None where durabletask is not installed."""
    if importlib.util.find_spec("durabletask") is None:
        return None
    from durabletask.client import TaskHubGrpcClient
    from durabletask.task import when_all
    from durabletask.testing import create_test_backend
    from durabletask.worker import ConcurrencyOptions, TaskHubGrpcWorker

    def square(_: Any, number: int) -> int:
        return number * number

    def fan_out(context: Any, numbers: int) -> Generator[Any, Any, list[int]]:
        results: list[int] = yield when_all([context.call_activity(square, input=n) for n in range(numbers)])
        return results

    port = _free_port()
    backend = create_test_backend(port=port, max_history_size=100_000)
    try:
        address = f"localhost:{port}"
        options = ConcurrencyOptions(maximum_concurrent_activity_work_items=count)
        with TaskHubGrpcWorker(host_address=address, concurrency_options=options) as worker:
            worker.add_orchestrator(fan_out)
            worker.add_activity(square)
            worker.start()
            client = TaskHubGrpcClient(host_address=address)
            return min(_timed(client, fan_out, count) for _ in range(times))
    finally:
        backend.stop()


def _timed(client: Any, orchestrator: Any, count: int) -> float:
    began = perf_counter()
    instance_id = client.schedule_new_orchestration(orchestrator, input=count)
    state = client.wait_for_orchestration_completion(instance_id, timeout=120)
    seconds = perf_counter() - began
    assert json.loads(state.serialized_output) == [n * n for n in range(count)]
    return seconds


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
        return port
