"""Keys, where the host is started with ``--keys``: made once, kept in a file, and asked for where Azure asks for them.

Invariant: which key opens what is as in Azure: the master key everything, the host key functions of level ``function``,
the system key webhooks and the management API; anonymous functions and the host's ping need none.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from durable_host.app.index import IndexedFunction
from durable_host.http.messages import Answer, Request

__all__ = ["COOKIE", "UNAUTHORIZED", "KeyFileError", "Keys", "key_file"]

UNAUTHORIZED: Final = Answer(status=401)
COOKIE: Final = "durable-host-key"
"""Where a browser keeps the key of the dashboard, whose links carry none."""

_ANONYMOUS: Final = "anonymous"
_ADMIN: Final = "admin"
_PING: Final = "/admin/host/ping"


class KeyFileError(Exception):
    """The file of the keys cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of one app. ``rpc`` is a part of the path of the SDK's own calls, which carry no key."""

    master: str = field(default_factory=lambda: secrets.token_urlsafe(40))
    host: str = field(default_factory=lambda: secrets.token_urlsafe(40))
    system: str = field(default_factory=lambda: secrets.token_urlsafe(40))
    rpc: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def kept_in(cls, file: Path) -> Keys:
        """The keys in a file, which is made where there is none, for this user alone.

        Raises:
            KeyFileError: It holds something else, or cannot be written.
        """
        try:
            if file.exists():
                return cls(**_texts(json.loads(file.read_text(encoding="utf-8"))))
            keys = cls()
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
                json.dump(asdict(keys), opened)
        except (OSError, TypeError, ValueError) as error:
            raise KeyFileError(
                f"The keys in '{file}' cannot be used ({error}): remove the file, and start again."
            ) from error
        return keys

    def code_for(self, function: IndexedFunction) -> str | None:
        """The key that a function's URL is printed with; None where none is asked for."""
        level = _level(function)
        return None if level == _ANONYMOUS else self.master if level == _ADMIN else self.host

    def open_function(self, function: IndexedFunction, request: Request) -> bool:
        """Whether a request may call an HTTP function."""
        level = _level(function)
        return level == _ANONYMOUS or self._has(request, [self.master] if level == _ADMIN else [self.host, self.master])

    def open_place(self, request: Request, *, is_site: bool) -> bool:
        """Whether a request may reach a place of the host's own; every other place is open, or is a function's.

        The dashboard is opened by the master key, or by the cookie that a browser was given for it; the admin API by
        the master key, its ping by anybody; webhooks, and the management API among them, by the system key too.
        """
        path = request.decoded_path.lower()
        if is_site:
            return self._has(request, [self.master]) or _is_one_of(_cookie(request), [self._cookie_value])
        if path.startswith("/runtime/"):
            return self._has(request, [self.system, self.master])
        return not path.startswith("/admin/") or path.rstrip("/") == _PING or self._has(request, [self.master])

    def with_cookie(self, request: Request, answer: Answer, path: str) -> Answer:
        """The dashboard's answer, with the cookie where the key came with the request."""
        if not self._has(request, [self.master]):
            return answer
        cookie = f"{COOKIE}={self._cookie_value}; Path={path}; HttpOnly; SameSite=Strict"
        headers = (*answer.headers, ("Set-Cookie", cookie))
        return Answer(status=answer.status, headers=headers, body=answer.body, is_chunked=answer.is_chunked)

    @property
    def _cookie_value(self) -> str:
        return hashlib.sha256(self.master.encode()).hexdigest()

    def _has(self, request: Request, keys: Sequence[str]) -> bool:
        code = next((value for name, value in parse_qsl(request.query_text) if name.lower() == "code"), "")
        return _is_one_of(request.headers.get("x-functions-key", ""), keys) or _is_one_of(code, keys)


def key_file(folder: Path, script_root: Path) -> Path:
    """Where the keys of the app in ``script_root`` are kept, among those of others."""
    return folder / f"{hashlib.sha256(str(script_root).encode()).hexdigest()[:16]}.json"


def _level(function: IndexedFunction) -> str:
    return str(function.trigger.raw.get("authLevel") or "function").lower()


def _is_one_of(given: str, keys: Sequence[str]) -> bool:
    return any(hmac.compare_digest(given.encode(), key.encode()) for key in keys)


def _cookie(request: Request) -> str:
    try:
        morsel = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


def _texts(data: object) -> dict[str, str]:
    if not isinstance(data, dict) or not all(isinstance(value, str) and value for value in data.values()):
        raise ValueError("not an object of texts")
    return data
