"""Web pages of others cannot use the host, whatever name they give it; those that the command line allows can."""

from __future__ import annotations

import argparse

import pytest

from durable_host.cli.reach import add_reach_arguments, origins_of
from durable_host.config.settings import Settings, SettingsError
from durable_host.http.messages import Answer, Request
from durable_host.http.origins import Origins


def request(host: str = "localhost:7071", method: str = "POST", **headers: str) -> Request:
    return Request(
        method=method,
        origin=f"http://{host}",
        path="/runtime/webhooks/durabletask/instances",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@pytest.mark.parametrize("host", ["localhost:7071", "127.0.0.1:1", "[::1]:7071", "LOCALHOST", "a.localhost"])
def test_a_name_that_no_name_service_can_lead_here_is_let_in(host: str) -> None:
    assert Origins().refusal(request(host)) is None


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:7071", "127.0.0.1.evil.example", ""])
def test_a_foreign_name_is_refused_with_the_option_that_allows_it(host: str) -> None:
    refused = Origins(hosts=("box",)).refusal(request(host))

    assert refused is not None
    assert refused.status == 403
    assert b"--allow-host" in refused.body


def test_a_name_that_was_allowed_is_let_in() -> None:
    assert Origins(hosts=("Box",)).refusal(request("box:80")) is None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000"])
def test_a_page_of_another_origin_is_refused_unless_it_is_allowed(origin: str) -> None:
    refused = Origins().refusal(request(origin=origin))

    assert refused is not None
    assert b"--cors" in refused.body
    assert Origins(cors=(origin,)).refusal(request(origin=origin)) is None
    assert Origins(cors=("*",)).refusal(request(origin=origin)) is None


def test_a_page_of_the_host_itself_is_let_in() -> None:
    assert Origins().refusal(request(origin="http://localhost:7071")) is None


def test_an_allowed_page_may_send_credentials_where_the_settings_say_so() -> None:
    # https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
    origins = Origins(cors=("http://localhost:3000",), credentials=True)

    assert origins.headers_for(request(origin="http://localhost:3000")) == (
        ("Access-Control-Allow-Origin", "http://localhost:3000"),
        ("Vary", "Origin"),
        ("Access-Control-Allow-Credentials", "true"),
    )
    assert origins.headers_for(request(origin="http://evil.example")) == ()


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="start")
    add_reach_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("name", ["box:7071", "http://box", "box/", "*", "b\u00fcro", "", "a b", "box."])
def test_a_name_that_no_request_holds_is_refused_with_what_to_write(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit):
        parsed("--allow-host", name)

    said = f"argument --allow-host: {name!r} is no name of a host: write the name alone, such as box, without scheme"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "origin",
    [
        "localhost:3000",
        "localhost",
        "//localhost:3000",
        "http://localhost:3000/app",
        "http://*.example.com",
        "http://localhost:80",
        "https://example.com:443/",
        "http://me@example.com",
        "http://",
    ],
)
def test_an_origin_that_no_page_has_is_refused_with_what_to_write(
    capsys: pytest.CaptureFixture[str], origin: str
) -> None:
    with pytest.raises(SystemExit):
        parsed("--cors", f"http://localhost:3000,{origin}")

    said = (
        f"argument --cors: {origin!r} is no origin of a page: write scheme, name and port as a browser sends them, such"
    )
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["box", "my_app", "a.b-c.example", "7071", "BOX"])
def test_a_name_that_a_container_may_have_is_taken(name: str) -> None:
    assert parsed("--allow-host", name, "--allow-host", "other").allow_host == [name, "other"]


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "http://localhost:3000", "https://a.example/", "http://[::1]:8080", "app://x", "http://a:443"],
)
def test_an_origin_that_a_page_may_have_is_taken(origin: str) -> None:
    assert parsed("--cors", f" {origin} , http://other").cors == (origin, "http://other")


def test_credentials_for_any_origin_are_refused_at_start() -> None:
    arguments = argparse.Namespace(cors=None, allow_host=[])
    settings = Settings(added={}, notes=(), source=None, local_http_port=None, cors="*", cors_credentials=True)

    with pytest.raises(SettingsError, match=r"CORS cannot be \*"):
        origins_of(arguments, settings)


def test_the_command_line_goes_before_the_settings() -> None:
    settings = Settings(added={}, notes=(), source=None, local_http_port=None, cors="http://a, http://b")

    from_settings = origins_of(argparse.Namespace(cors=None, allow_host=[]), settings)
    from_arguments = origins_of(argparse.Namespace(cors=("http://c",), allow_host=["box"]), settings)

    assert (from_settings.cors, from_arguments.cors) == (("http://a", "http://b"), ("http://c",))
    assert from_arguments.hosts == ("box",)


def test_a_host_s_headers_take_the_place_of_those_that_a_function_has_set() -> None:
    page = request(origin="http://localhost:3000")
    own = (
        ("access-control-allow-origin", "*"),
        ("Access-Control-Allow-Credentials", "false"),
        ("Access-Control-Expose-Headers", "x-a"),
        ("Vary", "Accept"),
    )
    answer = Answer(status=200, headers=own)

    allowed = Origins(cors=("http://localhost:3000",), credentials=True).answer_for(page, answer)
    others = Origins(cors=("http://other",)).answer_for(page, answer)

    assert allowed.headers == (
        ("Access-Control-Expose-Headers", "x-a"),
        ("Vary", "Accept"),
        ("Access-Control-Allow-Origin", "http://localhost:3000"),
        ("Vary", "Origin"),
        ("Access-Control-Allow-Credentials", "true"),
    )
    assert others == answer


def test_a_preflight_of_an_allowed_page_is_answered_and_of_others_is_not() -> None:
    origins = Origins(cors=("http://localhost:3000",))
    asked = {"access_control_request_method": "PUT", "access_control_request_headers": "x-a"}

    answer = origins.preflight(request(method="OPTIONS", origin="http://localhost:3000", **asked))

    assert answer is not None
    assert dict(answer.headers) == {
        "Access-Control-Allow-Origin": "http://localhost:3000",
        "Vary": "Origin",
        "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Allow-Headers": "x-a",
    }
    assert origins.preflight(request(method="OPTIONS", origin="http://evil.example", **asked)) is None
    assert origins.preflight(request(method="OPTIONS", origin="http://localhost:3000")) is None
