"""Names: of a hub's queues, tables, containers and rows, and which partition an instance belongs to.

Everything that is derived from a hub name, an instance id or a row's position; pure text functions.
Invariant: the names are those of the Durable extension, so that another host finds the hub: queues and containers
lower-cased, tables with the name's own casing, partitions by FNV-1a of the raw instance id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from durable_host.task_hub.base.errors import HubNameError

__all__ = [
    "SENTINEL",
    "HubNames",
    "adapted_hub_name",
    "check_hub_name",
    "default_hub_name",
    "escape_key",
    "fnv1a",
    "id_problem",
    "partition_of",
    "prefix_end",
    "quoted",
    "row_key",
    "unescape_key",
]

SENTINEL: Final = "sentinel"
"""Row key of the history row that holds an instance's ETag; it sorts after every event's."""

_LONGEST_KEY: Final = 512
_DEFAULT_NAME: Final = "TestHubName"
_LEGAL: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{2,49}\Z")
_ESCAPES: Final = {"^": "^^", "/": "^0", "\\": "^1", "#": "^2", "?": "^3"}
_UNESCAPES: Final = {escape[1]: plain for plain, escape in _ESCAPES.items()}
# Control characters, which no row key may hold, are shifted to where printable Latin-1 letters are.
_CONTROL_SHIFT: Final = 0xC0
_LAST_CHARACTER: Final = "\U0010ffff"
_FIRST_SURROGATE: Final = 0xD800
_AFTER_SURROGATES: Final = 0xE000
_NEEDS_ESCAPE: Final = re.compile(r"[\^/\\#?\x00-\x1f\x7f-\x9f]")


def id_problem(instance_id: str) -> str | None:
    """Why no table can hold an instance of this id, None if one can. What a key must escape counts twice."""
    length = len(escape_key(instance_id).encode("utf-16-le", "surrogatepass")) // 2
    if length <= _LONGEST_KEY:
        return None
    return (
        f"The instance id '{instance_id[:40]}...' takes {length} characters, and a table's key holds at most "
        f"{_LONGEST_KEY} characters. Give a shorter one."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HubNames:
    """The names of one hub's resources."""

    hub: str

    @property
    def history_table(self) -> str:
        """The table of all instances' history events."""
        return f"{self.hub}History"

    @property
    def instances_table(self) -> str:
        """The table with one row for each instance."""
        return f"{self.hub}Instances"

    @property
    def partitions_table(self) -> str:
        """The table that says who owns which control queue."""
        return f"{self.hub}Partitions"

    @property
    def work_item_queue(self) -> str:
        """The queue of activities."""
        return f"{self.hub.lower()}-workitems"

    @property
    def app_lease_container(self) -> str:
        """The container whose lease keeps two apps from sharing one hub."""
        return f"{self.hub.lower()}-applease"

    @property
    def app_lease_blob(self) -> str:
        """The blob that says which app that is."""
        return f"{self.hub.lower()}-appleaseinfo"

    @property
    def large_messages_container(self) -> str:
        """The container of what is too large for queues and rows."""
        return f"{self.hub.lower()}-largemessages"

    def control_queue(self, index: int) -> str:
        """The queue of one partition."""
        return f"{self.hub.lower()}-control-{index:02d}"


def check_hub_name(name: str) -> str:
    """The configured name itself, if it can be part of every resource's name; it is never changed."""
    if not _LEGAL.match(name):
        raise HubNameError(name)
    return name


def default_hub_name(site_name: str | None) -> str:
    """The name of a hub without a configured one, made from the site's as the extension does."""
    return adapted_hub_name(site_name or _DEFAULT_NAME)


def adapted_hub_name(name: str) -> str:
    """A name that Azure Storage takes, made from one that it may not."""
    name = re.sub(r"[^A-Za-z0-9]", "", name)
    if not name:
        return "DefaultTaskHub"
    if name[0].isdigit():
        name = f"t{name}"
    name = name[:45]
    return name if len(name) >= 3 else f"{name}Hub"


def fnv1a(text: str) -> int:
    """32-bit FNV-1a of the text's UTF-8 bytes."""
    value = 2_166_136_261
    for byte in text.encode("utf-8"):
        value = (value ^ byte) * 16_777_619 & 0xFFFF_FFFF
    return value


def partition_of(instance_id: str, partition_count: int) -> int:
    """Which control queue takes the messages to an instance."""
    return fnv1a(instance_id) % partition_count


def escape_key(instance_id: str) -> str:
    """The partition key of an instance's rows."""
    return _NEEDS_ESCAPE.sub(lambda match: _escape(match[0]), instance_id)


def _escape(character: str) -> str:
    return _ESCAPES.get(character) or f"^{chr(_CONTROL_SHIFT + ord(character))}"


def unescape_key(partition_key: str) -> str:
    """The instance id of a partition key."""
    return re.sub(r"\^(.)", lambda match: _unescape(match[1]), partition_key, flags=re.DOTALL)


def _unescape(code: str) -> str:
    """The character of an escape; one that no host of ours or of Azure's writes stays as it is."""
    shifted = ord(code) - _CONTROL_SHIFT
    return _UNESCAPES.get(code) or (chr(shifted) if shifted >= 0 else f"^{code}")


def row_key(position: int) -> str:
    """The row key of the event at this 0-based position of a history."""
    return f"{position:016X}"


def prefix_end(prefix: str) -> str:
    """The first text after all that begin with the prefix, in ordinal order."""
    head = prefix.rstrip(_LAST_CHARACTER)
    if not head:
        return prefix + _LAST_CHARACTER
    following = ord(head[-1]) + 1
    return head[:-1] + chr(_AFTER_SURROGATES if following == _FIRST_SURROGATE else following)


def quoted(text: str) -> str:
    """A text as a literal in a table query."""
    return "'" + text.replace("'", "''") + "'"
