"""The README's curl commands on a machine without curl: the few options that they use, through urllib.

An option that is not known here is an error, so that a new one in the README cannot pass unseen.
"""

from __future__ import annotations

import argparse
import sys
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["main"]

FAILED = 22
"""curl's exit code for an answer of 400 and above under --fail-with-body."""


def main(arguments: list[str] | None = None) -> int:
    """Send one request and print the answer; return curl's exit code."""
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-i", "--include", action="store_true")
    parser.add_argument("-X", "--request")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-d", "--data")
    parser.add_argument("--max-time", type=float, default=30)
    for flag in ("--fail-with-body", "-s", "--silent", "-S", "--show-error"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args(arguments)
    body = None if options.data is None else options.data.encode()
    method = options.request or ("GET" if body is None else "POST")
    headers = {name.strip(): value.strip() for name, _, value in (header.partition(":") for header in options.header)}
    request = Request(options.url, data=body, headers=headers, method=method)
    try:
        answer = build_opener(ProxyHandler({})).open(request, timeout=options.max_time)
    except HTTPError as error:
        answer = error
    with answer:
        if options.include:
            print(f"HTTP/1.1 {answer.status} {answer.reason}\n{answer.headers}", end="")
        print(answer.read().decode(), end="")
        return FAILED if answer.status >= 400 else 0


if __name__ == "__main__":
    sys.exit(main())
