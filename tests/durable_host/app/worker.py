"""Runs the user's functions, as the Python worker of Azure Functions does.

Async functions run on one event loop in a thread of their own, all others in two pools of threads.
Invariant: no user code runs on the host's own event loop, and nothing that it raises gets out except as an outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import azure.functions as func
from azure.functions.meta import Datum

from durable_engine import ActivityOutcome, UserException, parsed_json
from durable_host.app.async_loop import AsyncLoop
from durable_host.app.entity_code import with_failures_kept
from durable_host.app.index import ACTIVITY, ENTITY, ORCHESTRATION, FunctionIndex, IndexedFunction
from durable_host.app.invocation import Call, ClientBindingText, InvocationPlan, Outcome
from durable_host.app.invocation_log import log_executing, log_failure, log_last_retry, log_success
from durable_host.app.threads import Threads
from durable_host.app.trigger import BindingError, Trigger
from durable_host.clock import new_guid, now
from durable_host.config.logs import running_function

__all__ = ["Bindings", "Handle", "Worker", "limit_text", "thread_count"]

Handle = Callable[[str], str]
"""An orchestrator or entity of the app: JSON payload in, the SDK's JSON answer out, or whatever user code raised."""

_TICKS_PER_MILLISECOND = 10_000
_NO_TEXT = "null"


class Bindings(Protocol):
    """What stands between a function and the storage that its bindings name."""

    async def read(self, function: IndexedFunction, trigger: Trigger, invocation_id: str) -> Mapping[str, Any]:
        """The values of the input bindings, by parameter: a Datum, None, or an object that is given as it is."""

    async def write(
        self, function: IndexedFunction, values: Mapping[str, Datum], trigger: Trigger, invocation_id: str
    ) -> None:
        """Write what a function gave to its output bindings, by parameter; ``$return`` is what it returned."""


