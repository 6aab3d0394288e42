"""One compiler for all tests that ask it: those stay together in one worker, so that it starts once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.compiler import Compiler, find_compiler, start_compiler


@pytest.fixture(scope="session")
def compiler() -> Iterator[Compiler]:
    """The running compiler."""
    program = find_compiler()
    assert program is not None, "mark the test with pytest.mark.bicep: it asks the compiler"
    with start_compiler(program) as running:
        yield running
