"""What the host prints: one line a record, at the levels that host.json asks for."""

from __future__ import annotations

import logging
import logging.config
import re
import sys
from collections.abc import Iterator

import pytest

from durable_host.config.logs import LEVELS, capture_prints, event, running_function, set_up_logging


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Other tests of this process read what the host logs."""
    before = {one: (one.level, one.propagate, one.handlers[:], one.disabled, type(one)) for one in _loggers()}
    made = logging.root.manager.loggerClass
    yield
    logging.root.manager.loggerClass = made
    logging.disable(logging.NOTSET)
    unknown: tuple[int, bool, list[logging.Handler], bool, type] = (logging.NOTSET, True, [], False, logging.Logger)
    for one in _loggers():
        level, one.propagate, one.handlers[:], one.disabled, one.__class__ = before.get(one, unknown)
        one.setLevel(level)


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(one for one in known if isinstance(one, logging.Logger))]


def test_a_record_is_one_line_with_its_moment(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({})

    logging.getLogger("Function.fetch").info("read %d pages", 3)

    assert re.fullmatch(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] read 3 pages\n", capsys.readouterr().out)


def test_letters_that_cannot_be_written_are_shown_by_their_numbers(capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logging({})

    logging.getLogger("Function.fetch").info("half of a pair: %s", "\ud800")

    printed = capfd.readouterr()
    assert printed.out.endswith("] half of a pair: \\ud800\n")
    assert printed.err == ""


def test_an_exception_follows_its_record(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({})

    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("Function.fetch").exception("failed")

    first, second, *_, last = capsys.readouterr().out.splitlines()
    assert first.endswith("] failed")
    assert (second, last) == ("Traceback (most recent call last):", "ValueError: boom")


@pytest.mark.parametrize(
    ("levels", "shown"),
    [
        ({}, ["info", "warning", "error", "critical"]),
        ({"default": "Debug"}, ["debug", "info", "warning", "error", "critical"]),
        ({"default": "warning"}, ["warning", "error", "critical"]),
        ({"default": "Error", "Function": "Information"}, ["info", "warning", "error", "critical"]),
        ({"Function": "Error", "Function.fetch": "Warning"}, ["warning", "error", "critical"]),
        ({"Function.fetch": "Critical"}, ["critical"]),
        ({"default": "None"}, []),
    ],
)
def test_levels_count_for_a_category_and_all_below_it(
    capsys: pytest.CaptureFixture[str], levels: dict[str, str], shown: list[str]
) -> None:
    set_up_logging(levels)

    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logging.getLogger("Function.fetch"), level)(level)

    assert [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()] == shown


def test_clients_of_storage_say_nothing_below_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({})

    for name in ("azure.core", "aiohttp.access", "urllib3"):
        logging.getLogger(name).info(name)
        logging.getLogger(name).warning("%s warns", name)

    said = [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()]
    assert said == ["azure.core warns", "aiohttp.access warns", "urllib3 warns"]


def test_verbose_is_the_real_console_with_level_category_and_event_id(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({}, verbose=True)

    logging.getLogger("Function.fetch").info("Executing\nmore", extra=event(1))
    logging.getLogger("Host.Results").error("failed")

    assert (
        capsys.readouterr().out
        == "info: Function.fetch[1]\n      Executing\n      more\nfail: Host.Results[0]\n      failed\n"
    )


def test_what_an_app_logs_is_shown_as_of_the_function_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({"Function.quiet.User": "Error"}, verbose=True)

    with running_function("fetch"):
        logging.getLogger("of.the.app").warning("seen")
    with running_function("quiet"):
        logging.warning("not seen")

    assert capsys.readouterr().out == "warn: Function.fetch.User[0]\n      seen\n"


def test_what_an_app_does_to_the_root_logger_silences_the_app_alone(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({})

    logging.getLogger().setLevel(logging.CRITICAL)
    logging.getLogger().handlers.clear()
    logging.warning("of the app")
    logging.getLogger("Function.fetch").info("of the host")

    assert capsys.readouterr().out.endswith("] of the host\n")


def test_what_an_app_does_to_all_loggers_silences_the_app_alone(capsys: pytest.CaptureFixture[str]) -> None:
    known = logging.getLogger("Host.Test.known")
    set_up_logging({})

    logging.config.dictConfig({"version": 1, "root": {"handlers": [], "level": "ERROR"}})
    logging.disable(logging.CRITICAL)
    logging.getLogger("of.the.app").error("of the app")
    known.info("of the host")
    logging.getLogger("Function.new").info("of a function")

    assert re.sub(r"\[.*?\] ", "", capsys.readouterr().out) == "of the host\nof a function\n"


def test_what_an_app_prints_is_a_line_of_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_logging({}, verbose=True)
    monkeypatch.setattr("sys.stdout", sys.stdout)  # put back afterwards
    capture_prints()

    print("one\ntwo")

    entry = "info: Host.Function.Console[0]\n      "
    assert capsys.readouterr().out == f"{entry}one\n{entry}two\n"


def test_setting_up_twice_prints_once(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({})
    set_up_logging({})

    logging.getLogger("Function.fetch").info("once")

    assert capsys.readouterr().out.count("once") == 1


def test_every_level_of_dotnet_is_known() -> None:
    assert list(LEVELS) == ["trace", "debug", "information", "warning", "error", "critical", "none"]
