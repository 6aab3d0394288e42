"""What nobody should put into a task hub: messages that are none, and rows that cannot be read.

Invariant: nothing here is of an instance of the load, so that the load must not notice it.
"""

from __future__ import annotations

import json
import random
import uuid
from typing import Final

from azure.core.exceptions import AzureError
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from durable_engine import EventRaised, Message, OrchestrationInstance
from durable_host.clock import now
from durable_host.task_hub.queues.messages import CLIENT, MessageData, message_text

__all__ = ["Nonsense"]

_VALUES: Final[tuple[object, ...]] = (5, None, [], "\ud800", {}, "first")
_PLACES: Final = (
    ("SequenceNumber",),
    ("TaskMessage",),
    ("TaskMessage", "Event"),
    ("TaskMessage", "Event", "Name"),
    ("TaskMessage", "OrchestrationInstance", "InstanceId"),
    ("Sender", "InstanceId"),
)


class Nonsense:
    """Puts nonsense into the hub's storage; ``put`` is how many pieces so far."""

    def __init__(self, connection_string: str, hub: str, choices: random.Random) -> None:
        self._connection_string, self._hub, self._choices = connection_string, hub, choices
        self.put = 0

    def add(self) -> None:
        """Add one piece, a message or a row; storage that is busy gets none."""
        add = self._choices.choice((self._add_message, self._add_row))
        try:
            add()
        except AzureError:
            return
        self.put += 1

    def _add_message(self) -> None:
        name = f"{self._hub.lower()}-{self._choices.choice(['control-00', 'control-01', 'workitems'])}"
        with QueueClient.from_connection_string(self._connection_string, name) as queue:
            # Not for ever, so that the hosts of a long run do not come to read nothing else.
            queue.send_message(self._text(), time_to_live=60)

    def _add_row(self) -> None:
        row = {"PartitionKey": f"nonsense-{uuid.uuid4().hex}", "RowKey": "", "RuntimeStatus": 5, "CreatedTime": "then"}
        with TableClient.from_connection_string(self._connection_string, f"{self._hub}Instances") as client:
            client.create_entity(row)

    def _text(self) -> str:
        message = Message(
            event=EventRaised(timestamp=now(), name="go", input="1"),
            target=OrchestrationInstance(instance_id="nobody", execution_id=None),
        )
        data = MessageData(activity_id="a", message=message, sequence_number=1, episode=None, sender=CLIENT)
        text = json.loads(message_text(data))
        *path, last = self._choices.choice(_PLACES)
        place = text
        for name in path:
            place = place[name]
        place[last] = self._choices.choice(_VALUES)
        return self._choices.choice((json.dumps(text), "{", "none", "[]"))
