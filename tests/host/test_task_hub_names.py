"""Names of hubs, partitions and rows are those of the Durable extension."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from durable_host.task_hub.base.errors import HubNameError
from durable_host.task_hub.base.names import (
    HubNames,
    check_hub_name,
    default_hub_name,
    escape_key,
    fnv1a,
    partition_of,
    prefix_end,
    row_key,
    unescape_key,
)
from durable_host.task_hub.leases.app_lease import app_lease_id


@pytest.mark.parametrize(
    ("instance_id", "hashed", "partition"),
    [
        ("abc", 0x1A47E90B, 3),
        ("@counter@key", 0x8A0AF67A, 2),
        ("7e2a1b0c9d8f4e5fa6b7c8d9e0f10203", 0x52C4CAEE, 2),
        ("é", 0x1E9DE8C1, 1),
        ("", 0x811C9DC5, 1),
    ],
)
def test_instances_are_routed_by_the_hash_of_their_raw_id(instance_id: str, hashed: int, partition: int) -> None:
    assert fnv1a(instance_id) == hashed
    assert partition_of(instance_id, 4) == partition


@pytest.mark.parametrize(
    ("instance_id", "key"),
    [
        ("a#b", "a^2b"),
        ("a/b\\c?d^e", "a^0b^1c^3d^^e"),
        ("@counter@k:1", "@counter@k:1"),
        ("tab\there", "tab^Éhere"),
        ("\x7f\x9f", "^Ŀ^ş"),
        ("^0", "^^0"),
    ],
)
def test_partition_keys_escape_what_a_table_refuses(instance_id: str, key: str) -> None:
    assert escape_key(instance_id) == key
    assert unescape_key(key) == instance_id


@given(st.text())
def test_an_escaped_key_can_be_read_back_and_has_no_forbidden_character(instance_id: str) -> None:
    key = escape_key(instance_id)

    assert unescape_key(key) == instance_id
    assert not any(c in "/\\#?" or ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in key)


@given(st.text(min_size=1), st.text())
@example("\ud7ff", "")
@example("a\U0010ffff", "z")
def test_prefix_end_is_after_everything_with_the_prefix(prefix: str, rest: str) -> None:
    assume(prefix.strip("\U0010ffff"))

    assert prefix <= prefix + rest < prefix_end(prefix)
    assert prefix_end(prefix).encode()  # no half of a surrogate pair


def test_prefix_of_last_characters_alone_has_an_end_too() -> None:
    assert prefix_end("\U0010ffff") > "\U0010ffff"


@given(st.text())
def test_a_key_that_no_host_has_written_can_be_read(partition_key: str) -> None:
    assert isinstance(unescape_key(partition_key), str)


def test_an_escape_that_is_none_stays_as_it_is() -> None:
    assert unescape_key("a^b^0") == "a^b/"


def test_row_keys_are_sixteen_upper_case_hex_digits() -> None:
    assert [row_key(0), row_key(10), row_key(0x1F)] == ["0" * 16, "000000000000000A", "000000000000001F"]


def test_a_hub_has_the_real_hosts_names() -> None:
    names = HubNames(hub="GoldenHub")

    assert names.control_queue(3) == "goldenhub-control-03"
    assert names.work_item_queue == "goldenhub-workitems"
    assert (names.history_table, names.instances_table) == ("GoldenHubHistory", "GoldenHubInstances")
    assert names.partitions_table == "GoldenHubPartitions"
    assert (names.app_lease_container, names.app_lease_blob) == ("goldenhub-applease", "goldenhub-appleaseinfo")
    assert names.large_messages_container == "goldenhub-largemessages"


@pytest.mark.parametrize(
    ("site", "hub"),
    [
        (None, "TestHubName"),
        ("my-app.1", "myapp1"),
        ("1app", "t1app"),
        ("--", "DefaultTaskHub"),
        ("a", "aHub"),
        ("x" * 60, "x" * 45),
    ],
)
def test_a_hub_without_a_name_gets_the_sites_made_fit(site: str | None, hub: str) -> None:
    assert default_hub_name(site) == hub


@pytest.mark.parametrize("name", ["a", "my-hub", "1hub", "Hub ", "h" * 51, ""])
def test_an_unfit_configured_name_is_refused_and_says_what_to_do(name: str) -> None:
    with pytest.raises(HubNameError, match=r"host\.json") as refused:
        check_hub_name(name)

    assert refused.value.name == name


def test_the_app_lease_id_is_the_hash_of_the_apps_name() -> None:
    assert app_lease_id("") == "811c9dc5-0000-0000-0000-000000000000"
