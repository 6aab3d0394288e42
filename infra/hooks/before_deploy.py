"""Before a deployment: stop it when it would break what is running.

With REPLAY_BEFORE_DEPLOY, the running instances of the deployed task hub are replayed against the code that is about to
be deployed. Without, this does nothing. It needs the standard library alone until a replay is asked for, and never
writes to Azure.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping

from azd_environment import ROOT, StopDeployment, is_on

WOULD_BREAK = 1
PUBLIC_CLOUD = ".table.core.windows.net"
READERS = "azure.data.tables", "azure.storage.blob", "azure.durable_functions"


def task_hub() -> str:
    """Answer the name of the task hub, which is the same in either backend."""
    host = json.loads((ROOT / "src" / "host.json").read_text(encoding="utf-8"))
    return str(host["extensions"]["durableTask"]["hubName"])


def addresses_of(host: str) -> list[str]:
    """Answer the addresses that a name resolves to from here."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)]
    except OSError:
        return []


def check_way_in(environment: Mapping[str, str], host: str, addresses: Iterable[str]) -> None:
    """Raise, if the tables of the storage account cannot be reached from here."""
    found = [ipaddress.ip_address(each) for each in addresses]
    if not found:
        raise StopDeployment(
            f"The task hub cannot be replayed: {host} does not resolve from here.\n"
            "Check the name (AZURE_STORAGE_TABLE_HOST) and the connection."
        )
    if is_on(environment, "VNET_ENABLED", "true") and not any(each.is_private for each in found):
        raise StopDeployment(
            f"The task hub cannot be replayed from here: {host} answers in its virtual network\n"
            f"only, and resolves to the public address {found[0]}. Deploy from a machine in that network (a\n"
            "VPN, a self-hosted runner), or run `azd env set REPLAY_BEFORE_DEPLOY false` to deploy without this check."
        )


def interpreter() -> str:
    """Answer the Python that has what a replay needs: the one of `tox run -e start`, or else this one."""
    for path in ("bin/python", "Scripts/python.exe"):
        if (ROOT / ".tox" / "start" / path).exists():
            return str(ROOT / ".tox" / "start" / path)
    try:
        ready = all(importlib.util.find_spec(name) for name in READERS)
    except ModuleNotFoundError:
        ready = False
    if not ready:
        raise StopDeployment(
            "The task hub cannot be replayed: this Python lacks the packages that read it.\n"
            "Run `tox run -e start --notest` once; this hook then uses the environment that it made."
        )
    return sys.executable


def replay(hub: str, account: str, environment: Mapping[str, str]) -> None:
    """Replay the running instances, and raise if the new code would break one, or if nobody could tell."""
    command = [interpreter(), "-m", "durable_host", "replay", "--script-root", "src"]
    command += ["--task-hub", hub, "--account", account]
    path = os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))
    code = subprocess.run(command, cwd=ROOT, env={**environment, "PYTHONPATH": path}, check=False).returncode
    if code == WOULD_BREAK:
        raise StopDeployment(
            "The code would break the running instances named above. Let them finish, or terminate them,\n"
            "or make the change replay-safe; then deploy again."
        )
    if code != 0:
        raise StopDeployment(
            f"The task hub {hub} of storage account {account} could not be replayed (exit code {code}, reason above).\n"
            "Reading it needs the roles Storage Table Data Reader and Storage Blob Data Reader: run\n"
            "`azd env set DEPLOYER_READS_HUB true`, then `azd provision`. A new role takes minutes to count."
        )


def main() -> int:
    """Check, and answer 0 when azd may deploy."""
    environment = dict(os.environ)
    if not is_on(environment, "REPLAY_BEFORE_DEPLOY", "false"):
        return 0
    try:
        if is_on(environment, "DURABLE_TASK_SCHEDULER_ENABLED", "false"):
            raise StopDeployment(
                "REPLAY_BEFORE_DEPLOY is true, but a task hub in the Durable Task Scheduler cannot be replayed.\n"
                "Run `azd env set REPLAY_BEFORE_DEPLOY false`."
            )
        account, host = (environment.get(f"AZURE_STORAGE_{name}") for name in ("ACCOUNT_NAME", "TABLE_HOST"))
        if not account or not host:
            raise StopDeployment(
                "No AZURE_STORAGE_ACCOUNT_NAME or no AZURE_STORAGE_TABLE_HOST in the environment. Run `azd provision`\n"
                "first."
            )
        if not host.endswith(PUBLIC_CLOUD):
            raise StopDeployment(
                f"REPLAY_BEFORE_DEPLOY is true, but the replay reads Azure's public cloud only, and {host} is in\n"
                "another. Run `azd env set REPLAY_BEFORE_DEPLOY false`."
            )
        check_way_in(environment, host, addresses_of(host))
        hub = task_hub()
        print(f"Replaying the running instances of {hub} in {account} against src/ ...", flush=True)
        replay(hub, account, environment)
    except StopDeployment as stop:
        print(f"\nNot deployed.\n{stop}\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
