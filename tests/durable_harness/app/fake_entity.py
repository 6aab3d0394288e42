"""An entity that is answered by name and operation instead of being run.

Speaks the SDK's side of an entity batch: the host's JSON in, results out, with the answers of a test.
Invariant: an operation without an answer is an error that names it; the entity's own code, if any, is not run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from durable_harness.app.answers import Answers
from durable_harness.app.calling import called
from durable_harness.core.errors import HarnessError, UnansweredError

__all__ = ["FakeEntity"]


@dataclass(frozen=True, slots=True)
class FakeEntity:
    """An entity's handle, made of answers."""

    name: str
    answers: Answers

    @classmethod
    def if_answered(cls, name: str, answers: Answers) -> FakeEntity | None:
        """The fake of an entity for whose operations there are answers."""
        is_answered = any(kind == "entity" and key.startswith(f"{name}.") for kind, key, _ in answers.said)
        return cls(name, answers) if is_answered else None

    def __call__(self, payload: str) -> str:
        """Answer one batch."""
        batch = json.loads(payload)
        results = [self._result(operation) for operation in batch["batch"]]
        return json.dumps(
            {"entityExists": True, "entityState": batch["state"] or "null", "results": results, "signals": []}
        )

    def _result(self, operation: dict[str, Any]) -> dict[str, Any]:
        given = operation["input"]
        value = None if given is None else json.loads(given)
        value = json.loads(value) if isinstance(value, str) else value
        answered = self.answers.next("entity", f"{self.name}.{operation['name']}")
        if answered is None:
            raise UnansweredError(
                f"Operation {operation['name']!r} of entity {self.name!r} was called with {value!r}, and nobody has "
                f"answered it. Say harness.answer_entity({self.name!r}, {operation['name']!r}, ...).",
                calls=[(f"{self.name}.{operation['name']}", value)],
            )
        try:
            result, is_error = called(f"{self.name}.{operation['name']}", answered.call, value), False
        except (HarnessError, AssertionError):
            raise
        except Exception as error:  # an operation's exception is its result
            result, is_error = str(error), True
        return {"isError": is_error, "duration": 0, "startTime": 0, "result": json.dumps(result)}
