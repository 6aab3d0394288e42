"""The commands that the READMEs tell their readers to run: every one in a fenced block, and what it needs.

A command that fits no kind is an error, so that a new one in a README is either run or explained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum

__all__ = ["INFRA_README", "README", "READMES", "Needs", "commands", "needs_of", "readmes"]

README, INFRA_README = "README.md", "infra/README.md"
READMES = (README, INFRA_README)
"""The root README has what everybody needs (`azd up`, a call, cleaning up); that of infra/ has the rest."""

_FENCE = re.compile(r"^```(?:shell|sh|bash|console)\n(.*?)^```", re.M | re.S)


class Needs(Enum):
    """What a command cannot do without."""

    AZURE = "an Azure subscription"
    TOX = "nothing, but it is tox itself, which runs these tests"
    TOOL = "a tool that does not come from PyPI or npm"
    NETWORK = "the internet"
    NOTHING = "nothing: a test runs it"


_KINDS = (
    (r"(.* && )?(\S*=\S* )*func ", Needs.TOOL),
    (r"docker ", Needs.TOOL),
    (r"(azd|az|bicep) ", Needs.AZURE),
    (r"eval \"\$\(azd ", Needs.AZURE),
    (r"KEY=\$\(az ", Needs.AZURE),
    (r"curl .*\$SERVICE_API_URI", Needs.AZURE),
    (r"(\S*=\S* )*python3? infra/hooks/(before|after)_package\.py", Needs.NOTHING),
    (r"(\S*/)?(pip|python3?|py)\b.* install ", Needs.NETWORK),
    (r"git clone |cd ", Needs.NETWORK),
    (r"npm |npx ", Needs.NETWORK),
    (r".*\btox(\.exe)? run\b", Needs.TOX),
    (r"(\S*/)?\.ci/run", Needs.TOX),
    (r"(\S*=\S* )*(\S*/)?python3? -m (durable_host|venv|infra)\b", Needs.NOTHING),
    (r"curl ", Needs.NOTHING),
    (r"cp ", Needs.NOTHING),
)


def readmes(files: Mapping[str, str]) -> dict[str, str]:
    """Answer the READMEs that tell how to deploy, by path."""
    return {path: files[path] for path in READMES if path in files}


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
    raise ValueError(f"A README has {command!r}: say in tests/infra/readme.py what it needs, and run it if it can run")
