"""The harness as a target: everything in memory, in virtual time.

The flow tests' verbs in those of the harness.
Invariant: the app's own activities run; ``slow`` alone is answered, because virtual time is not slept through.
"""

from __future__ import annotations

from typing import Any

from durable_engine import FINAL_STATUSES
from durable_harness import Harness, HttpRequest, UnknownNameError, http_response
from durable_host.http.management import history_view
from flow.app.activities import SLOW_SECONDS
from flow.http_exchange import ask
from flow.target import Message, Status, shown_status

__all__ = ["HarnessTarget", "flow_in_harness"]


class HarnessTarget:
    """Runs orchestrations in one harness, with the app's own activities."""

    def __init__(self, app: object) -> None:
        self.harness = Harness(app)
        self.harness.use_app_activities()

    def start(self, name: str, value: Any, instance_id: str) -> None:
        """Start an orchestration."""
        self.harness.start(name, value, instance_id=instance_id)

    def look(self, instance_id: str) -> Status | None:
        """The instance as it stands."""
        try:
            instance = self.harness.instance(instance_id)
        except UnknownNameError:
            return None
        # One that has ended is checked, and what is found wrong with it is an error.
        run = instance.result if instance.runtime_status in FINAL_STATUSES else instance.snapshot
        events = history_view(run.history, show_input=False, show_output=False)
        return shown_status(run.runtime_status, run.output, run.custom_status, events)

    def tell(self, instance_id: str, message: Message) -> None:
        """Tell an instance something."""
        instance = self.harness.instance(instance_id)
        match message.verb:
            case "raiseEvent":
                instance.raise_event(message.text, message.value, by="http")
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
        self.harness.instance(instance_id).step()


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
