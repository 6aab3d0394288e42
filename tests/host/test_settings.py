"""Settings are found as ``func start`` finds them, and every refusal names its file and says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from durable_host.config.settings import SettingsError, read_settings, storage_connection


def write(folder: Path, content: object, name: str = "local.settings.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_values_are_added_to_the_environment_only_when_applied(tmp_path: Path) -> None:
    write(tmp_path, {"IsEncrypted": False, "Values": {"COLOUR": "red", "LIMIT": 3, "FAST": True}})
    environment: dict[str, str] = {"HOME": "/somewhere"}

    settings = read_settings(tmp_path, environment)

    assert environment == {"HOME": "/somewhere"}
    settings.apply(environment)
    assert environment == {"HOME": "/somewhere", "COLOUR": "red", "LIMIT": "3", "FAST": "true"}
    assert settings.notes == ()


def test_the_environment_wins_and_it_is_said_in_the_words_of_func(tmp_path: Path) -> None:
    write(tmp_path, {"Values": {"COLOUR": "red", "EMPTY": "filled"}})

    settings = read_settings(tmp_path, {"COLOUR": "blue", "EMPTY": ""})

    assert settings.added == {"EMPTY": "filled"}
    assert settings.notes == (
        "Skipping 'COLOUR' from local settings as it's already defined in current environment variables.",
    )


def test_the_sample_serves_where_there_is_no_settings_file_and_it_is_said(tmp_path: Path) -> None:
    sample = write(tmp_path, {"Values": {"COLOUR": "green"}}, "local.settings.sample.json")

    settings = read_settings(tmp_path, {})

    assert settings.added == {"COLOUR": "green"}
    assert settings.source == sample
    assert "using the values of local.settings.sample.json" in settings.notes[0]


def test_the_sample_is_not_read_beside_a_settings_file(tmp_path: Path) -> None:
    write(tmp_path, {"Values": {"COLOUR": "green", "OTHER": "x"}}, "local.settings.sample.json")
    write(tmp_path, {"Values": {"COLOUR": "red"}})

    assert read_settings(tmp_path, {}).added == {"COLOUR": "red"}


def test_without_any_file_the_environment_is_all_there_is(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, {"COLOUR": "blue"})

    assert settings.added == {}
    assert settings.source is None
    assert "environment variables alone" in settings.notes[0]


def test_connection_strings_get_the_names_that_the_real_host_reads(tmp_path: Path) -> None:
    write(tmp_path, {"ConnectionStrings": {"Plain": "a=b", "Long": {"ConnectionString": "c=d", "ProviderName": "p"}}})

    assert read_settings(tmp_path, {}).added == {"ConnectionStrings:Plain": "a=b", "ConnectionStrings:Long": "c=d"}


@pytest.mark.parametrize(("host", "port"), [({}, None), ({"LocalHttpPort": 7099}, 7099), ({"LocalHttpPort": "0"}, 0)])
def test_the_port_of_the_host_section_is_read(tmp_path: Path, host: dict[str, object], port: int | None) -> None:
    write(tmp_path, {"Host": host})

    assert read_settings(tmp_path, {}).local_http_port == port


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '{\n  "Values": {\n    "A" "x"\n  }\n}',
            r"line [34], column \d+: not valid JSON",
        ),
        ("[]", "must hold a JSON object, as in local.settings.sample.json, and holds a JSON array"),
        ({"IsEncrypted": True, "Values": {}}, "is encrypted .*func settings decrypt"),
        ({"Values": []}, '"Values" must be a JSON object, and is a JSON array'),
        ({"Values": {"A": {"deep": 1}}}, "Values.A must be a string, and is a JSON object"),
        ({"Values": {"A": None}}, "Values.A must be a string, and is a null"),
        ({"Host": {"LocalHttpPort": 70000}}, "Host.LocalHttpPort must be a port number"),
        ({"Host": {"LocalHttpPort": True}}, "Host.LocalHttpPort must be a port number"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_name_and_the_way_out(
    tmp_path: Path, content: object, said: str
) -> None:
    path = write(tmp_path, content)

    with pytest.raises(SettingsError, match=said) as raised:
        read_settings(tmp_path, {})

    assert str(path) in str(raised.value)


def test_a_byte_order_mark_is_no_problem_and_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"Values": {"A": "x"}}')
    assert read_settings(tmp_path, {}).added == {"A": "x"}

    path.write_text('{"Values": {"A": "é"}}', encoding="utf-16")
    with pytest.raises(SettingsError, match="UTF-8"):
        read_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "is_development"),
    [
        ("UseDevelopmentStorage=true", True),
        ("usedevelopmentstorage=True;", True),
        ("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://127.0.0.1", True),
        ("UseDevelopmentStorage=false", False),
        ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=UseDevelopmentStorage=true", False),
    ],
)
def test_the_shorthand_for_the_emulator_is_recognised(text: str, is_development: bool) -> None:
    assert storage_connection({"AzureWebJobsStorage": text}).is_development_storage is is_development


@pytest.mark.parametrize(
    ("environment", "name", "setting"),
    [
        ({"AzureWebJobsStorage": "a", "Storage": "b"}, "Storage", "AzureWebJobsStorage"),
        ({"Storage": "b"}, "Storage", "Storage"),
        ({"ConnectionStrings:Storage": "c", "Storage": "b"}, "Storage", "ConnectionStrings:Storage"),
        ({"AzureWebJobsStorage": "a"}, "AzureWebJobsStorage", "AzureWebJobsStorage"),
    ],
)
def test_a_connection_name_is_looked_up_as_the_real_host_does(
    environment: dict[str, str], name: str, setting: str
) -> None:
    found = storage_connection(environment, name)

    assert found.setting == setting
    assert found.connection_string == environment[setting]


def test_a_missing_connection_says_which_setting_and_what_to_set_it_to() -> None:
    with pytest.raises(SettingsError, match=r"no setting 'TitlesStorage'.*UseDevelopmentStorage=true"):
        storage_connection({"AzureWebJobsStorage": "  "}, "TitlesStorage")


def test_a_connection_by_identity_is_refused_with_its_settings_named() -> None:
    environment = {"AzureWebJobsStorage__accountName": "titles", "AzureWebJobsStorage__credential": "managedidentity"}

    with pytest.raises(SettingsError, match=r"AzureWebJobsStorage__accountName, AzureWebJobsStorage__credential"):
        storage_connection(environment)


@pytest.mark.parametrize(("written", "expected"), [(True, True), ("true", True), (False, False), ("False", False)])
def test_pages_may_be_let_send_credentials(tmp_path: Path, written: object, expected: bool) -> None:
    write(tmp_path, {"Host": {"CORS": "http://localhost:3000", "CORSCredentials": written}})

    settings = read_settings(tmp_path, {})

    assert (settings.cors, settings.cors_credentials) == ("http://localhost:3000", expected)


def test_an_origin_that_no_page_has_is_said_and_does_not_stop_an_app_that_func_starts(tmp_path: Path) -> None:
    write(tmp_path, {"Host": {"CORS": "https://fine.example, localhost:3000"}})

    settings = read_settings(tmp_path, {})

    assert settings.cors == "https://fine.example, localhost:3000"
    assert len(settings.notes) == 1
    assert "Host.CORS names an origin that no page has: write scheme, name and port" in settings.notes[0]


def test_credentials_that_are_neither_true_nor_false_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"Host": {"CORSCredentials": "perhaps"}})

    with pytest.raises(SettingsError, match=r"Host\.CORSCredentials must be true or false"):
        read_settings(tmp_path, {})


def test_no_value_of_a_setting_is_ever_printed(tmp_path: Path) -> None:
    write(tmp_path, {"Values": {"KEY": "s3cret-in-file", "LIST": "s3cret-too"}})

    settings = read_settings(tmp_path, {"KEY": "s3cret-in-environment"})

    assert settings.notes
    assert not any("s3cret" in note for note in settings.notes)
