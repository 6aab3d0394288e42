"""The harness as a target: everything in memory, in virtual time.

The flow tests' verbs in those of the harness.
Invariant: the app's own activities run; ``slow`` alone is answered, because virtual time is not slept through.
"""

from __future__ import annotations

from typing import Any

from durable_harness import Harness, http_response
from durable_harness.app.outcomes import HttpRequest
from durable_harness.instance import Instance
from durable_harness.running.pending import stuck_error
from durable_harness.running.run_result import Run, snapshot
from durable_harness.running.stepper import Driver
from durable_host.http.management.history_view import history_view
from flow.app.activities import SLOW_SECONDS
from flow.http_exchange import ask
from flow.target import Message, Status, shown_status

__all__ = ["HarnessTarget", "flow_in_harness"]


class _SteppedHarness(Harness):
    """A harness that goes on by one step, whatever instance that concerns, and finds every instance by its id."""

    def step(self, instance_id: str) -> None:
        """Let the next thing happen; an error if nothing can, though the instance is waited for."""
        if not Driver(self._hub).step():
            raise stuck_error(self._hub, self._hub.instances[instance_id])

    def find(self, instance_id: str) -> Instance:
        """The verbs of an instance or a sub-orchestration."""
        return Instance(self._hub, self._hub.instances[instance_id], self._settle)

    def show(self, instance_id: str) -> Run | None:
        """An instance as it stands; one that has ended is checked, and what is found wrong with it is an error."""
        found = self._hub.instances.get(instance_id)
        if found is None:
            return None
        return self._settle(found) if found.is_completed else snapshot(self._hub, found)


class HarnessTarget:
    """Runs orchestrations in one harness, with the app's own activities."""

    def __init__(self, app: object) -> None:
        self.harness = _SteppedHarness(app)
        self.harness.use_app_activities()

    def start(self, name: str, value: Any, instance_id: str) -> None:
        """Start an orchestration."""
        self.harness.start(name, value, instance_id=instance_id)

    def look(self, instance_id: str) -> Status | None:
        """The instance as it stands."""
        run = self.harness.show(instance_id)
        if run is None:
            return None
        events = history_view(run.history, show_input=False, show_output=False)
        return shown_status(run.runtime_status, run.output, run.custom_status, events)

    def tell(self, instance_id: str, message: Message) -> None:
        """Tell an instance something."""
        instance = self.harness.find(instance_id)
        match message.verb:
            case "raiseEvent":
                instance.raise_event(message.text, message.value)
            case "terminate":
                instance.terminate(message.text)
            case "suspend":
                instance.suspend(message.text)
            case "resume":
                instance.resume(message.text)
            case "rewind":
                instance.rewind(message.text)
            case verb:
                raise NotImplementedError(f"The harness has no {verb!r}: bind the test to the other targets.")

    def let_happen(self, instance_id: str) -> None:
        """Let the next thing happen: a message arrives, an activity ends, time jumps to the next timer."""
        self.harness.step(instance_id)


def flow_in_harness(app: object) -> HarnessTarget:
    """A harness with the app of the flow tests."""
    target = HarnessTarget(app)
    target.harness.answer("slow", lambda value: value, after=SLOW_SECONDS)
    target.harness.answer_http("*", "*", _send)
    return target


def _send(asked: HttpRequest) -> dict[str, Any]:
    """Send a request of ``call_http``, as a host does."""
    reply = ask(asked.method, asked.url, asked.content, asked.headers)
    return http_response(reply.status, reply.text, reply.headers)
