"""Warnings that the SDK gives while it runs an orchestrator, to be let through by tests that run one.

Pytest makes errors of warnings, and an error inside the SDK would be a failure of the orchestration.
Invariant: only the two warnings of azure-functions-durable 1.7 and azure-functions 1.26 that are named here.
"""

from __future__ import annotations

import pytest

__all__ = ["SDK_WARNINGS"]

SDK_WARNINGS = [
    pytest.mark.filterwarnings("ignore:Potential duplicate Task completion:UserWarning"),
    pytest.mark.filterwarnings("ignore:azure.functions df_loads was called without:DeprecationWarning"),
]
