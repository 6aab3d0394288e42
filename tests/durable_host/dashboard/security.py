"""What keeps the pages to the person before them: who may ask, the token of the page, and the headers of every answer.

The one place where the dashboard asks whether a request is allowed.
Invariant: a foreign page can neither read a page of ours, nor frame it, nor act through it.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from durable_host.http.messages import Answer, Request

__all__ = ["PageToken", "html_answer", "is_foreign", "text_answer"]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_CONTENT_SECURITY_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS: Final = (
    ("Content-Security-Policy", _CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    # Not no-referrer: browsers would then send "Origin: null" with our own forms.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


def is_foreign(request: Request) -> bool:
    """Whether a request reached us under a name that is not ours, or was made by a page of another site.

    A name that a foreign site has pointed at this machine would let its pages read ours.
    """
    host = urlsplit(request.origin).hostname or ""
    if host not in _LOOPBACK and not host.endswith(".localhost"):
        return True
    origin = request.headers.get("origin")
    return request.method == "POST" and origin is not None and origin != request.origin


class PageToken:
    """A secret of this process that every form of ours carries; another site cannot read it from our pages."""

    def __init__(self) -> None:
        self.text = secrets.token_urlsafe(24)

    def is_in(self, sent: str) -> bool:
        """Whether a form came from a page of ours."""
        return hmac.compare_digest(sent.encode("utf-8", "replace"), self.text.encode())


def html_answer(status: int, html: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A page. Nothing keeps it: it shows what is so now."""
    kind = ("Content-Type", "text/html; charset=utf-8")
    return Answer(
        status=status, headers=(kind, ("Cache-Control", "no-store"), *_HEADERS, *headers), body=_encoded(html)
    )


def text_answer(text: str, kind: str = "text/plain", *, cache: str = "no-store") -> Answer:
    """A text, a script or a style sheet."""
    headers = (("Content-Type", f"{kind}; charset=utf-8"), ("Cache-Control", cache), *_HEADERS)
    return Answer(status=200, headers=headers, body=_encoded(text))


def _encoded(text: str) -> bytes:
    """As UTF-8; half a surrogate pair, which an app's JSON may hold, becomes a question mark."""
    return text.encode("utf-8", "replace")
