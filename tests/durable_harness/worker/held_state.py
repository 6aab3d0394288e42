"""What user code holds: the values in its frames and on their stacks, where all of them are of kinds that can be told.

Two orders of events that have left the same behind go on alike, whatever the way: a loop that takes what comes and
forgets the order is in few states. Where one value is of an unknown kind, what user code was told stands for it all.
Invariant: equal states hold equal values that refer to each other in the same way; nothing that is held is left out.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import gc
import uuid
from collections.abc import Hashable, Iterable
from types import CellType, CodeType, FrameType, FunctionType, GeneratorType, ModuleType
from typing import Any, Final

from durable_harness.worker.observed_context import ObservedContext
from durable_harness.worker.sdk_types import TaskBase

__all__ = ["held_state"]

_PLAIN: Final = frozenset(
    {
        bool,
        bytes,
        complex,
        datetime.date,
        datetime.datetime,
        datetime.time,
        datetime.timedelta,
        datetime.timezone,
        decimal.Decimal,
        float,
        int,
        range,
        str,
        type(None),
        uuid.UUID,
    }
)
_ITERATORS: Final = frozenset(
    {type(iter([])), type(iter(())), type(iter(range(0))), type(iter("")), enumerate, zip, type(reversed([]))}
)
"""Those that say where they stand."""


class _UnknownKindError(Exception):
    """A value of a kind that nothing is known about."""


def held_state(context: ObservedContext, held: Iterable[object]) -> Hashable | None:
    """Everything that these objects hold, themselves and on the way; None where a kind is unknown."""
    telling = _Telling(context)
    try:
        return tuple(telling.tell(one) for one in held)
    except (_UnknownKindError, RecursionError):
        return None


class _Telling:
    """Tells values as tuples; what can be changed, or is compared by identity, is numbered as it is met."""

    def __init__(self, context: ObservedContext) -> None:
        self._context = context
        self._numbers: dict[int, int] = {}
        self._kept: list[object] = []
        """What was numbered lives as long as its number."""

    def tell(self, value: Any) -> Hashable:
        """One value."""
        kind = type(value)
        if kind in _PLAIN:
            return kind.__name__, repr(value)
        if value is self._context:
            return "context"
        if isinstance(value, tuple):
            return (kind.__qualname__, *map(self.tell, value))
        if isinstance(value, enum.Enum):
            return kind.__qualname__, value.name
        if isinstance(value, (type, ModuleType)):
            return "named", getattr(value, "__module__", ""), value.__name__, id(value)
        if isinstance(value, FrameType):
            return "frame"  # of a generator that is told itself
        if isinstance(value, CodeType):
            return value
        number = self._numbers.get(id(value))
        if number is not None:
            return "again", number
        number = self._numbers[id(value)] = len(self._numbers)
        self._kept.append(value)
        return number, *self._parts(kind, value)

    def _parts(self, kind: type, value: Any) -> Iterable[Hashable]:
        if kind is list:
            return ("list", *map(self.tell, value))
        if kind is dict or kind.__name__ == "defaultdict":
            return ("dict", *((self.tell(key), self.tell(one)) for key, one in value.items()))
        if kind is GeneratorType:
            return self._generator(value)
        if kind is FunctionType:
            parts = value.__defaults__, value.__kwdefaults__, value.__closure__, value.__dict__
            return ("function", value.__code__, *map(self.tell, parts))
        if kind is CellType:
            return ("cell", *(self.tell(one) for one in gc.get_referents(value)))
        if kind in _ITERATORS:
            return (kind.__name__, *map(self.tell, value.__reduce__()[1:]))
        if isinstance(value, BaseException) and kind.__module__ in ("builtins", "asyncio.exceptions"):
            parts = value.args, vars(value), value.__cause__, value.__context__
            return (kind.__name__, *map(self.tell, parts))
        if kind.__module__.startswith(("azure.durable_functions.", "durable_harness.worker.")):
            return (kind.__qualname__, *self._attributes(value))
        raise _UnknownKindError(kind)

    def _generator(self, value: Any) -> Iterable[Hashable]:
        if value.gi_running:
            raise _UnknownKindError(GeneratorType)
        frame = value.gi_frame
        # The garbage collector is shown everything: the variables, and what lies on the stack, iterators of loops too.
        return ("generator", value.gi_code, frame and frame.f_lasti, *map(self.tell, gc.get_referents(value)))

    def _order(self, task: TaskBase) -> tuple[str, int]:
        return str(task.id), self._context.places.get(id(task), -1)

    def _attributes(self, value: Any) -> Iterable[Hashable]:
        """What an object of the SDK holds; the tasks in a set in an order that does not depend on their addresses."""
        attributes = getattr(value, "__dict__", None)
        if attributes is None:
            raise _UnknownKindError(type(value))
        for name, one in sorted(attributes.items()):
            if name in (
                "is_played",
                "watcher",
            ):  # whether a task was replayed says how it came here, not where it leads
                continue
            if isinstance(one, set):
                if not all(isinstance(task, TaskBase) for task in one):
                    raise _UnknownKindError(set)
                yield name, tuple(map(self.tell, sorted(one, key=self._order)))
            else:
                yield name, self.tell(one)
