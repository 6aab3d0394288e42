"""Route templates of ASP.NET: what matches, what a parameter gets, and which route wins."""

from __future__ import annotations

import pytest

from durable_host.http.messages import Request
from durable_host.http.routing import RouteTable, TemplateError


def _values(template: str, path: str) -> dict[str, str] | None:
    table: RouteTable[str] = RouteTable()
    table.add(template, None, "target")
    match = table.match("GET", path)
    return None if match is None else dict(match.values)


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/ping", "/api/ping", {}),
        ("api/ping", "/API/Ping", {}),
        ("api/ping", "/api/ping/", {}),
        ("api/ping", "/api//ping", None),
        ("api/ping", "/api/ping//", None),
        ("api/ping", "/api/pin", None),
        ("api/ping", "/api/ping/more", None),
        ("api/a.b", "/api/axb", None),
        ("", "/", {}),
        ("api/{a}/{b?}", "/api/one", {"a": "one"}),
        ("api/{a}/{b?}", "/api/one/two", {"a": "one", "b": "two"}),
        ("api/{a}/{b?}", "/api", None),
        ("api/{a}", "/api/on%2Fe", {"a": "on%2Fe"}),
        ("api/{a=one}", "/api", {"a": "one"}),
        ("api/{a=one}", "/api/two", {"a": "two"}),
        ("api/{*rest}", "/api/a/b c/d.txt", {"rest": "a/b c/d.txt"}),
        ("api/{**rest}", "/api/a/b", {"rest": "a/b"}),
        ("api/{*rest}", "/api", {}),
        ("api/{*rest}", "/apix", None),
        ("api/{name}.{kind}", "/api/a.b.txt", {"name": "a", "kind": "b.txt"}),
        ("api/v{major:int}", "/api/v12", {"major": "12"}),
        ("api/v{major:int}", "/api/vx", None),
        ("api/{from}-{to}", "/api/a-b", {"from": "a", "to": "b"}),
    ],
)
def test_a_template_matches_as_in_the_functions_host(template: str, path: str, values: dict[str, str] | None) -> None:
    assert _values(template, path) == values


@pytest.mark.parametrize(
    ("constraint", "taken", "refused"),
    [
        ("int", ["0", "-7", "2147483647"], ["x", "1.5", "2147483648", "9" * 5_000]),
        ("long", ["2147483648"], ["9223372036854775808"]),
        ("bool", ["true", "False"], ["yes"]),
        ("alpha", ["abcZ"], ["a1", "é"]),
        ("guid", ["0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5bd9cb469fa16570867728950e"], ["0f8fad5b"]),
        ("decimal", ["1.5", "-3"], ["1e5", "x"]),
        ("double", ["1e5", ".5"], ["x"]),
        ("datetime", ["2026-01-31"], ["2026-02-31"]),
        ("length(3)", ["abc"], ["ab", "abcd"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("minlength(2)", ["ab"], ["a"]),
        ("maxlength(2)", ["ab"], ["abc"]),
        ("min(5)", ["5"], ["4", "x"]),
        ("max(5)", ["5"], ["6"]),
        ("range(2,3)", ["2", "3"], ["1", "4"]),
        (r"regex(^a{{2}}$)", ["aa", "AA"], ["aaa"]),
        ("int:min(1)", ["1"], ["0", "x"]),
    ],
)
def test_a_constraint_takes_and_refuses_values(constraint: str, taken: list[str], refused: list[str]) -> None:
    template = f"api/{{x:{constraint}}}"

    assert [value for value in taken if _values(template, f"/api/{value}") is None] == []
    assert [value for value in refused if _values(template, f"/api/{value}") is not None] == []


def test_a_constrained_optional_parameter_may_be_absent() -> None:
    assert _values("api/{x:int?}", "/api") == {}
    assert _values("api/{x:int?}", "/api/x") is None


def test_the_most_precise_template_wins_in_whatever_order_they_were_added() -> None:
    table: RouteTable[str] = RouteTable()
    for template in ("api/{*rest}", "api/{x}", "api/{x:int}", "api/fixed", "api/{x}/{y}"):
        table.add(template, None, template)

    found = {
        path: match.target
        for path in ("fixed", "7", "word", "a/b", "a/b/c")
        if (match := table.match("GET", f"/api/{path}"))
    }

    assert found == {
        "fixed": "api/fixed",
        "7": "api/{x:int}",
        "word": "api/{x}",
        "a/b": "api/{x}/{y}",
        "a/b/c": "api/{*rest}",
    }


def test_a_route_whose_methods_do_not_fit_is_passed_over_for_the_next() -> None:
    table: RouteTable[str] = RouteTable()
    table.add("api/x", ["GET"], "read")
    table.add("api/x", ["post"], "write")
    table.add("api/{*rest}", ["PUT"], "other")

    targets = [
        match.target if (match := table.match(method, "/api/x")) else None for method in ("GET", "POST", "PUT", "HEAD")
    ]

    assert targets == ["read", "write", "other", None]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("api/{x", "unmatched brace"),
        ("api/{x}/{X}", "two parameters of one name"),
        ("api//x", "empty segment"),
        ("api/{*rest}/x", "can only be the last segment"),
        ("api/{x:whatever}", "there is no constraint 'whatever'"),
        ("api/{x:min(a)}", "there is no constraint"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused(template: str, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        RouteTable[str]().add(template, None, "target")


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [
        ("/api/a%20b", "/api/a b"),
        ("/api/%C3%A9", "/api/é"),
        ("/api/on%2Fe", "/api/on%2Fe"),
        ("/api/on%2fe%20x", "/api/on%2fe x"),
        ("/api/a+b", "/api/a+b"),
        ("/api/%252F", "/api/%2F"),
    ],
)
def test_a_path_is_decoded_once_and_an_escaped_slash_is_left(sent: str, decoded: str) -> None:
    assert Request(method="GET", origin="http://localhost", path=sent).decoded_path == decoded
