"""Settings of ``local.settings.json``: an app that is imported in a test reads them as under a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_harness.settings_file import SettingsFileError, settings_of


def test_settings_are_there_during_the_block_and_gone_afterwards(tmp_path: Path) -> None:
    path = _written(tmp_path, '{"IsEncrypted": false, "Values": {"PRICE": "3"}}')
    environment: dict[str, str] = {}

    with settings_of(path, environment):
        within = dict(environment)

    assert within == {"PRICE": "3"}
    assert environment == {}


def test_what_the_environment_has_already_comes_first(tmp_path: Path) -> None:
    path = _written(tmp_path, '{"Values": {"PRICE": "3"}}')
    environment = {"PRICE": "5"}

    with settings_of(path, environment):
        within = dict(environment)

    assert within == environment == {"PRICE": "5"}


def test_a_file_without_values_has_no_settings(tmp_path: Path) -> None:
    environment: dict[str, str] = {}

    with settings_of(_written(tmp_path, "{}"), environment):
        assert environment == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "is no settings file"),
        ('{"IsEncrypted": true, "Values": {"PRICE": "x"}}', "func settings decrypt"),
        ('{"Values": {"PRICE": 3}}', "PRICE must be texts, in quotes"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path, text: str, says: str) -> None:
    path = _written(tmp_path, text)

    with pytest.raises(SettingsFileError, match=says), settings_of(path, {}):
        pass


def test_a_missing_file_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(SettingsFileError, match="durable_settings"), settings_of(tmp_path / "nowhere.json", {}):
        pass


def _written(folder: Path, text: str) -> Path:
    path = folder / "local.settings.json"
    path.write_text(text, encoding="utf-8")
    return path
