"""A process that serves one large page under many paths, so that clients are measured without their server.

Every path but ``/plain`` sends the page compressed, as Learn does; both keep their connections. It ends with its input.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from http.server import BaseHTTPRequestHandler

from recorded_pages.local_site import LocalSite

HOST = "learn.microsoft.com"
TITLE = "Durable Functions Overview: Stateful & Serverless Workflows"
_PAGE_BYTES = 150_000


def learn_like_page() -> bytes:
    """Return a page of 150 KB in the structure that Learn serves: title first, many metas, long text."""
    choice = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    # As many different words as an article has, so that the page shrinks as articles do.
    words = ["".join(choice.choices(letters, k=choice.randint(2, 9))) for _ in range(600)]
    head = (
        ' <!DOCTYPE html>\n<html\n\tclass="layout layout-holy-grail show-table-of-contents"\n\tlang="en-us"\n>\n'
        f'<head>\n\t<title>{TITLE.replace("&", "&amp;")} | Microsoft Learn</title>\n\t<meta charset="utf-8" />\n'
        + "".join(f'\t<meta name="ms.name{number}" content="value {number}" />\n' for number in range(50))
        + '\t<script>var msDocs = { data: { title: "<title>not this one</title>" } };</script>\n</head>\n<body>\n'
    )
    parts, size = [head], len(head)
    while size < _PAGE_BYTES - 20:
        text = " ".join(choice.choices(words, k=20))
        parts.append(f'<p class="x">{text} <a href="/en-us/{text[:8]}?a=1&amp;b=2">{text[-8:]}</a> &#39;q&#39;</p>\n')
        size += len(parts[-1])
    return "".join([*parts, "</body>\n</html>\n"]).encode()


def main() -> None:
    """Serve until the input ends; print where."""
    plain = learn_like_page()
    compressed = gzip.compress(plain, mtime=0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = plain if self.path.startswith("/plain") else compressed
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            if body is compressed:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with LocalSite(HOST, Handler, "localhost") as site:
        print(json.dumps({"address": site.address, "ca_file": str(site.ca_file)}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
