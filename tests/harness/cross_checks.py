"""How many cases the checks against brute force draw: some in each run of the tests, very many where asked for.

``HYPOTHESIS_PROFILE=thorough`` asks for them, as `tox run -e thorough` does.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["FACTOR"]

FACTOR: Final = 40 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1
"""By how much more cases are drawn than in each run of the tests."""
