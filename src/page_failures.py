"""What can go wrong with a fetch, named.

Role: the HTTP client's exceptions to outcomes with stable codes, each with one sentence.
Called by: ``page_fetch``.
Calls: nothing.
Invariant: no text of the libraries is passed on, since it holds addresses and object ids; every failure has a name.

Codes: those of ``url_policy`` and of ``page_title`` (no_title, too_complex); http_<status>, not_html, bad_encoding,
too_large, bad_headers, not_http, timeout, host_busy, too_many_redirects, bad_redirect, address_not_public,
name_not_found, tls_error, connection_failed, connection_broken, fetch_failed.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http import HTTPStatus
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

from requests import exceptions
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError
from urllib3.exceptions import IncompleteRead as BodyIncomplete

from page_allowance import Allowance
from title_outcome import NoTitle


class FetchError(Exception):
    """Ends an attempt with an outcome; never leaves ``page_fetch``."""

    def __init__(self, code: str, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.outcome = NoTitle(code=code, reason=reason)
        self.retry_after = retry_after


def status_failure(status: int, retry_after: float | None) -> FetchError:
    """Name an answer that is no page."""
    try:
        text = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        text = str(status)
    asks = f" and asks to wait {retry_after:.0f} seconds" if retry_after else ""
    return FetchError(f"http_{status}", f"the site answered {text}{asks}", retry_after=retry_after)


def failure_of(error: exceptions.RequestException, allowance: Allowance, *, is_body: bool = False) -> FetchError:
    """Name what the HTTP client raised; ``is_body`` tells that the headers had come."""
    causes = list(_causes(error))
    if allowance.is_over or any(isinstance(cause, exceptions.Timeout | ReadTimeoutError) for cause in causes):
        return FetchError("timeout", "the page did not come in time")
    if allowance.is_too_much:
        if is_body:
            return FetchError("too_large", "the page sends more bytes than it may")
        return FetchError("bad_headers", "the site's headers are too long")
    if isinstance(error, exceptions.SSLError):
        return FetchError("tls_error", "no secure connection to the site could be made")
    if isinstance(error, exceptions.ContentDecodingError):
        return FetchError("bad_encoding", "the page's compression is broken")
    if isinstance(error, exceptions.InvalidURL | exceptions.MissingSchema | exceptions.InvalidSchema):
        return FetchError("bad_url", "the URL cannot be requested")
    if isinstance(error, exceptions.ChunkedEncodingError) or is_body:
        return FetchError("connection_broken", "the connection broke before the page was complete")
    return _connection_failure(error, causes)


def _connection_failure(error: exceptions.RequestException, causes: list[BaseException]) -> FetchError:
    for cause in causes:
        if isinstance(cause, NameResolutionError):
            if any(isinstance(other, socket.gaierror) and other.errno == socket.EAI_AGAIN for other in causes):
                break  # The resolver itself could not be asked; that passes.
            return FetchError("name_not_found", "the site's name could not be resolved")
        if isinstance(cause, RemoteDisconnected | IncompleteRead | BodyIncomplete):
            break
        if isinstance(cause, BadStatusLine):
            return FetchError("not_http", "the site's answer is not HTTP")
        if isinstance(cause, HTTPException):
            return FetchError("bad_headers", "the site's headers are too many, too long or broken")
    if isinstance(error, exceptions.ConnectionError):
        return FetchError("connection_failed", "the connection to the site failed")
    return FetchError("fetch_failed", f"the page could not be fetched ({type(error).__name__})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those in it: the libraries put them into arguments, ``reason`` and ``__cause__``."""
    left: list[object] = [error]
    seen: set[int] = set()
    while left:
        cause = left.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        left += [*cause.args, getattr(cause, "reason", None), cause.__cause__]
        if isinstance(cause, HTTPError):
            left.append(cause.__context__)
