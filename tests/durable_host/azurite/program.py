"""Install Azurite from its lock file, once, and say where it is.

The program goes to ``program-<hash of the lock file>`` in the folder that ``folders`` names.
Invariant: that folder appears in one step, by a rename, so it is complete whenever it exists; a file lock lets one
process install while the others wait.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock, Timeout

from durable_host.azurite.errors import AzuriteInstallError
from durable_host.azurite.folders import HOME
from durable_host.azurite.node import NodeRuntime

__all__ = ["installed_program"]

LOCKED = Path(__file__).parent
INSTALL_SECONDS = 600.0

_log = logging.getLogger(__name__)


def installed_program(runtime: NodeRuntime, *, home: Path = HOME) -> Path:
    """Return the path of Azurite's start script, after installing it if this is the first use."""
    folder = home / f"program-{_lock_digest()}"
    script = folder / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    if not folder.is_dir():
        _install(runtime, folder)
    if not script.is_file():
        raise AzuriteInstallError(f"'{folder}' has no Azurite in it. Delete that folder and start again.")
    return script


def _lock_digest() -> str:
    # A checkout may rewrite line ends; the same packages must keep the same folder.
    text = (LOCKED / "package-lock.json").read_text(encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _install(runtime: NodeRuntime, folder: Path) -> None:
    home = folder.parent
    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / "install.lock", timeout=INSTALL_SECONDS):
            if folder.is_dir():
                return
            for leftover in home.glob("installing-*"):  # we hold the lock: whoever made it is gone
                shutil.rmtree(leftover, ignore_errors=True)
            workplace = home / f"installing-{folder.name}-{os.getpid()}"
            workplace.mkdir()
            try:
                _run_npm(runtime, workplace)
                workplace.replace(folder)
            finally:
                shutil.rmtree(workplace, ignore_errors=True)
    except Timeout as error:
        raise AzuriteInstallError(
            f"Another process has been installing Azurite for {INSTALL_SECONDS:.0f} s (it holds '{error.lock_file}'). "
            "End it if it hangs, and start again."
        ) from error


def _run_npm(runtime: NodeRuntime, workplace: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(LOCKED / name, workplace / name)
    command = [*runtime.npm, "ci", "--no-progress", "--loglevel=error"]
    _log.info("Installing Azurite from npm with Node.js %s (once, some 15 seconds) ...", runtime.version)
    try:
        done = subprocess.run(
            command,
            cwd=workplace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=INSTALL_SECONDS,
            check=False,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired as error:
        raise AzuriteInstallError(
            f"'npm ci' for Azurite did not end within {INSTALL_SECONDS:.0f} s. "
            "Check that npm reaches its registry ('npm ping'), and start again."
        ) from error
    if done.returncode != 0:
        raise AzuriteInstallError(
            f"'npm ci' for Azurite failed with exit code {done.returncode}. The end of what it said:\n"
            f"{_tail(done.stdout)}\n"
            "Check that npm reaches its registry ('npm ping'; mind proxy and certificates), and start again."
        )


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join("    " + line for line in text.strip().splitlines()[-lines:])
