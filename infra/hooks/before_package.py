"""Before azd packs the app: put the settings of the chosen backend into src/host.json. after_package.py takes them out.

azd runs it as the service's prepackage hook; `azd up` packs long before its predeploy hook, which would be too late.
"""

from __future__ import annotations

import os
import sys

from azd_environment import ROOT, StopDeployment
from host_file import put


def main() -> int:
    """Answer 0 when azd may pack."""
    try:
        put(ROOT, os.environ)
    except StopDeployment as stop:
        print(f"\nNot packed.\n{stop}\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
