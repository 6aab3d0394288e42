"""What the host prints: one line a record, at the levels that host.json asks for."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from durable_host.config.logs import LEVELS, set_up_logging

NAMES = ("", "Function", "Function.fetch", "Function.other", "Host.Triggers.DurableTask", "azure", "urllib3", "aiohttp")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (*NAMES, "asyncio")]
    before = [(one, one.level) for one in loggers]
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    for one, level in before:
        one.setLevel(level)


def test_a_record_is_one_line_with_its_moment(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({})

    logging.getLogger("Function.fetch").info("read %d pages", 3)

    assert re.fullmatch(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] read 3 pages\n", capsys.readouterr().out)


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


def test_clients_of_storage_say_nothing_below_a_warning_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({"urllib3": "Information"})

    for name in ("azure.core", "aiohttp.access", "urllib3"):
        logging.getLogger(name).info(name)

    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("] urllib3")


def test_verbose_shows_what_the_file_would_hide(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({"default": "None", "Function": "None"}, verbose=True)

    logging.getLogger("Function.fetch").debug("seen")
    logging.getLogger("Host.Startup").debug("seen too")

    assert capsys.readouterr().out.count("\n") == 2


def test_setting_up_twice_prints_once(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging({})
    set_up_logging({})

    logging.getLogger("Function.fetch").info("once")

    assert capsys.readouterr().out.count("once") == 1


def test_every_level_of_dotnet_is_known() -> None:
    assert list(LEVELS) == ["trace", "debug", "information", "warning", "error", "critical", "none"]
