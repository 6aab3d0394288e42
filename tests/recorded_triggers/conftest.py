"""One recording of our host for each folder of recordings of the real one.

By default the scenarios run that take seconds; ``--all-scenarios`` runs the others too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from recorded_triggers.recording import FOLDERS, Folder, record


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say how much to compare."""
    parser.addoption("--all-scenarios", action="store_true", help="also the trigger scenarios that take minutes")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each scenario that is asked for; those of one folder share a host, and so a worker."""
    if "scenario" not in metafunc.fixturenames:
        return
    is_all = metafunc.config.getoption("--all-scenarios", default=False)
    cases = [
        pytest.param(name, scenario, id=f"{name}-{scenario}", marks=pytest.mark.xdist_group(f"triggers-{name}"))
        for name, folder in FOLDERS.items()
        for scenario in (folder.scenarios if is_all else folder.quick)
    ]
    metafunc.parametrize(("folder_name", "scenario"), cases, scope="session")


@pytest.fixture(scope="session")
def recorded_by_us() -> dict[str, Path]:
    """Where our host has been recorded so far, by the name of the folder."""
    return {}


@pytest.fixture
def ours(
    folder_name: str,
    recorded_by_us: dict[str, Path],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Our recordings of a folder's scenarios, made when the first of them is asked for."""
    if folder_name not in recorded_by_us:
        folder: Folder = FOLDERS[folder_name]
        is_all = request.config.getoption("--all-scenarios")
        scenarios = [*folder.scenarios, *folder.between] if is_all else folder.quick
        recorded_by_us[folder_name] = record(folder_name, scenarios, tmp_path_factory.mktemp(folder_name))
    return recorded_by_us[folder_name]
