"""The Bicep compiler, asked over its JSON-RPC: one process answers every question, because starting it is what costs.

Where it is looked for: PATH, then where azd and the Azure CLI keep theirs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["HOW_TO_GET_IT", "Compiler", "Diagnostic", "RefusedDeploymentError", "find_compiler", "start_compiler"]

HOW_TO_GET_IT = (
    "Get Bicep by `az bicep install`, by any `azd provision` (azd brings its own), or from "
    "https://github.com/Azure/bicep/releases, and put it on PATH."
)
SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000001"
TENANT_ID = "00000000-0000-0000-0000-000000000002"
_GONE = "bicep ended without an answer: see what it printed, and whether `bicep --version` works"
_HOMES = (Path(".azd") / "bin", Path(".azure") / "bin")


class RefusedDeploymentError(Exception):
    """The deployment cannot be worked out with these parameters; the compiler's own words say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """What the compiler or its linter objects to, and where (the line counts from 1)."""

    path: str
    line: int
    level: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.level} {self.code}: {self.message}"


def find_compiler() -> Path | None:
    """Answer the compiler's program, or None where there is none."""
    homes = os.pathsep.join(str(Path.home() / folder) for folder in _HOMES)
    found = shutil.which("bicep") or shutil.which("bicep", path=homes)
    return Path(found) if found else None


@contextmanager
def start_compiler(program: Path) -> Iterator[Compiler]:
    """Run the compiler for as long as the block lasts."""
    environment = {
        **os.environ,
        "HOME": str(Path.home()),  # tox hands on none, and the compiler unpacks itself there
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",  # a bare machine has no libicu, and nothing here needs it
        "DOTNET_TieredPGO": "0",  # measuring its own code costs more than it gains in a minute: a fifth less time
    }
    process = subprocess.Popen(
        [program, "jsonrpc", "--stdio"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Compiler(process.stdin, process.stdout)
    finally:
        with suppress(BrokenPipeError):  # it has ended before it read the last question, which is told already
            process.stdin.close()  # its sign to end
        process.stdout.close()
        process.wait(timeout=30)


class Compiler:
    """A running compiler. Its answers are those of its command line: build, lint, format and snapshot."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers
        self._asked = 0

    def version(self) -> str:
        """Answer the compiler's version."""
        return str(self._ask("bicep/version")["version"])

    def diagnostics(self, root: Path, path: str) -> list[Diagnostic]:
        """Answer all that compiler and linter say of a file and of the modules that it deploys.

        Args:
            root: The folder that holds infra/.
            path: The file, from there.
        """
        return [
            Diagnostic(
                path=Path(each["source"]).relative_to(root).as_posix(),
                line=each["range"]["start"]["line"] + 1,
                level=each["level"].lower(),
                code=each["code"],
                message=each["message"],
            )
            for each in self._ask("bicep/compile", path=str(root / path))["diagnostics"]
        ]

    def build(self, path: Path) -> dict[str, Any]:
        """Answer the ARM template that a file compiles to.

        Raises:
            RefusedDeploymentError: It does not compile.
        """
        answer = self._ask("bicep/compile", path=str(path))
        if not answer["success"]:
            raise RefusedDeploymentError(
                "; ".join(f"{each['code']}: {each['message']}" for each in answer["diagnostics"])
            )
        template: dict[str, Any] = json.loads(answer["contents"])
        return template

    def format(self, path: Path) -> str:
        """Answer a file as the formatter writes it."""
        return str(self._ask("bicep/format", path=str(path))["contents"])

    def snapshot(self, parameters: Path, location: str) -> dict[str, Any]:
        """Answer the resources and outputs that a deployment with a .bicepparam file is predicted to have.

        Raises:
            RefusedDeploymentError: A parameter breaks its limits, or the template itself says no.
        """
        metadata = {"tenantId": TENANT_ID, "subscriptionId": SUBSCRIPTION_ID, "location": location}
        metadata |= {"deploymentName": "titles"}
        answer = self._ask("bicep/getSnapshot", path=str(parameters), metadata=metadata, externalInputs=None)
        snapshot: dict[str, Any] = json.loads(answer["snapshot"])
        return snapshot

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        self._asked += 1
        body = json.dumps({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": parameters}).encode()
        try:
            self._requests.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self._requests.flush()
        except BrokenPipeError as gone:
            raise RuntimeError(_GONE) from gone
        answer = json.loads(self._answers.read(self._size_of_answer()))
        if answer["id"] != self._asked:
            raise RuntimeError(f"bicep answered question {answer['id']}, not {self._asked}")
        if "error" in answer:
            error = answer["error"]
            raise RefusedDeploymentError((error.get("data") or error)["message"])
        result: dict[str, Any] = answer["result"]
        return result

    def _size_of_answer(self) -> int:
        size = 0
        while line := self._answers.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        if not size:
            raise RuntimeError(_GONE)
        return size
