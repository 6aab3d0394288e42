"""Our host recorded as the real one was: the kit of the recordings drives it, and makes the same files of it.

Invariant: the driver, the apps and the form are the kit's own (fixtures/recordings/triggers); only the host is ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from durable_host.azurite import Azurite
from durable_host.testing import HostProcess, wait_until
from recorded_triggers.at_rest import wait_until_the_start_is_over

__all__ = ["FOLDERS", "KIT", "Folder", "record"]

KIT: Final = Path(__file__).parents[2] / "fixtures" / "recordings" / "triggers"
_KEY: Final = "a-key-that-our-host-does-not-ask-for"
_SECONDS: Final = 1500.0
_SETTINGS: Final = {
    "MY_SCHEDULE": "*/20 * * * * *",
    "MY_QUEUE": "kit-from-setting",
    "MY_OUT_QUEUE": "kit-out-named",
    "MY_ROUTE": "from-setting",
    "AzureWebJobs.x_disabled.Disabled": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One folder of recordings: the app that was recorded, and its scenarios; the quick ones run by default.

    ``between`` are driven with the slow ones and compared with nothing: they leave traces that the others find.
    """

    app: str
    quick: Sequence[str]
    slow: Sequence[str] = ()
    between: Sequence[str] = ()
    options: Sequence[str] = ()
    is_counted: bool = True
    """Whether the same must happen as often; timers that fire while the driver does something else do not."""
    begins_in: range = range(60)
    """The seconds of a minute in which the driver begins, where it decides how many full minutes it sees."""

    @property
    def scenarios(self) -> list[str]:
        """All of them."""
        return [*self.quick, *self.slow]


FOLDERS: Final = {
    "quiet": Folder(
        app="variants/quiet",
        quick=("log_simple", "log_entity", "log_again", "log_fail", "log_user", "queue_setting", "log_queue"),
        slow=(
            "admin_reads",
            "admin_run_blob",
            "admin_run_durable",
            "admin_run_http",
            "admin_run_queue",
            "blob_basic",
            "blob_container",
            "blob_inout",
            "blob_poison",
            "durable_by_queue",
            "durable_http",
            "log_event_and_management",
            "log_fail_activity",
            "log_fail_entity",
            "log_fail_queue",
            "log_http",
            "log_retry_activity",
            "log_signal",
            "log_timer",
            "log_unknown_activity",
            "log_unknown_orchestrator",
            "queue_batch",
            "queue_expressions",
            "queue_latency",
            "queue_out_return",
            "queue_out_set",
            "queue_poison",
            "queue_text",
            "queue_types",
            "routes",
            "storage",
        ),
        between=("queue_late", "blob_types", "blob_late", "durable_by_blob"),
    ),
    "timers": Folder(
        app="variants/quiet",
        quick=(),
        slow=("startup", "admin_run_timer", "durable_by_timer", "log_fail_timer", "storage"),
    ),
    "app": Folder(
        app="app", quick=(), slow=("timers_periodic",), between=("startup",), is_counted=False, begins_in=range(28, 45)
    ),
    "comments": Folder(app="variants/comments", quick=("startup", "routes")),
    "errors": Folder(app="variants/errors", quick=("startup", "routes", "errors")),
    "log-levels": Folder(app="variants/log-levels", quick=("startup", "log_simple", "log_fail", "routes")),
    "none": Folder(
        app="variants/queues-none",
        quick=(),
        slow=(
            "durable_by_queue",
            "queue_batch",
            "queue_out_return",
            "queue_poison",
            "queue_text",
            "routes",
        ),
        between=("queue_types", "queue_out_set"),
        options=("--encoding", "none"),
    ),
}


def record(name: str, scenarios: Sequence[str], folder: Path) -> Path:
    """Drive our host through the scenarios; return the folder with its recordings, in the form of the real one's."""
    app = folder / "app"
    shutil.copytree(KIT / "app", app, ignore=shutil.ignore_patterns("kit_features.txt", "host.json"))
    shutil.copytree(KIT / FOLDERS[name].app, app, dirs_exist_ok=True)
    raw, probe_log = folder / "raw", folder / "probe.jsonl"
    (raw / name).mkdir(parents=True)
    probe_log.touch()
    options = FOLDERS[name].options
    with Azurite.start() as azurite:
        connection = ("--connection", azurite.connection_string, *options)
        _run("record.py", "--prepare", *connection)
        environment = {**_SETTINGS, "WEBSITE_TIME_ZONE": _zone_of_noon(), "PROBE_LOG": str(probe_log)}
        with HostProcess.start(
            app, connection_string=azurite.connection_string, environment=environment, arguments=["--verbose"]
        ) as host:
            with host.client() as client:
                wait_until_the_start_is_over(host, client, azurite.connection_string)
            begins_in = FOLDERS[name].begins_in
            wait_until(lambda: datetime.now(UTC).second in begins_in, "the minute is so far", seconds=61)
            logs = ("--probe-log", str(probe_log), "--host-log", str(host.log))
            chosen = ("--only", ",".join(scenarios), "--settle", "0.5")
            _run("record.py", host.address, str(raw / name), *connection, "--key", _KEY, *logs, *chosen)
            with host.client() as client:
                host_id = client.call("GET", "/admin/host/status").json()["id"]
    replaced = (f"{app}=<app>", f"{host_id}=<hostid>")
    _run("compact.py", str(raw), str(folder / "compact"), name, *(w for one in replaced for w in ("--replace", one)))
    return folder / "compact" / name


def _zone_of_noon() -> str:
    """A time zone in which it is about noon now: the app has timers of the night, which are not to fire meanwhile."""
    # These names say how far UTC is from the zone, and not how far the zone is from UTC.
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def _run(script: str, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(KIT / script), *words],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{script} {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
