"""Replay of cassettes: complete, strict, and shut off from the network with any number of threads."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from recorded_pages import CassetteError, NoRecordingError, install, load_recordings, replay
from recorded_pages.local_site import LocalSite, SiteMap, site_handler
from recorded_pages.record import main as record
from title_request import DEFAULT_URLS

SCENARIOS = DEFAULT_URLS[2]


def write_cassette(folder: Path, *answers: tuple[str, int, str]) -> None:
    interactions = [
        {
            "request": {"method": "GET", "uri": url, "headers": {}, "body": None},
            "response": {
                "status": {"code": status, "message": "-"},
                "headers": {"Content-Type": ["text/html"], "Content-Encoding": ["gzip"], "Content-Length": ["1"]},
                "body": {"string": body},
            },
        }
        for url, status, body in answers
    ]
    (folder / "page.yaml").write_text(json.dumps({"version": 1, "interactions": interactions}), encoding="utf-8")


def test_replay_with_32_threads_sends_nothing_to_a_socket(
    cassettes: Path, site_map: SiteMap, no_network: list[str]
) -> None:
    requested = [page.url for page in site_map.recorded if page.times == 1] * 32
    expected = {recording.url: recording for recording in load_recordings(cassettes)}

    def get(url: str) -> bool:
        with requests.get(url, stream=len(url) % 2 == 0, timeout=5) as response:
            recording = expected[response.url]
            return (response.status_code, response.content) == (recording.status, recording.body)

    with replay(cassettes) as pages, ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(get, requested))

    assert answers == [True] * len(requested)
    assert no_network == []
    assert {recording.cassette for recording in pages.unplayed} <= {"busy-at-first.yaml"}
    assert pages.played >= len(requested)


def test_replay_follows_recorded_redirects_as_live(cassettes: Path, no_network: list[str]) -> None:
    with replay(cassettes), requests.Session() as session:
        response = session.get(DEFAULT_URLS[0], timeout=5)

    assert [hop.status_code for hop in response.history] == [301, 301, 301]
    assert response.url == (
        "https://learn.microsoft.com/en-us/azure/durable-task/durable-functions/durable-functions-overview"
    )


def test_request_without_a_recording_raises_an_error_that_names_it_and_its_neighbours(
    cassettes: Path, no_network: list[str]
) -> None:
    with replay(cassettes), pytest.raises(NoRecordingError, match="functions-scenario, and replay sends") as raised:
        requests.get(SCENARIOS[:-1], timeout=5)

    assert raised.value.nearest[0] == f"GET {SCENARIOS}"
    assert not isinstance(raised.value, requests.RequestException)
    assert no_network == []


def test_request_with_another_method_has_no_recording(cassettes: Path, no_network: list[str]) -> None:
    with replay(cassettes), pytest.raises(NoRecordingError, match="POST https://learn"):
        requests.post(SCENARIOS, timeout=5)


def test_streamed_body_comes_in_the_chunks_that_were_asked_for(tmp_path: Path) -> None:
    write_cassette(tmp_path, ("https://learn.microsoft.com/a", 200, "0123456789"))

    with replay(tmp_path):
        chunks = list(requests.get("https://learn.microsoft.com/a", stream=True, timeout=5).iter_content(4))
        raw = requests.get("https://learn.microsoft.com/a", stream=True, timeout=5).raw.read(3)

    assert (chunks, raw) == ([b"0123", b"4567", b"89"], b"012")


def test_headers_agree_with_the_decoded_body(tmp_path: Path) -> None:
    write_cassette(tmp_path, ("https://learn.microsoft.com/a", 200, "0123456789"))

    with replay(tmp_path):
        response = requests.get("https://learn.microsoft.com:443/a#part", timeout=5)

    assert response.headers == {"Content-Type": "text/html", "Content-Length": "10"}


def test_two_recordings_of_one_request_take_turns(tmp_path: Path) -> None:
    url = "https://learn.microsoft.com/busy"
    write_cassette(tmp_path, (url, 429, ""), (url, 200, "ok"))

    with replay(tmp_path) as pages:
        first = requests.get(url, timeout=5).status_code
        unplayed = [recording.status for recording in pages.unplayed]
        others = [requests.get(url, timeout=5).status_code for _ in range(3)]

    assert (first, unplayed, others) == (429, [200], [200, 429, 200])
    assert pages.unplayed == []


def test_replay_gives_back_what_it_took(cassettes: Path, tmp_path: Path) -> None:
    write_cassette(tmp_path, ("https://learn.microsoft.com/inner", 200, "inner"))
    before = HTTPAdapter.send

    with replay(cassettes):
        outer = HTTPAdapter.send
        with replay(tmp_path):
            assert requests.get("https://learn.microsoft.com/inner", timeout=5).text == "inner"
        assert HTTPAdapter.send is outer
        with pytest.raises(NoRecordingError):
            requests.get("https://learn.microsoft.com/inner", timeout=5)

    assert HTTPAdapter.send is before


def test_install_stays_until_the_process_ends(
    cassettes: Path, monkeypatch: pytest.MonkeyPatch, no_network: list[str]
) -> None:
    monkeypatch.setattr(HTTPAdapter, "send", HTTPAdapter.send)

    pages = install(cassettes)
    status = requests.get(SCENARIOS, timeout=5).status_code

    assert (status, pages.played) == (200, 2)


def test_folder_without_cassettes_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match=r"holds no cassettes \(\*.yaml\).*--from-local"):
        install(tmp_path)


@pytest.mark.parametrize("text", ["interactions: [", "", "interactions: [{}]", "- request: {}"])
def test_broken_cassette_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(CassetteError, match=r"broken\.yaml cannot be read"):
        install(tmp_path)


def written(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


def test_recorder_writes_the_same_files_every_time(
    cassettes: Path, site_map: SiteMap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record(["--from-local", "--to", str(tmp_path)]) == 0

    recorded, committed = written(tmp_path), written(cassettes)
    assert recorded.keys() == committed.keys()
    # The others may have been recorded from the live site.
    only_local = [f"{page.cassette}.yaml" for page in site_map.recorded if not page.is_on_live_site]
    assert {name: recorded[name] for name in only_local} == {name: committed[name] for name in only_local}
    assert record(["--from-local", "--to", str(tmp_path)]) == 0
    assert written(tmp_path) == recorded


def test_recorder_of_the_live_site_reads_the_titles_from_its_pages_and_keeps_what_it_has_not(
    site_map: SiteMap, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(["--from-local", "--to", str(tmp_path)])
    made = written(tmp_path)
    (tmp_path / "titles.json").write_text(made["titles.json"].replace("Scenarios", "Old title"), encoding="utf-8")

    with LocalSite(site_map.host, site_handler(site_map)) as site:
        resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: resolve(*site.address, *args[2:], **kwargs))
        assert record(["--to", str(tmp_path), "--ca-file", str(site.ca_file)]) == 0

    assert written(tmp_path) == made
    assert capsys.readouterr().out.count("kept     ") == 6


def test_cassettes_hold_no_header_but_those_that_say_something_about_the_page(cassettes: Path) -> None:
    kept = {"content-language", "content-length", "content-type", "location", "retry-after"}

    headers = {name.lower() for recording in load_recordings(cassettes) for name, _ in recording.headers}

    assert headers <= kept
