"""Puts the backend that was switched on into src/host.json for as long as azd packs the app.

The file and not app settings that override it, because the platform's scale controller is told what the file in the
package says: with overrides alone the host would use the scheduler, and nothing would wake or scale it
(github.com/Azure/azure-functions-durable-extension/issues/2622, and FunctionsSyncManager.cs of the Functions host).

Before and after, src/host.json is as it was; what it was is kept in .azure/, so that an interruption loses nothing.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from azd_environment import StopDeployment, is_on

SWITCH = "DURABLE_TASK_SCHEDULER_ENABLED"


def put(root: Path, environment: Mapping[str, str]) -> None:
    """Write the host.json of the backend that is switched on.

    Raises:
        StopDeployment: src/host.json names the scheduler by itself, or was changed after an interrupted packaging.
    """
    restore(root)
    host = root / "src" / "host.json"
    own = json.loads(host.read_text(encoding="utf-8"))
    if own.get("extensions", {}).get("durableTask", {}).get("storageProvider", {}).get("type") == "azureManaged":
        raise StopDeployment(
            "src/host.json names the Durable Task Scheduler by itself. Let it name AzureStorage: with\n"
            f"`azd env set {SWITCH} true` the package gets the scheduler's settings from infra/host.scheduler.json."
        )
    if not is_on(environment, SWITCH, "false"):
        return
    kept = _kept(root)
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(host.read_bytes())
    host.write_text(_for_scheduler(root, own), encoding="utf-8")


def restore(root: Path) -> None:
    """Put src/host.json back as it was, if it is not.

    Raises:
        StopDeployment: Somebody has changed it since.
    """
    host, kept = root / "src" / "host.json", _kept(root)
    if not kept.exists():
        return
    written = _for_scheduler(root, json.loads(kept.read_text(encoding="utf-8")))
    if host.read_text(encoding="utf-8") != written:
        raise StopDeployment(
            "src/host.json was changed after a packaging that did not end. What it was before is in\n"
            f"{kept.relative_to(root).as_posix()}: take from it what you need, then delete it."
        )
    os.replace(kept, host)


def _kept(root: Path) -> Path:
    return root / ".azure" / "host.json.kept"


def _for_scheduler(root: Path, own: Mapping[str, Any]) -> str:
    """The scheduler's storageProvider takes the place of the other one whole: neither knows the other's settings."""
    host = copy.deepcopy(dict(own))
    differences = json.loads((root / "infra" / "host.scheduler.json").read_text(encoding="utf-8"))
    host["extensions"]["durableTask"].update(differences["extensions"]["durableTask"])
    return json.dumps(host, indent=2) + "\n"
