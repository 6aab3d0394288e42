"""What the compiler makes of infra/, kept in fixtures/infra: the template's outline, and a snapshot for each case.

Each file holds a digest of the sources that it was made from, so that a machine without the compiler can tell whether
it is still true. ``PYTHONPATH=tests python -m infra.snapshots`` makes all of them anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.azd_parameters import bicep_parameters, parameters_from_azd
from infra.cases import CASES
from infra.compiler import HOW_TO_GET_IT, Compiler, find_compiler, start_compiler

__all__ = ["FOLDER", "MAIN", "PARAMETERS", "digest", "main", "outline", "snapshot", "written"]

FOLDER = "fixtures/infra"
MAIN, PARAMETERS = "infra/main.bicep", "infra/main.parameters.json"
_ROOT = Path(__file__).resolve().parents[2]


def digest(files: Mapping[str, str]) -> str:
    """Answer the digest of what decides over a deployment: the Bicep files and the parameters file."""
    found = hashlib.sha256()
    for path in sorted(files):
        if path.endswith(".bicep") or path == PARAMETERS:
            text = files[path].replace("\r\n", "\n")
            found.update(f"{path}\n{len(text)}\n{text}".encode())
    return found.hexdigest()


def written(files: Mapping[str, str], folder: Path) -> Path:
    """Write the files of infra/ into a folder for the compiler, and answer the path of main.bicep there."""
    for path, text in files.items():
        if path.startswith("infra/") and path.endswith((".bicep", ".json")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    return folder / MAIN


def outline(compiler: Compiler, main: Path) -> dict[str, Any]:
    """Answer what the snapshots do not tell: parameters, outputs, and which module waits for which."""
    template = compiler.build(main)
    return {
        "parameters": template["parameters"],
        "outputs": {name: each["value"] for name, each in template["outputs"].items()},
        "modules": {
            name: {
                "after": sorted(each.get("dependsOn", [])),
                "makes": _types(each, existing=False),
                "uses": _types(each, existing=True),
            }
            for name, each in template["resources"].items()
        },
    }


def _types(resource: Mapping[str, Any], *, existing: bool) -> list[str]:
    if resource["type"] != "Microsoft.Resources/deployments":
        return [] if existing else [resource["type"]]
    inside = resource["properties"]["template"]["resources"]
    inside = inside.values() if isinstance(inside, dict) else inside  # a template without types of its own has a list
    return sorted({each["type"] for each in inside if each.get("existing", False) is existing})


def snapshot(
    compiler: Compiler,
    main: Path,
    parameter_file: str,
    declared: Mapping[str, Any],
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """Answer what ``azd provision`` would deploy with this environment.

    Args:
        compiler: The running compiler.
        main: main.bicep, in a folder that may be written to.
        parameter_file: The text of main.parameters.json.
        declared: The parameters of the template's outline.
        environment: The variables of the azd environment.

    Raises:
        RefusedDeploymentError: A value breaks its limits.
    """
    types = {name: each["type"] for name, each in declared.items()}
    values = parameters_from_azd(parameter_file, types, environment)
    given = main.parents[1] / "given.bicepparam"
    given.write_text(bicep_parameters(MAIN, values), encoding="utf-8")
    found = compiler.snapshot(given, environment["AZURE_LOCATION"])
    if found["diagnostics"]:
        raise ValueError(f"bicep snapshot says {found['diagnostics']}")
    resources = sorted(found["predictedResources"], key=lambda each: (each["type"], each["id"]))
    return {"resources": resources, "outputs": dict(sorted(found["outputs"].items()))}


def main() -> int:
    """Write the outline and every snapshot."""
    program = find_compiler()
    if program is None:
        print(f"There is no Bicep compiler here. {HOW_TO_GET_IT}", file=sys.stderr)
        return 1
    files = {path.relative_to(_ROOT).as_posix(): path.read_text("utf-8") for path in (_ROOT / "infra").rglob("*.bicep")}
    files[PARAMETERS] = (_ROOT / PARAMETERS).read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder, start_compiler(program) as compiler:
        source = written(files, Path(folder).resolve())
        made = {"digest": digest(files), "bicep": compiler.version()}
        told = outline(compiler, source)
        _write("template.json", {**made, **told})
        for case in CASES.values():
            found = snapshot(compiler, source, files[PARAMETERS], told["parameters"], case.environment)
            _write(f"snapshots/{case.name}.json", {**made, "environment": dict(case.environment), **found})
    return 0


def _write(name: str, document: Mapping[str, Any]) -> None:
    path = _ROOT / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
