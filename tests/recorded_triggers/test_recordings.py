"""The recorded scenarios of triggers, bindings, admin calls and logs, driven against our host and compared.

Invariant: a difference is either none of this host's making, or stands in ``known_differences`` with its reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recorded_triggers.comparing import differences
from recorded_triggers.known_differences import KNOWN
from recorded_triggers.log_entries import compared_entries
from recorded_triggers.recording import FOLDERS, KIT

# One run of a folder's driver may take minutes, and the first of its tests waits for it.
pytestmark = pytest.mark.timeout(1800)


def test_our_host_does_what_the_real_host_did(folder_name: str, scenario: str, ours: Path) -> None:
    counted = FOLDERS[folder_name].is_counted
    found = list(differences(KIT / "recordings" / folder_name, ours, scenario, counted=counted))

    known = [pattern for name, pattern, _ in KNOWN if name in ("*", scenario, f"{folder_name}/{scenario}")]
    unknown = [one for one in found if not any(re.fullmatch(pattern, one, re.DOTALL) for pattern in known)]
    assert unknown == []


def test_every_scenario_that_is_driven_was_recorded() -> None:
    missing = [
        f"{name}/{scenario}"
        for name, folder in FOLDERS.items()
        for scenario in folder.scenarios
        if not (KIT / "recordings" / name / f"{scenario}.json").is_file()
    ]

    assert missing == []


def test_entries_keep_what_a_person_reads_and_drop_what_only_that_host_has() -> None:
    text = (
        "fail: Function.f[3]\n"
        "      Executed 'Functions.f' (Failed, Id=<id-4>, Duration=<ms>)\n"
        "      Microsoft.Azure.WebJobs.Host.FunctionException: Exception while executing function: Functions.f\n"
        "       ---> Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException: Result: Failure\n"
        "      Exception: ValueError: no\n"
        '      Stack:   File "<host>/dispatcher.py", line 1, in run\n'
        "          call()\n"
        '        File "<app>/function_app.py", line 3, in f\n'
        '          raise ValueError("no")\n'
        "         at <.NET frames>\n"
        "info: Host.Startup[0]\n"
        "      Job host started\n"
    )

    assert compared_entries(text) == [
        "fail: Function.f[3] Executed 'Functions.f' (Failed, Id=<id>, Duration=<ms>)\n"
        "Exception while executing function: Functions.f\n"
        "Exception: ValueError: no\n"
        'File "<app>/function_app.py", line 3, in f\n'
        'raise ValueError("no")'
    ]
