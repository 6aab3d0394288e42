"""Answers by name: what an activity, sub-orchestration, HTTP call or entity operation gives, without running it.

Turns what a test said (a value, a function, an exception, a sequence of them, a delay) into outcomes of calls.
Invariant: one call consumes one answer, in the order in which the calls were scheduled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from durable_engine import Ticks
from durable_harness.core.errors import AnswersUsedUpError
from durable_harness.core.virtual_clock import to_ticks

__all__ = ["Answered", "Answers", "InTurn", "app_activity", "in_turn"]


class _AppActivity:
    """Stands for the app's own activity."""

    def __repr__(self) -> str:
        return "app_activity"


app_activity: Final = _AppActivity()
"""The answer "run the activity of the app"."""

_WORLD: Final = "the state of the world's answers"


@dataclass(frozen=True, slots=True)
class InTurn:
    """One answer for each call, in turn."""

    answers: tuple[object, ...]


def in_turn(*answers: object) -> InTurn:
    """One answer for each call: values, exceptions and functions may be mixed."""
    return InTurn(answers)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Answered:
    """What one call gives: a function of its input that returns or raises, and the virtual time that it takes.

    ``delay`` is None where nothing was said about time: then the call may end before or after anything else.
    ``is_constant`` is an answer that gives the same to every call. ``shares`` says in words what remembers earlier
    calls, None where what a call gives depends on its input alone.
    """

    call: Callable[[Any], Any]
    delay: Ticks | None
    is_of_app: bool = False
    is_constant: bool = False
    shares: str | None = None


@dataclass(slots=True)
class _Rule:
    what: object
    delay: Ticks | None
    used: int = 0
    answered: Answered | None = None


@dataclass(slots=True)
class Answers:
    """All answers of one harness. A copy begins with none of them used."""

    use_app: bool = False
    """Whether what was not answered by name is answered by the app's own activity."""
    may_remember: bool = False
    """Whether functions among the answers may remember earlier calls: those of a world may."""
    _rules: dict[tuple[str, str], _Rule] = field(default_factory=dict)

    def add(self, kind: str, name: str, what: object, after: timedelta | float | None) -> None:
        """Answer this name from now on, in place of what was said before."""
        self._rules[kind, name.lower()] = _Rule(what, None if after is None else to_ticks(after))

    def has(self, kind: str, name: str) -> bool:
        """Whether there is an answer."""
        return (kind, name.lower()) in self._rules

    def next(self, kind: str, name: str) -> Answered | None:
        """The answer of the next call, None where nobody has said one."""
        rule = self._rules.get((kind, name.lower()))
        if rule is None:
            if not self.use_app or kind != "function":
                return None
            return Answered(_nothing, None, is_of_app=True, shares=_WORLD if self.may_remember else None)
        number, rule.used = rule.used, rule.used + 1
        what = rule.what
        if isinstance(what, InTurn):
            if number >= len(what.answers):
                raise AnswersUsedUpError(
                    f"{name!r} is called for the {number + 1}. time, and in_turn() has {len(what.answers)} answers for "
                    "it. Give one for each call, attempts of a retry counted."
                )
            what = what.answers[number]
        if what is rule.what and rule.answered is not None:
            return rule.answered
        is_constant = not callable(what) and not isinstance(what, BaseException)
        shares = f"the answers in_turn(...) of {name!r}" if isinstance(rule.what, InTurn) else None
        if self.may_remember and not is_constant and not isinstance(what, BaseException):
            shares = _WORLD
        answered = Answered(
            _callable_of(what), rule.delay, is_of_app=what is app_activity, is_constant=is_constant, shares=shares
        )
        if what is rule.what:
            rule.answered = answered
        return answered

    def unused(self) -> Answers:
        """The same answers, as if none had been given yet."""
        rules = {key: _Rule(rule.what, rule.delay, answered=rule.answered) for key, rule in self._rules.items()}
        return Answers(self.use_app, self.may_remember, rules)

    @property
    def progress(self) -> tuple[tuple[tuple[str, str], int], ...]:
        """How many answers of each sequence are used: a part of the state of a run."""
        return tuple((key, rule.used) for key, rule in self._rules.items() if isinstance(rule.what, InTurn))

    @property
    def entities_share(self) -> bool:
        """Whether an entity's answer may remember what another entity was asked."""
        rules = [rule for (kind, _), rule in self._rules.items() if kind == "entity"]
        return any(isinstance(rule.what, InTurn) or (self.may_remember and callable(rule.what)) for rule in rules)

    @property
    def said(self) -> Sequence[tuple[str, str, str]]:
        """Kind, name and text of each answer, for the fingerprint of a run."""
        return [(*key, _text_of(rule.what)) for key, rule in sorted(self._rules.items())]


def _callable_of(what: object) -> Callable[[Any], Any]:
    if isinstance(what, BaseException) or (isinstance(what, type) and issubclass(what, BaseException)):
        return lambda _: _raise(what)
    if callable(what):
        return what
    return lambda _: what


def _raise(what: BaseException | type[BaseException]) -> None:
    if isinstance(what, type):
        raise what
    raise what.with_traceback(None)  # the same exception may answer many calls, and must not collect their frames


def _nothing(_: object) -> None:
    return None


def _text_of(what: object) -> str:
    return getattr(what, "__qualname__", None) or repr(what)
