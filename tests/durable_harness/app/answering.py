"""How a test says what a name gives: the verbs that a harness and the world of a schedule have in common.

Invariant: what is said is checked here, at the door, and nowhere behind it.
"""

from __future__ import annotations

from datetime import timedelta

from durable_harness.app.answers import Answers
from durable_harness.app.functions import AppFunctions
from durable_harness.core import arguments

__all__ = ["Answering"]


class Answering:
    """Takes answers by name."""

    def __init__(self, app: AppFunctions, answers: Answers) -> None:
        self.app = app
        self._answers = answers

    def answer(self, name: str, what: object, *, after: timedelta | float | None = None) -> None:
        """Answer every call of an activity or sub-orchestration from now on.

        Args:
            name: The name of the activity or orchestrator.
            what: The result; or a function of the input that returns it or raises; or an exception; or ``in_turn`` of
                such; or ``app_activity`` to run the app's own. A function may remember earlier calls only in a world.
            after: The virtual time that a call takes, in seconds where it is a number. Without it a call takes no time,
                and ``explore`` lets it take any.

        Raises:
            UnknownNameError: The app has no activity or orchestrator of this name.
            WrongArgumentError: One of these is of a wrong kind.
        """
        self.app.check_answerable(arguments.text(name, "the name of what is answered"))
        self._answers.add("function", name, what, after)

    def answer_http(self, method: str, url: str, what: object, *, after: timedelta | float | None = None) -> None:
        """Answer ``call_http``.

        Args:
            method: GET, POST and the like, or ``*`` for any.
            url: The URL; ``*`` within it stands for anything. An exact URL goes before a pattern.
            what: ``http_response(...)``, or a function of the ``HttpRequest`` that returns one, or what else ``answer``
                takes.
            after: As in ``answer``.
        """
        arguments.text(method, "method")
        arguments.text(url, "url")
        self._answers.add("http", f"{method} {url}", what, after)

    def answer_entity(self, name: str, operation: str, what: object) -> None:
        """Answer an operation of an entity instead of running the entity; a function gets the operation's input."""
        self.app.check_entity(arguments.text(name, "an entity's name"))
        arguments.text(operation, "an operation's name")
        self._answers.add("entity", f"{name.lower()}.{operation}", what, None)

    def use_app_activities(self) -> None:
        """Run the app's own activity wherever no answer was given."""
        self._answers.use_app = True
