"""What must be installed beside the host, asked before anything of it is imported.

Invariant: the answer is one line that ends with the command to run, or None when nothing is missing.
"""

from __future__ import annotations

import importlib.metadata
from importlib.util import find_spec
from typing import Final

__all__ = ["EXTRAS", "SDK", "missing_extra", "sdk_problem"]

SDK: Final = "azure-functions-durable"
_OLDEST_SDK: Final = (1, 7)
_SDK_RANGE: Final = ">=1.7,<2"

EXTRAS: Final = {
    "host": {
        "aiohttp": "aiohttp",
        "azure.data.tables": "azure-data-tables",
        "azure.storage.blob": "azure-storage-blob",
        "azure.storage.queue": "azure-storage-queue",
        "croniter": "croniter",
        "filelock": "filelock",
        "jinja2": "Jinja2",
        "json5": "json5",
        "platformdirs": "platformdirs",
    },
    "watch": {"watchfiles": "watchfiles"},
    "debug": {"debugpy": "debugpy"},
    "cassettes": {"requests": "requests", "trustme": "trustme", "vcr": "vcrpy", "yaml": "PyYAML"},
}
"""Extra of the distribution to the modules that it brings, and to the packages that hold them. Node.js is not among
them: one on PATH will do."""


def missing_extra(extra: str, purpose: str) -> str | None:
    """What to install so that ``purpose`` can be served, None when all of the extra is there."""
    missing = sorted(package for module, package in EXTRAS[extra].items() if not _is_there(module))
    if not missing:
        return None
    return f'{purpose} needs {", ".join(missing)}. Run: pip install "durable-harness[{extra}]"'


def sdk_problem() -> str | None:
    """Why the installed SDK will not do, None when it does."""
    try:
        version = importlib.metadata.version(SDK)
    except importlib.metadata.PackageNotFoundError:
        found = f"{SDK} is not installed"
    else:
        major, _, rest = version.partition(".")
        minor = rest.partition(".")[0]
        if major.isdecimal() and minor.isdecimal() and _OLDEST_SDK <= (int(major), int(minor)) < (_OLDEST_SDK[0] + 1,):
            return None
        found = f"{SDK} {version} is installed"
    return f'{found}, and this host runs apps on {SDK} {_SDK_RANGE} only. Run: pip install "{SDK}{_SDK_RANGE}"'


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False
