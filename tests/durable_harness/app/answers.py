"""Answers by name: what an activity, sub-orchestration, HTTP call or entity operation gives, without running it.

Turns what a test said (a value, a function, an exception, a sequence of them, a delay) into outcomes of calls.
Invariant: one call consumes one answer, in the order in which the calls were scheduled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeGuard

from durable_engine import Ticks
from durable_harness.app.calling import encoded
from durable_harness.core import arguments
from durable_harness.core.errors import AnswersUsedUpError, WrongArgumentError

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
    ``is_constant`` is an answer that gives the same to every call, ``is_exception`` one that is an exception itself.
    ``shares`` says in words what remembers earlier calls, None where what a call gives depends on its input alone.
    """

    call: Callable[[Any], Any]
    delay: Ticks | None
    is_of_app: bool = False
    is_constant: bool = False
    is_exception: bool = False
    shares: str | None = None


@dataclass(slots=True)
class _Rule:
    what: object
    delay: Ticks | None
    used: int = 0
    answered: Answered | None = None
    uses: list[int] = field(default_factory=list)
    """How often it was used in each run: shared by all copies."""

    def use(self) -> int:
        """Count one more use, and return how many there were before."""
        self.used += 1
        self.uses[:] = [max([self.used, *self.uses])]
        return self.used - 1


@dataclass(slots=True)
class Answers:
    """All answers of one harness. A copy begins with none of them used."""

    use_app: bool = False
    """Whether what was not answered by name is answered by the app's own activity."""
    may_remember: bool = False
    """Whether functions among the answers may remember earlier calls: those of a world may."""
    _rules: dict[tuple[str, str], _Rule] = field(default_factory=dict)
    _of_worlds: dict[tuple[str, str], _Rule] = field(default_factory=dict)
    """What the last world has said: shared by all copies."""

    def add(self, kind: str, name: str, what: object, after: timedelta | float | None) -> None:
        """Answer this name from now on, in place of what was said before."""
        _check(what, name)
        key = kind, _key(kind, name)
        rule = self._rules[key] = _Rule(what, None if after is None else arguments.delay(after, "after"))
        if self.may_remember:
            if key in self._of_worlds:
                rule.uses = self._of_worlds[key].uses
            self._of_worlds[key] = rule

    def http_pattern(self, method: str, url: str) -> str | None:
        """The name of the answer that fits an HTTP request best, None if none does; ``*`` stands for anything."""
        found = []
        for kind, name in self._rules:
            own_method, _, own_url = name.partition(" ")
            if kind == "http" and own_method in ("*", method.upper()) and _fits(own_url, url):
                found.append((own_url == url, len(own_url), own_method != "*", name))
        return max(found)[-1] if found else None

    @property
    def unused(self) -> list[str]:
        """What was said and never asked for, in words."""
        found = []
        for (kind, name), rule in [*self._rules.items(), *self._of_worlds.items()]:
            used = max(rule.uses, default=0)
            what = {"http": f"answer_http for {name!r}", "entity": f"answer_entity for {name!r}"}.get(
                kind, f"answer for {name!r}"
            )
            if not used:
                found.append(f"The {what} was never asked for.")
            elif isinstance(rule.what, InTurn) and used < len(rule.what.answers):
                found.append(f"The {what} is an in_turn of {len(rule.what.answers)}, of which {used} were asked for.")
        return found

    def has(self, kind: str, name: str) -> bool:
        """Whether there is an answer."""
        return (kind, _key(kind, name)) in self._rules

    def next(self, kind: str, name: str) -> Answered | None:
        """The answer of the next call, None where nobody has said one."""
        rule = self._rules.get((kind, _key(kind, name)))
        if rule is None:
            if not self.use_app or kind != "function":
                return None
            return Answered(_nothing, None, is_of_app=True, shares=_WORLD if self.may_remember else None)
        number = rule.use()
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
            _callable_of(what),
            rule.delay,
            is_of_app=what is app_activity,
            is_constant=is_constant,
            is_exception=_is_exception(what),
            shares=shares,
        )
        if what is rule.what:
            rule.answered = answered
        return answered

    def afresh(self) -> Answers:
        """The same answers, as if none had been given yet."""
        rules = {
            key: _Rule(rule.what, rule.delay, answered=rule.answered, uses=rule.uses)
            for key, rule in self._rules.items()
        }
        return Answers(self.use_app, self.may_remember, rules, self._of_worlds)

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
    if _is_exception(what):
        return lambda _: _raise(what)
    if callable(what):
        return what
    return lambda _: what


def _is_exception(what: object) -> TypeGuard[BaseException | type[BaseException]]:
    return isinstance(what, BaseException) or (isinstance(what, type) and issubclass(what, BaseException))


def _key(kind: str, name: str) -> str:
    """Functions and entities are found whatever the case of their names, URLs are not."""
    if kind != "http":
        return name.lower()
    method, _, url = name.partition(" ")
    return f"{method.upper()} {url}"


def _fits(pattern: str, url: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), url, re.S) is not None


def _check(what: object, name: str) -> None:
    """Refuse an answer that no call could be given."""
    if isinstance(what, InTurn):
        for one in what.answers:
            _check(one, name)
    elif what is app_activity or _is_exception(what):
        return
    elif callable(what):
        if not arguments.takes_one_argument(what):
            raise WrongArgumentError(
                f"The answer of {name!r} is called with one argument, the input of the call, and "
                f"{getattr(what, '__qualname__', what)!s} does not take one."
            )
    else:
        arguments.json_text(what, f"The answer of {name!r}", encoded)


def _raise(what: BaseException | type[BaseException]) -> None:
    if isinstance(what, type):
        raise what
    raise what.with_traceback(None)  # the same exception may answer many calls, and must not collect their frames


def _nothing(_: object) -> None:
    return None


def _text_of(what: object) -> str:
    return getattr(what, "__qualname__", None) or repr(what)
