"""The host: everything that runs between start and Ctrl+C, put together.

Opens the task hub, starts the dispatchers, the worker and the HTTP server, and stops them in order.
Invariant: what was started is stopped, in the reverse order, however the host ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from durable_engine import ActivityOutcome, App, KnownFunctions, UserException
from durable_host.app.index import ACTIVITY, ENTITY, ORCHESTRATION, FunctionIndex, IndexedFunction
from durable_host.app.trigger import Trigger
from durable_host.app.worker import Worker
from durable_host.bindings.accounts import Accounts
from durable_host.bindings.values import StorageBindings
from durable_host.config.effective import effective_config
from durable_host.config.host_id import host_id
from durable_host.config.host_json import HostJson
from durable_host.dispatch.activities import ActivityDispatcher, RunActivity
from durable_host.dispatch.control_readers import ControlReaders
from durable_host.dispatch.episodes import EpisodeRunner
from durable_host.dispatch.http_activity import HttpActivity
from durable_host.dispatch.message_locks import HeldMessages
from durable_host.dispatch.orchestrations import OrchestrationDispatcher
from durable_host.dispatch.state_log import StateLog
from durable_host.http.client_binding import WEBHOOK_PATH, ClientBinding
from durable_host.http.host_reads import HostReads
from durable_host.http.keys import Keys
from durable_host.http.messages import Answer, Request
from durable_host.http.origins import Origins
from durable_host.http.server import HttpServer, Site
from durable_host.start_log import StartLog
from durable_host.task_hub.base.options import TaskHubOptions
from durable_host.task_hub.hub.client import TaskHubClient
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.triggers.by_hand import trigger_by_hand
from durable_host.triggers.listeners import Listeners

__all__ = ["Host", "HostOptions", "activity_runner"]

_log = logging.getLogger("Host.Startup")

Manage = Callable[[Request, str], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What the command line decides. ``lease_seconds`` and ``renew_seconds`` are for tests of hosts that die.

    ``patience_seconds`` is what a stop waits for running functions: with all that follows it stays below ten seconds.
    """

    connection_string: str
    development_storage: str | None = None
    """What UseDevelopmentStorage=true stands for in a binding; None: the task hub's account."""
    port: int = 7071
    patience_seconds: float = 4.0
    lease_seconds: float = 30.0
    renew_seconds: float = 10.0
    listen: str = "127.0.0.1"
    origins: Origins = field(default_factory=Origins)
    keys: Keys | None = None


