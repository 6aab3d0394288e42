"""A request's path: decoded once, an escaped slash kept, dot segments taken as a file system takes them."""

from __future__ import annotations

import pytest

from durable_host.http.messages import Request


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("/a/b", "/a/b"),
        ("/a/%C3%A9%20b", "/a/\u00e9 b"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%252Fb", "/a%2Fb"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/%2E%2E/b", "/b"),
        ("/../../a", "/a"),
        ("/a/.", "/a/"),
        ("/a/b/..", "/a/"),
        ("/a/.b/..c", "/a/.b/..c"),
        ("//a", "//a"),
    ],
)
def test_a_path_is_decoded_as_the_real_host_decodes_it(path: str, decoded: str) -> None:
    assert Request(method="GET", origin="http://x", path=path).decoded_path == decoded
