"""After `azd up`: say where the app is, how to get its key, and how to call it.

azd alone prints the bare address. The key is fetched by the command that is printed, never here, so it ends up in no
log.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

HOST_JSON = Path(__file__).resolve().parents[2] / "src" / "host.json"
ROUTE = "FetchOrchestration_HttpStart"
NEEDED = ("SERVICE_API_URI", "AZURE_FUNCTION_NAME", "AZURE_RESOURCE_GROUP")


def told(environment: Mapping[str, str]) -> str:
    """Answer what to tell, from the outputs that azd keeps in its environment."""
    prefix = (
        json.loads(HOST_JSON.read_text(encoding="utf-8"))
        .get("extensions", {})
        .get("http", {})
        .get("routePrefix", "api")
    )
    url = "/".join(part for part in (environment["SERVICE_API_URI"], prefix, ROUTE) if part)
    group, name = environment["AZURE_RESOURCE_GROUP"], environment["AZURE_FUNCTION_NAME"]
    return f"""
The app is up. Start an orchestration with its URL and its key:

  {url}

Linux, macOS:
  KEY=$(az functionapp keys list --resource-group "{group}" --name "{name}" --query functionKeys.default --output tsv)
  curl --request POST --header "x-functions-key: $KEY" "{url}"

PowerShell:
  $KEY = az functionapp keys list --resource-group "{group}" --name "{name}" --query functionKeys.default --output tsv
  curl.exe --request POST --header "x-functions-key: $KEY" "{url}"

The answer holds statusQueryGetUri: open it to see the titles. It has a key of its own, so treat it as a secret.
"""


def main() -> int:
    """Print it, or say what is missing."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        print(f"No {', '.join(missing)} in the environment. Run `azd provision` first, then `azd up`.", file=sys.stderr)
        return 1
    print(told(os.environ))
    return 0


if __name__ == "__main__":
    sys.exit(main())
