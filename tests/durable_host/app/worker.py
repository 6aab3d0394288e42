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
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum

from durable_engine import ActivityOutcome, UserException
from durable_host.app.async_loop import AsyncLoop
from durable_host.app.index import ACTIVITY, ENTITY, ORCHESTRATION, FunctionIndex, IndexedFunction
from durable_host.app.invocation import ClientBindingText, InvocationPlan
from durable_host.app.threads import Threads
from durable_host.clock import new_guid, now

__all__ = ["Handle", "Worker", "limit_text", "thread_count"]

Handle = Callable[[str], str]
"""An orchestrator or entity of the app: JSON payload in, the SDK's JSON answer out, or whatever user code raised."""

_TICKS_PER_MILLISECOND = 10_000
_NO_TEXT = "null"

Outcome = tuple[Datum | None, UserException | None]


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
    ) -> None:
        self._index = index
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
        self, function: IndexedFunction, input_text: str | None, *, invocation_id: str | None = None
    ) -> ActivityOutcome:
        """Run one activity on the JSON text that its binding gets."""
        data = Datum(_NO_TEXT if input_text is None else input_text, "string")
        encoded, raised = await self.run(function, data, invocation_id=invocation_id)
        if raised is not None:
            return ActivityOutcome(raised=raised)
        is_own = function.signature.return_binding == ACTIVITY and encoded is not None
        return ActivityOutcome(result=encoded.value if is_own and encoded else None)

    async def run(
        self,
        function: IndexedFunction,
        trigger_data: Datum,
        *,
        invocation_id: str | None = None,
        reason: str = "(null)",
    ) -> Outcome:
        """Run one function once: the encoded return value, or what it raised."""
        plan = self._plans.get(function.name)
        if plan is None:
            raise LookupError(f"Function '{function.name}' cannot be run: {function.not_run}.")
        invocation = invocation_id or new_guid()
        log = logging.getLogger(f"Function.{function.name}")
        log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation)
        began = now()
        try:
            outcome = await self._call(plan, trigger_data, invocation)
        except TimeoutError:
            outcome = None, self._timed_out(function)
            if not function.signature.is_async:
                log.warning(
                    "Function '%s' goes on in its thread after its timeout, and keeps it: a thread cannot be ended. %d "
                    "functions are in their threads now. Give what it waits for a timeout of its own.",
                    function.name,
                    self.still_running,
                )
        milliseconds = (now() - began) // _TICKS_PER_MILLISECOND
        raised = outcome[1]
        if raised is None:
            log.info(
                "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)", function.name, invocation, milliseconds
            )
        else:
            log.error(
                "Executed 'Functions.%s' (Failed, Id=%s, Duration=%dms)\n%s",
                function.name,
                invocation,
                milliseconds,
                raised.rpc_text.rstrip(),
            )
        return outcome

    async def _call(self, plan: InvocationPlan, data: Datum, invocation_id: str) -> Outcome:
        function = plan.function
        if self._is_stopping:
            raise RuntimeError(f"Function '{function.name}' is not run any more: the host stops.")
        if function.signature.is_async:
            async with asyncio.timeout(self._timeout):
                return await self._loop.submit(self._run_async(plan, data, invocation_id))
        threads = self._activities if function.kind == ACTIVITY else self._triggers
        return await threads.run(function.name, lambda: _run_sync(plan, data, invocation_id), seconds=self._timeout)

    async def _run_async(self, plan: InvocationPlan, data: Datum, invocation_id: str) -> Outcome:
        try:
            return plan.result(await plan.function.function(**plan.arguments(data, invocation_id))), None
        except asyncio.CancelledError as error:
            # Cancelled by the timeout or by stop, this call has no outcome; cancelled by user code, it has failed.
            task = asyncio.current_task()
            if self._is_stopping or (task is not None and task.cancelling()):
                raise
            return None, UserException.of(error)
        except GeneratorExit:
            raise  # The loop is closed under it.
        except BaseException as error:
            return None, UserException.of(error)
        finally:
            _flush()

    def _handle(self, function: IndexedFunction | None, kind: str, name: str, context: Callable[[str], Any]) -> Handle:
        if function is None:
            raise LookupError(self._index.unknown(kind, name))
        parameter, code = function.trigger.name, function.function

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


def _run_sync(plan: InvocationPlan, data: Datum, invocation_id: str) -> Outcome:
    try:
        return plan.result(plan.function.function(**plan.arguments(data, invocation_id))), None
    except BaseException as error:  # whatever it is, it ends the call and nothing else
        return None, UserException.of(error)
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
