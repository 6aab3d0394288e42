"""An activity of the v1 model, with a script and an entry point of other names."""

from typing import Any

from . import words  # the worker makes a package of each folder, and users rely on it


def say(name: Any) -> str:
    return words.greet(name)