class Worker:
    """The app's functions, ready to be called.

    An instance lives as long as the host: ``start`` before the first call, ``stop`` after the last.
    """

    def __init__(
        self,
        index: FunctionIndex,
        *,
        client_text: ClientBindingText,
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
        bindings: Bindings | None = None,
    ) -> None:
        self._index = index
        self._bindings = bindings
        self._timeout = timeout
        self._plans = {
            function.name: InvocationPlan.of(function, client_text)
            for function in index.functions
            if function.not_run is None
        }
        # Apart, so that activities that never end do not keep a request from its function.
        count = thread_count(environment) or _usual_thread_count()
        self._activities, self._triggers = Threads("activity", count), Threads("trigger", count)
        self._loop = AsyncLoop()
        self._is_stopping = False

    @property
    def still_running(self) -> int:
        """How many functions are in threads that nothing can end."""
        return self._activities.still_running + self._triggers.still_running + self._loop.is_blocked

    def start(self) -> None:
        """Start the loop of the async functions."""
        self._loop.start()

    async def stop(self, *, grace: float = 2.0) -> None:
        """Take no more calls, give async ones ``grace`` seconds to end, and leave sync ones to their threads."""
        self._is_stopping = True
        await self._loop.stop(grace)

    def orchestrator_handle(self, name: str) -> Handle:
        """The orchestrator of a durable name; LookupError carries the extension's text for an unknown one."""
        return self._handle(self._index.orchestrator(name), ORCHESTRATION, name, func.OrchestrationContext)

    def entity_handle(self, name: str) -> Handle:
        """The entity function of a durable name; LookupError carries the extension's text for an unknown one."""
        return self._handle(self._index.entity(name), ENTITY, name, func.EntityContext)

    async def run_activity(
        self,
        function: IndexedFunction,
        input_text: str | None,
        *,
        instance_id: str = "",
        invocation_id: str | None = None,
    ) -> ActivityOutcome:
        """Run one activity on the JSON text that its binding gets; other bindings may name its input and instance."""
        data = Datum(_NO_TEXT if input_text is None else input_text, "string")
        value = parsed_json(input_text)
        names = {
            "instanceId": instance_id,
            function.trigger.name: value if isinstance(value, str) else input_text,
            "data": value,
        }
        outcome = await self.run(function, Trigger(data=data, names=names), invocation_id=invocation_id)
        if outcome.raised is not None:
            return ActivityOutcome(raised=outcome.raised)
        encoded = outcome.returned
        is_own = function.signature.return_binding == ACTIVITY and encoded is not None
        return ActivityOutcome(result=encoded.value if is_own and encoded else None)

    async def run(
        self, function: IndexedFunction, trigger: Trigger, *, invocation_id: str | None = None, attempt: int = 0
    ) -> Outcome:
        """Run one function once: the encoded return value, or what it raised.

        ``attempt`` counts from 0 the runs that a retry policy of the function asks for.
        """
        plan = self._plans.get(function.name)
        if plan is None:
            raise LookupError(f"Function '{function.name}' cannot be run: {function.not_run}.")
        invocation = invocation_id or new_guid()
        log_executing(function.name, invocation, trigger.reason, trigger.details)
        began = now()
        causes: tuple[str, ...] = ()
        try:
            if trigger.failure is not None:
                raise trigger.failure
            inputs = await self._bindings.read(function, trigger, invocation) if self._bindings else {}
            call = Call(plan=plan, trigger=trigger, inputs=inputs, invocation_id=invocation, attempt=attempt)
            outcome = await self._call(function, call)
            if outcome.raised is None and self._bindings and outcome.written:
                await self._bindings.write(function, outcome.written, trigger, invocation)
        except BindingError as error:
            causes = error.causes
            outcome = Outcome(raised=UserException(type_name="InvalidOperationException", message=str(error), stack=""))
        milliseconds = (now() - began) // _TICKS_PER_MILLISECOND
        if outcome.raised is None:
            log_success(function.name, invocation, milliseconds)
        else:
            log_failure(function.name, invocation, milliseconds, causes, None if causes else outcome.raised)
        return outcome

    async def run_with_retries(self, function: IndexedFunction, trigger: Trigger) -> Outcome:
        """Run a function as often as its retry policy says, until it succeeds."""
        retry = function.retry
        outcome = await self.run(function, trigger)
        attempt = 0
        while outcome.raised is not None and retry is not None and (retry.times < 0 or attempt < retry.times):
            attempt += 1
            await asyncio.sleep(retry.delay(attempt))
            outcome = await self.run(function, trigger, attempt=attempt)
        if outcome.raised is not None and retry is not None:
            log_last_retry(function.name, attempt, outcome.raised)
        return outcome

    async def _call(self, function: IndexedFunction, call: Call) -> Outcome:
        try:
            return await self._outcome(call)
        except TimeoutError:
            if not function.signature.is_async:
                logging.getLogger(f"Function.{function.name}").warning(
                    "Function '%s' goes on in its thread after its timeout, and keeps it: a thread cannot be ended. %d "
                    "functions are in their threads now. Give what it waits for a timeout of its own.",
                    function.name,
                    self.still_running,
                )
            return Outcome(raised=self._timed_out(function))

    async def _outcome(self, call: Call) -> Outcome:
        function = call.plan.function
        if self._is_stopping:
            raise RuntimeError(f"Function '{function.name}' is not run any more: the host stops.")
        if function.signature.is_async:
            return await self._run_on_loop(call)
        threads = self._activities if function.kind == ACTIVITY else self._triggers
        return await threads.run(function.name, lambda: _run_sync(call), seconds=self._timeout)

    async def _run_on_loop(self, call: Call) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._loop.submit(self._run_async(call))
        except asyncio.CancelledError as error:
            caller = asyncio.current_task()
            if self._is_stopping or (caller is not None and caller.cancelling()):
                raise
            return Outcome(raised=UserException.of(error))  # The function has cancelled itself.

    async def _run_async(self, call: Call) -> Outcome:
        try:
            with running_function(call.plan.function.name), self._loop.running(call.plan.function.name):
                arguments = call.arguments()
                return call.outcome(await call.plan.function.function(**arguments), arguments)
        except asyncio.CancelledError as error:
            # Cancelled by the timeout or by stop, this call has no outcome; cancelled by user code, it has failed.
            task = asyncio.current_task()
            if self._is_stopping or (task is not None and task.cancelling()):
                raise
            return Outcome(raised=UserException.of(error))
        except GeneratorExit:
            raise  # The loop is closed under it.
        except BaseException as error:
            return Outcome(raised=UserException.of(error))
        finally:
            _flush()

    def _handle(self, function: IndexedFunction | None, kind: str, name: str, context: Callable[[str], Any]) -> Handle:
        if function is None:
            raise LookupError(self._index.unknown(kind, name))
        parameter = function.trigger.name
        code = with_failures_kept(function.function) if kind == ENTITY else function.function

        def call(payload: str) -> str:
            try:
                answer: str = code(**{parameter: context(payload)})
            except Exception:
                raise
            except BaseException as error:
                # The engine reports exceptions, and lets pass what ends a program: here that would be the host.
                raise RuntimeError(f"{type(error).__name__}: {error}") from error
            return answer

        return call

    def _timed_out(self, function: IndexedFunction) -> UserException:
        limit = limit_text(self._timeout or 0)
        return UserException(
            type_name="FunctionTimeoutException",
            message=f"Timeout value of {limit} was exceeded by function: Functions.{function.name}",
            stack="",
        )


def limit_text(seconds: float) -> str:
    """A time limit as .NET writes it."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _run_sync(call: Call) -> Outcome:
    try:
        with running_function(call.plan.function.name):
            arguments = call.arguments()
            return call.outcome(call.plan.function.function(**arguments), arguments)
    except BaseException as error:  # whatever it is, it ends the call and nothing else
        return Outcome(raised=UserException.of(error))
    finally:
        _flush()


def _flush() -> None:
    """Show what the function printed; an app may have closed or replaced its standard output."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stdout.flush()


def _usual_thread_count() -> int:
    """As many as Python's own pool has, which the worker uses."""
    return min(32, (os.cpu_count() or 1) + 4)


def thread_count(environment: Mapping[str, str] | None) -> int | None:
    """PYTHON_THREADPOOL_THREAD_COUNT, as the worker reads it: None lets Python choose."""
    text = (os.environ if environment is None else environment).get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    return int(text) if text.isdecimal() and int(text) > 0 else None
