"""After azd has packed the app: put src/host.json back as it was before before_package.py."""

from __future__ import annotations

import sys

from azd_environment import ROOT, StopDeployment
from host_file import restore


def main() -> int:
    """Answer 0 when src/host.json is as it was."""
    try:
        restore(ROOT)
    except StopDeployment as stop:
        print(f"\n{stop}\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
