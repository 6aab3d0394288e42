"""Warnings that the SDK gives while it runs an orchestrator, to be let through by tests that run one.

Role: pytest makes errors of warnings, and an error inside the SDK would be a failure of the orchestration.
Called by: the engine's tests that run the real SDK, as their ``pytestmark``. Calls nothing.
Invariant: only the two warnings of azure-functions-durable 1.7 and azure-functions 1.26 that are named here.
"""

from __future__ import annotations

import pytest

__all__ = ["SDK_WARNINGS"]

SDK_WARNINGS = [
    pytest.mark.filterwarnings("ignore:Potential duplicate Task completion:UserWarning"),
    pytest.mark.filterwarnings("ignore:azure.functions df_loads was called without:DeprecationWarning"),
]
