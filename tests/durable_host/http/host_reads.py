"""What the admin API tells about the host as a whole: its state, its settings, its keys, its processes.

Invariant: members and statuses are the real host's, as recorded; what is about its build names this host instead.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from durable_host.clock import new_id, now
from durable_host.config.logs import event
from durable_host.http.messages import NOT_FOUND, Answer, Request, json_answer

__all__ = ["HostReads"]

_VERSION: Final = "4.0.0.0"
_DETAILS: Final = "durable_host"
_TICKS_PER_MILLISECOND: Final = 10_000
_TEXT: Final = ("Content-Type", "text/plain; charset=utf-8")
_NO_STORE: Final = (("Cache-Control", "no-store,no-cache"), ("Pragma", "no-cache"))
_log = logging.getLogger("Host.Controllers.Host")


class HostReads:
    """``/admin/host/...`` and ``/admin/instance/...`` of one host.

    Args:
        host_id: Under which its locks and statuses are in storage.
        config: host.json as it was understood.
        system_keys: The keys of the extensions, by name.
        default_key: The key of the host and of each function; one is made up where nobody is asked for it.
    """

    def __init__(
        self, host_id: str, config: Mapping[str, Any], system_keys: Mapping[str, str], default_key: str | None = None
    ) -> None:
        self._host_id, self._config, self._system_keys = host_id, config, system_keys
        self._started_at, self._default_key = now(), default_key or new_id()

    def answer(self, request: Request, place: Sequence[str]) -> Answer:
        """Answer a request; ``place`` is the path below ``/admin``, its first part in lower case."""
        match place, request.method:
            case ["host", "status"], "GET":
                return self._status()
            case ["host", "ping"], "GET" | "POST":
                return Answer(status=200, headers=_NO_STORE)
            case ["host", "keys" | "functionkeys"], "GET":
                return self.default_keys(request)
            case ["host", "systemkeys"], "GET":
                return _keys_answer(request, self._system_keys)
            case ["host", "config"], "GET":
                return Answer(status=200, headers=(_TEXT,), body=json.dumps(self._config, indent=2).encode())
            case ["host", "processes"], "GET":
                return json_answer(200, {"processes": [_process()]})
            case ["host", "extensions"], "GET":
                return json_answer(200, {"extensions": [], "links": _links(request)})
            case ["host", "drain", "status"], "GET":
                return json_answer(200, {"state": "Disabled", "outstandingInvocations": 0, "outstandingRetries": 0})
            case ["host", "synctriggers"], "POST":
                return json_answer(500, {"status": "Invalid environment for SyncTriggers operation."})
            case ["host", "scale", "status"], "POST":
                said = b"Runtime scale monitoring is not enabled."
                return Answer(status=400, headers=(_TEXT, *_NO_STORE), body=said)
            case ["instance", "info"], "GET":
                return json_answer(200, {"FUNCTIONS_EXTENSION_VERSION": _VERSION})
            case ["instance", "http-health"], "GET":
                return Answer(status=200)
        return NOT_FOUND

    def default_keys(self, request: Request) -> Answer:
        """The keys of the host, or of one function."""
        return _keys_answer(request, {"default": self._default_key})

    def _status(self) -> Answer:
        status = {
            "id": self._host_id,
            "state": "Running",
            "version": _VERSION,
            "versionDetails": _DETAILS,
            "platformVersion": "",
            "instanceId": "",
            "computerName": "",
            "processUptime": (now() - self._started_at) // _TICKS_PER_MILLISECOND,
            "functionAppContentEditingState": "Unknown",
        }
        _log.info("Host Status: %s", json.dumps(status, indent=2), extra=event(0, only_in_full=True))
        return json_answer(200, status)


def _keys_answer(request: Request, keys: Mapping[str, str]) -> Answer:
    """Keys by name, as the real host lists them."""
    listed = [{"name": name, "value": value} for name, value in keys.items()]
    return json_answer(200, {"keys": listed, "links": _links(request)})


def _links(request: Request) -> list[dict[str, str]]:
    return [{"rel": "self", "href": f"{request.origin}{request.path}"}]


def _process() -> dict[str, object]:
    """Host and worker are one process here."""
    return {
        "processId": os.getpid(),
        "processName": "python",
        "debugEngine": "python",
        "isEligibleForOpenInBrowser": False,
    }
