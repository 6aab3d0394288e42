"""The template as the checks see it: the text of its files, and what it deploys in every setting of its switches.

Role: one value that a test can read from disk, or change in memory to plant a mistake.
Called by: every check and every test of this suite.
Calls: ``bicep_deployment`` for what is deployed, ``azd_parameters`` for what azd would hand to it.
Invariant: a check sees nothing but a ``Template``, so that a planted mistake is checked exactly as the real files are.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from infra.azd_parameters import parameters_from_azd
from infra.bicep_deployment import deploy
from infra.bicep_syntax import BicepSyntaxError
from infra.bicep_values import BicepError
from infra.deployed import Deployment

__all__ = ["MAIN", "PARAMETERS", "ROOT", "Setting", "Template"]

ROOT = Path(__file__).resolve().parents[2]
MAIN = "infra/main.bicep"
PARAMETERS = "infra/main.parameters.json"
_READ = (
    "infra/**/*",
    "src/*",
    "fixtures/infra/*.json",
    ".github/**/*",
    ".devcontainer/*",
    ".vscode/*",
    "*",
)
_READER = "99999999-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of every switch, as the environment that azd has."""

    environment: Mapping[str, str]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.environment.items() if not name.startswith("AZURE_"))

    def is_on(self, name: str) -> bool:
        """Answer whether a switch is on; every setting names every switch."""
        return self.environment[name] == "true"

    @property
    def reader(self) -> str | None:
        """Answer the kind of principal that may read the task hub, or None."""
        return self.environment.get("HUB_READER_PRINCIPAL_TYPE")

    @property
    def storage_services(self) -> set[str]:
        """Answer the storage services that the app uses."""
        return {"blob", "table"} if self.is_on("DURABLE_TASK_SCHEDULER_ENABLED") else {"blob", "queue", "table"}


def _settings() -> Iterator[Setting]:
    switches = ("VNET_ENABLED", "DURABLE_TASK_SCHEDULER_ENABLED", "DIAGNOSTICS_ENABLED")
    readers: tuple[dict[str, str], ...] = (
        {},
        {"HUB_READER_PRINCIPAL_ID": _READER, "HUB_READER_PRINCIPAL_TYPE": "User"},
        {
            "HUB_READER_PRINCIPAL_ID": _READER,
            "HUB_READER_PRINCIPAL_TYPE": "ServicePrincipal",
            "DURABLE_ALWAYS_READY": "1",
        },
    )
    named = {"AZURE_ENV_NAME": "titles", "AZURE_LOCATION": "westeurope"}
    for values in itertools.product(("true", "false"), repeat=len(switches)):
        for reader in readers:
            yield Setting(environment={**named, **dict(zip(switches, values, strict=True)), **reader})


@dataclass(frozen=True, kw_only=True)
class Template:
    """The files of the template by path; a file that is not text is there with no text."""

    files: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, root: Path = ROOT) -> Template:
        """Read the files that the checks look at."""
        paths = sorted({path for pattern in _READ for path in root.glob(pattern) if _is_ours(path)})
        return cls(files={path.relative_to(root).as_posix(): _text(path) for path in paths})

    def changed(self, path: str, old: str, new: str) -> Template:
        """Answer the template with the one place that reads ``old`` reading ``new``."""
        found = self.files[path].count(old)
        if found != 1:
            raise ValueError(f"{path} has {old!r} {found} times, not once: the planted mistake has lost its place")
        return self.with_file(path, self.files[path].replace(old, new))

    def with_file(self, path: str, text: str) -> Template:
        """Answer the template with a file added or written anew."""
        return dataclasses.replace(self, files={**self.files, path: text})

    def without_file(self, path: str) -> Template:
        """Answer the template with a file missing."""
        return dataclasses.replace(self, files={each: text for each, text in self.files.items() if each != path})

    @property
    def bicep(self) -> Mapping[str, str]:
        """Answer the Bicep files."""
        return {path: text for path, text in self.files.items() if path.endswith(".bicep")}

    def deploy(self, environment: Mapping[str, str]) -> Deployment:
        """Answer what ``azd provision`` would deploy with this environment."""
        parameters = parameters_from_azd(self.files[PARAMETERS], self.files[MAIN], environment)
        return deploy(self.bicep, MAIN, parameters)

    @cached_property
    def outcomes(self) -> list[tuple[Setting, Deployment | Exception]]:
        """Answer, for every setting of the switches, the deployment or why there is none."""
        return [(setting, self._outcome(setting)) for setting in _settings()]

    @property
    def deployments(self) -> Iterator[tuple[Setting, Deployment]]:
        """Answer the settings that deploy; the evaluation check tells of the others."""
        for setting, outcome in self.outcomes:
            if isinstance(outcome, Deployment):
                yield setting, outcome

    def _outcome(self, setting: Setting) -> Deployment | Exception:
        try:
            return self.deploy(setting.environment)
        except (BicepError, BicepSyntaxError, KeyError, ValueError) as wrong:
            return wrong


def _is_ours(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
