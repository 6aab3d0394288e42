"""Who may call the host from a browser: names that lead to it, and web pages whose scripts may use it.

Invariant: management, admin and webhook routes are reached only under a name of this machine, or one that the command
line allows, and never by a page of another origin: a page can make any name lead to loopback (DNS rebinding), and can
send a POST to anywhere.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Final

from durable_host.http.messages import Answer, Request, text_answer

__all__ = ["Origins"]

_ANY: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """What the command line widens.

    Args:
        hosts: More names under which the host may be reached, such as a container's.
        cors: Origins whose pages may call the host, such as ``http://localhost:3000``; ``*`` is any.
        credentials: Whether those pages may send cookies and the like; not where any page may call.
    """

    hosts: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    credentials: bool = False

    def refusal(self, request: Request) -> Answer | None:
        """The answer to a request for a guarded route that a foreign page may have sent; None if it is let in."""
        name = _name_of(request.origin.partition("://")[2])
        if not self._is_own(name):
            return text_answer(
                403,
                f"This host is not reached as '{name}', so that a web page cannot use it under a name of its own. "
                f"If that is a name of yours, start the host with --allow-host {name}.",
            )
        origin = request.headers.get("origin")
        if origin is None or origin == request.origin or self._is_allowed(origin):
            return None
        return text_answer(
            403,
            f"Pages of '{origin}' may not use this host. If that is a page of yours, start the host with --cors "
            f"{origin}.",
        )

    def preflight(self, request: Request) -> Answer | None:
        """The answer to a browser that asks whether a page may send a request; None to all other requests."""
        if request.method != "OPTIONS" or "access-control-request-method" not in request.headers:
            return None
        headers = self.headers_for(request)
        if not headers:
            return None
        wanted = request.headers.get("access-control-request-headers", "")
        more = (
            ("Access-Control-Allow-Methods", request.headers["access-control-request-method"]),
            *((("Access-Control-Allow-Headers", wanted),) if wanted else ()),
        )
        return Answer(status=204, headers=(*headers, *more))

    def answer_for(self, request: Request, answer: Answer) -> Answer:
        """The answer with these headers, in place of those that a function has set: browsers refuse two of a kind."""
        own = self.headers_for(request)
        if not own:
            return answer
        replaced = {name.lower() for name, _ in own} - {"vary"}
        kept = (pair for pair in answer.headers if pair[0].lower() not in replaced)
        return replace(answer, headers=(*kept, *own))

    def headers_for(self, request: Request) -> tuple[tuple[str, str], ...]:
        """The headers that let a page of an allowed origin read the answer."""
        origin = request.headers.get("origin")
        if origin is None or not self._is_allowed(origin):
            return ()
        if _ANY in self.cors:
            return (("Access-Control-Allow-Origin", _ANY),)
        allowed = (("Access-Control-Allow-Origin", origin), ("Vary", "Origin"))
        return (*allowed, ("Access-Control-Allow-Credentials", "true")) if self.credentials else allowed

    def _is_allowed(self, origin: str) -> bool:
        return _ANY in self.cors or origin.lower().rstrip("/") in (one.lower().rstrip("/") for one in self.cors)

    def _is_own(self, name: str) -> bool:
        if name == "localhost" or name.endswith(".localhost") or name in (one.lower() for one in self.hosts):
            return True
        try:
            # No name service stands between a number and this host.
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _name_of(host: str) -> str:
    """The name in a Host header, without its port and the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")