class Host:
    """One host of one app. ``async with Host(...)`` serves until the block ends."""

    def __init__(self, index: FunctionIndex, settings: HostJson, options: HostOptions) -> None:
        self.index, self.settings, self.options = index, settings, options
        self.binding = ClientBinding(hub_name=settings.hub_name, connection_name=settings.connection_name)
        if options.keys is not None:
            self.binding.system_key = options.keys.system
            self.binding.rpc_path = f"{WEBHOOK_PATH}/{options.keys.rpc}"
        self.server: HttpServer
        self.problems: dict[str, str] = {}
        """The functions in error, and why."""
        self._resources = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as on_failure:
            await self._start(on_failure)
            self._resources = on_failure.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._start_log.worker_stopping()
        await self._resources.aclose()
        self._start_log.worker_stopped()

    @property
    def origin(self) -> str:
        """Scheme, host and port under which the host is reached."""
        return self.server.origin

    @property
    def dashboard(self) -> str:
        """Where the dashboard is reached."""
        keys = self.options.keys
        return f"{self.origin}{self.server.site_path}{f'?code={keys.master}' if keys is not None else ''}"

    @property
    def still_running(self) -> int:
        """How many functions are in threads that nothing can end."""
        return self.worker.still_running + self._episodes.still_running

    def route_of(self, function: IndexedFunction) -> str:
        """The route of an HTTP function, with its prefix, and the key that it asks for."""
        code = self.options.keys.code_for(function) if self.options.keys is not None else None
        return f"{self.server.triggers.template(function)}{f'?code={code}' if code is not None else ''}"

    async def _start(self, resources: contextlib.AsyncExitStack) -> None:
        settings, options = self.settings, self.options
        log = StateLog(settings.hub_name)
        self._start_log = StartLog(self.index, settings, log)
        self._start_log.extensions_loaded()
        self._start_log.worker_starting()
        self.hub = await resources.enter_async_context(
            TaskHub(options.connection_string, _hub_options(settings, options))
        )
        accounts = await resources.enter_async_context(
            Accounts(options.development_storage or options.connection_string)
        )
        bindings = StorageBindings(accounts, is_base64=settings.queues.is_base64)
        self.worker = Worker(
            self.index,
            client_text=self.binding.text_for,
            timeout=settings.function_timeout_seconds,
            bindings=bindings,
        )
        self.worker.start()
        resources.push_async_callback(self.worker.stop)
        http = HttpActivity()
        resources.push_async_callback(http.close)

        held = HeldMessages(min(settings.control_visibility_seconds, settings.work_item_visibility_seconds))
        app = self._app()
        self._episodes = EpisodeRunner(
            app,
            log=log,
            limit_seconds=settings.function_timeout_seconds,
        )
        self._orchestrations = OrchestrationDispatcher(
            self.hub, held, self._episodes, limit=settings.max_orchestrators, entity_limit=settings.max_entities
        )
        run_activity = activity_runner(self.index, self.worker)
        self._activities = ActivityDispatcher(
            self.hub, held, run_activity, http, limit=settings.max_activities, log=log
        )
        client = TaskHubClient(self.hub)
        own_id = host_id(self.index.script_root, os.environ)
        reads = HostReads(
            own_id,
            effective_config(settings),
            {"durabletask_extension": self.binding.system_key},
            options.keys.host if options.keys is not None else None,
        )
        self.server = HttpServer(
            self.index,
            self.worker,
            client,
            self.binding,
            route_prefix=settings.route_prefix,
            default_version=settings.versions.default_version,
            replaces_running=settings.replaces_running,
            origins=options.origins,
            listen=options.listen,
            by_hand=self._by_hand,
            open_site=partial(self._open_dashboard, client, app),
            reads=reads,
            keys=options.keys,
            log=log,
        )
        self._background(resources, held.renew_for_ever())
        resources.push_async_callback(self._orchestrations.stop, options.patience_seconds)
        # Activities that still run may use the client binding, which reaches the task hub through the server.
        resources.push_async_callback(self.server.stop)
        await self.server.start(options.port)
        self._start_log.worker_started(f"http://127.0.0.1:{self.server.port}")
        work_items = self.hub.poller(self.hub.work_items, self._activities)
        self._background(resources, self._activities.receive_for_ever(work_items))
        resources.callback(work_items.stop)
        readers = ControlReaders(self.hub, self._orchestrations)
        resources.push_async_callback(readers.stop)
        self.hub.start_partitions(readers)
        resources.push_async_callback(self._drain, options.patience_seconds)
        self.listeners = await resources.enter_async_context(
            Listeners(
                self.index,
                self.worker,
                accounts,
                bindings,
                settings.queues,
                own_id,
                patience_seconds=options.patience_seconds,
            )
        )
        routes = self.server.triggers
        self.problems = {**routes.problems, **self.listeners.errors}
        self.server.admin.tell_problems(self.problems)
        self._start_log.functions_found(routes.routes, self.problems)
        self._start_log.host_started(self.problems, self.listeners.problems)

    async def _drain(self, patience_seconds: float) -> None:
        """Let what runs end, and give back what waits, activities and partitions at the same time."""
        self._orchestrations.hurry(patience_seconds)
        await asyncio.gather(self._activities.stop(patience_seconds), self.hub.stop_partitions())

    async def _by_hand(self, function: IndexedFunction, text: str | None) -> Trigger:
        return await trigger_by_hand(function, text, self.listeners)

    def _open_dashboard(self, client: TaskHubClient, app: App, base: str, manage: Manage) -> Site:
        from durable_host.dashboard.site import Dashboard, HubAccess

        access = HubAccess(
            client=client,
            where="",
            manage=manage,
            url_of=self.binding.url_of,
            app=app,
            orchestrators=app.functions.orchestrators,
            root=str(self.index.script_root.resolve()),
        )
        return Dashboard(access, base)

    def _app(self) -> App:
        index = self.index
        return App(
            functions=KnownFunctions(
                orchestrators=tuple(f.durable_name for f in index.of_kind(ORCHESTRATION)),
                activities=tuple(f.durable_name for f in index.of_kind(ACTIVITY)),
                entities=tuple(f.durable_name for f in index.of_kind(ENTITY)),
                default_version=self.settings.versions.default_version,
            ),
            versions=self.settings.versions,
            orchestrator=self.worker.orchestrator_handle,
            entity=self.worker.entity_handle,
        )

    def _background(self, resources: contextlib.AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
        """Run something for as long as the host does; that it stops by itself is reported."""
        task = asyncio.create_task(work)
        task.add_done_callback(_report_failure)

        async def end() -> None:
            task.cancel()
            await asyncio.wait([task])

        resources.push_async_callback(end)


def activity_runner(index: FunctionIndex, worker: Worker) -> RunActivity:
    """Runs activities by name. One that there is not was scheduled by an app that had it; as on the real host it fails,
    rather than come back for ever."""

    async def run(name: str, input_text: str | None, instance_id: str) -> ActivityOutcome:
        function = index.activity(name)
        if function is None:
            missing = index.unknown(ACTIVITY, name)
            return ActivityOutcome(raised=UserException(type_name="FunctionFailedException", message=missing, stack=""))
        return await worker.run_activity(function, input_text, instance_id=instance_id)

    return run


def _report_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("A part of the host has stopped working; restart the host.", exc_info=task.exception())


def _hub_options(settings: HostJson, options: HostOptions) -> TaskHubOptions:
    return TaskHubOptions(
        hub_name=settings.hub_name,
        partition_count=settings.partition_count,
        control_visibility_seconds=settings.control_visibility_seconds,
        work_item_visibility_seconds=settings.work_item_visibility_seconds,
        max_polling_interval_seconds=settings.max_polling_interval_seconds,
        lease_seconds=options.lease_seconds,
        lease_renew_seconds=options.renew_seconds,
        app_name=os.environ.get("WEBSITE_SITE_NAME", ""),
    )
