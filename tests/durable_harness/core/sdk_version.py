"""Refuses an SDK that the harness cannot drive, before anything of the SDK is imported."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

__all__ = ["SDK", "SDK_VERSION"]

SDK: Final = "azure-functions-durable"


def _supported_version() -> str:
    try:
        found = version(SDK)
    except PackageNotFoundError:
        raise ImportError(f"durable_harness runs {SDK}, and it is not installed: pip install '{SDK}<2'") from None
    if found.partition(".")[0] != "1":
        raise ImportError(f"durable_harness runs the SDK's 1.x, and {SDK} {found} is installed: pip install '{SDK}<2'")
    return found


SDK_VERSION: Final = _supported_version()
"""The version that is installed."""
