"""What the harness raises.

    HarnessError
    ├── WrongArgumentError    a test passes something of the wrong kind
    ├── BadAnswerError        an answer that a test gave fails by itself, or gives no JSON
    ├── UnknownNameError      the app has no function of this name
    ├── UnansweredError       an orchestration called something for which no answer was given
    ├── AnswersUsedUpError    more calls than answers
    ├── StuckError            nothing can happen any more, and the orchestration has not ended
    ├── RunawayError          the orchestration goes on and on
    ├── NotPossibleError      a step that the instance cannot take now
    ├── BadTokenError         a token that is not one, or belongs to another run
    ├── OrderDependentError   two orders of events lead to two outcomes
    ├── NotProvedError        the budget did not reach for every order
    └── OrchestratorError     the orchestrator's code is wrong in a way that a real host may not notice
        ├── DeterminismError  it reads what replay cannot repeat
        ├── MisuseError       it uses the SDK in a way that does not do what it says
        ├── ReplayMismatchError  replaying its history from the start gives something else
        └── DivergenceError   the SDK and the host have given the same id to different things

A message says what, which ids, and what to do next; the facts are attributes too.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AnswersUsedUpError",
    "BadAnswerError",
    "BadTokenError",
    "DeterminismError",
    "DivergenceError",
    "HarnessError",
    "MisuseError",
    "NotPossibleError",
    "NotProvedError",
    "OrchestratorError",
    "OrderDependentError",
    "ReplayMismatchError",
    "RunawayError",
    "StuckError",
    "UnansweredError",
    "UnknownNameError",
    "UnusedWarning",
    "WrongArgumentError",
]


class HarnessError(Exception):
    """Base of the harness's errors."""


class WrongArgumentError(HarnessError, TypeError, ValueError):
    """A test passes something of the wrong kind to the harness."""


class BadAnswerError(HarnessError):
    """An answer that a test gave cannot be used: it fails by itself, or what it gives cannot become JSON."""


class UnusedWarning(UserWarning):
    """A test has prepared something that its orchestrations never asked for."""


class UnknownNameError(HarnessError, LookupError):
    """A name that no function of the app has."""

    def __init__(self, text: str, *, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(text)


class UnansweredError(HarnessError, LookupError):
    """Something was called for which there is no answer; ``calls`` says what was called with what."""

    def __init__(self, text: str, *, calls: Sequence[tuple[str, object]]) -> None:
        self.calls = tuple(calls)
        super().__init__(text)


class AnswersUsedUpError(HarnessError, LookupError):
    """A sequence of answers had fewer of them than there were calls."""


class StuckError(HarnessError):
    """Nothing can happen any more; ``waits_for`` says what the orchestration waits for."""

    def __init__(self, text: str, *, instance_id: str, waits_for: Sequence[str]) -> None:
        self.instance_id, self.waits_for = instance_id, tuple(waits_for)
        super().__init__(text)


class RunawayError(HarnessError):
    """More episodes than a test should need."""


class NotPossibleError(HarnessError):
    """A step that the instance cannot take in its present state."""


class BadTokenError(HarnessError, ValueError):
    """A schedule token that cannot be read, or does not fit this run."""


class OrderDependentError(HarnessError, AssertionError):
    """Two orders of the same events end in two outcomes; ``tokens`` replays one of each, ``run`` is the wrong one."""

    def __init__(self, text: str, *, tokens: Sequence[str], run: object = None) -> None:
        self.tokens, self.run = tuple(tokens), run
        super().__init__(text)


class NotProvedError(HarnessError, AssertionError):
    """The budget was used up before every order was run, and nothing wrong was found in those that were."""


class OrchestratorError(HarnessError):
    """The orchestrator's code is wrong; ``code`` names the kind of fault."""

    def __init__(self, text: str, *, code: str) -> None:
        self.code = code
        super().__init__(text)


class DeterminismError(OrchestratorError):
    """The orchestrator reads something that a replay cannot repeat."""


class MisuseError(OrchestratorError):
    """The orchestrator uses the SDK in a way that does not do what it says."""


class ReplayMismatchError(OrchestratorError):
    """Replaying the history from the start gives something else than what happened."""


class DivergenceError(OrchestratorError):
    """SDK and host have given one id to different things."""
