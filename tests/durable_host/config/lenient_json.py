"""JSON as the Functions host reads its own files: with comments, and with a comma after the last entry.

Invariant: what is plain JSON is read by the standard library; its errors are the ones that are raised.
"""

from __future__ import annotations

import json
from typing import Any

import json5

__all__ = ["load_lenient"]


def load_lenient(text: str) -> Any:
    """The value of a file's text.

    Raises:
        json.JSONDecodeError: The text is no JSON, even where comments and last commas are let pass.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        try:
            return json5.loads(text)
        except ValueError:
            raise error from None
