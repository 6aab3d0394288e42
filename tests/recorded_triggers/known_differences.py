"""Where our host differs from the recordings, and why. A scenario's name, ``folder/scenario`` or ``*`` for all of them.

Invariant: each entry matches a difference from its first letter to its last (``re.fullmatch``), so that another one in
the same scenario still fails, and no entry is for what the two hosts could agree in.
"""

from __future__ import annotations

from typing import Final

__all__ = ["KNOWN"]

_OWN_BUILD: Final = "about the host's own build"
_NO_KEYS: Final = "no key is asked for here, so that a call without one is answered as one with it"
_BY_POISON: Final = "a message of the scenario before has its last attempt in this one, a moment earlier or later"
_CUT: Final = "a long text, cut before the order of its metadata is the same"

KNOWN: Final = (
    # Of every scenario: what is about the machine, the build, or the run before.
    ("*", r'"GET /", body: .*', "the start page is our own, and says so"),
    (
        "*",
        r'".*", json: (/id recorded "<hostid>", ours "[^"]+"; )?/version recorded "4\.1037\.0\.0", ours "4\.0\.0\.0"; '
        r'/versionDetails recorded "4\.1037\.0", ours "durable_host"',
        _OWN_BUILD,
    ),
    (
        "*",
        r'"GET /admin/functions.*", json: (/\d*)?/?test_data_href recorded "[^"]+<data>/(\w+)\.dat", ours "[^"]+/vfs/\2\.dat"',
        "there is no folder of test data here",
    ),
)
"""Scenario, pattern of the difference, reason."""
