"""A module beside the function's own."""


def greet(name: object) -> str:
    return f"Hello {name!r} {type(name).__name__}"
