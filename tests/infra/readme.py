"""The commands that README.md tells its readers to run.

Role: finds every command in the fenced blocks of the README, and says what each needs.
Called by: ``readme_checks``, and the test that runs those that can run offline.
Calls: nothing.
Invariant: a command that fits no kind is an error, so that a new one in the README is either run or explained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

__all__ = ["Needs", "commands", "needs_of"]

_FENCE = re.compile(r"^```(?:shell|sh|bash|console)\n(.*?)^```", re.M | re.S)


class Needs(Enum):
    """What a command cannot do without."""

    AZURE = "an Azure subscription"
    TOX = "nothing, but it is tox itself, which runs these tests"
    TOOL = "a tool that does not come from PyPI or npm"
    NETWORK = "the internet"
    NOTHING = "nothing: a test runs it"


_KINDS = (
    (r"(.* && )?func ", Needs.TOOL),
    (r"(azd|az) ", Needs.AZURE),
    (r"eval \"\$\(azd ", Needs.AZURE),
    (r"KEY=\$\(az ", Needs.AZURE),
    (r"curl .*\$SERVICE_API_URI", Needs.AZURE),
    (r"(\S*/)?(pip|python3?|py)\b.* install ", Needs.NETWORK),
    (r"git clone |cd ", Needs.NETWORK),
    (r"npm |npx ", Needs.NETWORK),
    (r".*\btox(\.exe)? run\b", Needs.TOX),
    (r"(\S*/)?\.ci/run", Needs.TOX),
    (r"(\S*=\S* )*(\S*/)?python3? -m (durable_host|venv|infra)\b", Needs.NOTHING),
    (r"curl ", Needs.NOTHING),
    (r"cp ", Needs.NOTHING),
)


def commands(readme: str) -> Iterator[str]:
    """Answer the commands of the fenced blocks, one a line; continued lines are joined, comments left out."""
    for block in _FENCE.findall(readme):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            command = line.strip().removeprefix("$ ")
            if command and not command.startswith("#"):
                yield command


def needs_of(command: str) -> Needs:
    """Answer what a command needs; the first kind that fits counts."""
    for pattern, needs in _KINDS:
        if re.match(pattern, command):
            return needs
    raise ValueError(f"README.md has {command!r}: say in tests/infra/readme.py what it needs, and run it if it can run")
