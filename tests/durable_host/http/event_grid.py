"""Event Grid triggers: events that somebody posts to the webhook of the extension.

Invariant: each event of a delivery runs the function once; the answer does not wait for it, and says at most that the
delivery cannot be read.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from azure.functions.meta import Datum

from durable_host.app.index import EVENT_GRID, FunctionIndex
from durable_host.app.trigger import Trigger
from durable_host.app.worker import Worker
from durable_host.http.messages import NOT_FOUND, Answer, Request, json_answer, text_answer

__all__ = ["EVENT_GRID_PATH", "EventGrid"]

EVENT_GRID_PATH: Final = "/runtime/webhooks/eventgrid"
_REASON: Final = "This function was programmatically called via the host APIs."
_VALIDATION: Final = "SubscriptionValidation"


class EventGrid:
    """The Event Grid functions of one app."""

    def __init__(self, index: FunctionIndex, worker: Worker) -> None:
        self._index, self._worker = index, worker
        self._runs: set[asyncio.Task[Any]] = set()

    async def answer(self, request: Request) -> Answer:
        """Answer a delivery."""
        name = next((value for key, value in request.query if key.lower() == "functionname"), "")
        function = self._index.find(name)
        if request.method != "POST" or function is None or function.kind != EVENT_GRID or function.is_disabled:
            return NOT_FOUND
        try:
            body = json.loads(request.body)
            events = body if isinstance(body, list) else [body]
            texts = [json.dumps(event) for event in events]
        except RecursionError:
            return text_answer(400, "The delivery's JSON is nested too deeply to be read.")
        except ValueError as error:
            return text_answer(400, f"The delivery is no JSON: {error}.")
        if not events or not all(isinstance(event, dict) for event in events):
            return text_answer(400, "A delivery is an event, which is a JSON object, or a list of one or more events.")
        if request.headers.get("aeg-event-type", "").lower() == _VALIDATION.lower():
            data = events[0].get("data")
            code = data.get("validationCode") if isinstance(data, dict) else None
            return json_answer(200, {"validationResponse": code})
        for event, text in zip(events, texts, strict=True):
            trigger = Trigger(data=Datum(text, "json"), names=event, reason=_REASON)
            run = asyncio.ensure_future(self._worker.run_with_retries(function, trigger))
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)
        return Answer(status=202)

    async def stop(self, grace: float) -> None:
        """Give running functions ``grace`` seconds to end."""
        if self._runs:
            _, late = await asyncio.wait(self._runs, timeout=grace)
            for run in late:
                run.cancel()
