"""Connections to pages: where a name leads, which certificates count, and how much may come.

Role: the transport under ``page_fetch``'s session: a requests adapter whose sockets obey the fetch's allowance.
Called by: ``page_fetch``.
Calls: urllib3 through requests, ``page_addresses``, ``page_allowance``.
Invariant: every byte of an answer passes ``PageSocket.recv_into``, which asks the allowance before and after.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import certifi
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from page_addresses import Resolver, look_up, require_public
from page_allowance import Allowance, current_allowance


class PageSocket(ssl.SSLSocket):
    """A TLS socket whose reads end with the fetch's time, and with the bytes that it may take."""

    allowance: Allowance
    read_seconds: float

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Read what came."""
        self.settimeout(self.allowance.timeout(self.read_seconds))
        size = super().recv_into(buffer, nbytes, flags)
        self.allowance.count(size)
        return size


class PageConnection(HTTPSConnection):
    """An HTTPS connection that resolves names as its adapter was told, within the running fetch's allowance."""

    resolve: Resolver | None = None
    public_only = False
    sock: PageSocket | None

    def _new_conn(self) -> socket.socket:
        allowance = current_allowance()
        seconds = float(self.timeout) if isinstance(self.timeout, int | float) else 60.0
        try:
            addresses = look_up(self.host, self.port or 443, resolve=self.resolve, seconds=allowance.timeout(seconds))
            if self.public_only:
                require_public(addresses)
            last: OSError = OSError(f"{self.host} has no address")
            for family, address in addresses:
                sock = socket.socket(family, socket.SOCK_STREAM)
                try:
                    sock.settimeout(allowance.timeout(seconds))
                    sock.connect(address)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    # The handshake that follows may take this long in all, however it drips.
                    sock.settimeout(allowance.timeout(seconds))
                    return sock
                except OSError as error:
                    sock.close()
                    last = error
                except BaseException:
                    sock.close()
                    raise
            raise last
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        """Begin a request under the running fetch's allowance; the socket may have served another one before."""
        if self.sock is None:
            self.connect()
        assert self.sock is not None  # connect makes it, or raises
        self.sock.allowance = current_allowance()
        super().putrequest(method, url, skip_host, skip_accept_encoding)


class PageAdapter(HTTPAdapter):
    """A requests adapter for https only, with one TLS context for all its connections."""

    def __init__(
        self,
        *,
        connections: int,
        read_seconds: float,
        public_only: bool,
        resolve: Resolver | None,
        ca_file: Path | None,
    ) -> None:
        # Made once: loading the certificates anew for every connection, as requests does, costs more than a handshake.
        self._context = ssl.create_default_context(cafile=str(ca_file or certifi.where()))
        self._context.sslsocket_class = type("TimedPageSocket", (PageSocket,), {"read_seconds": read_seconds})
        names = {"resolve": staticmethod(resolve) if resolve else None, "public_only": public_only}
        connection = type("ResolvedPageConnection", (PageConnection,), names)
        self._pool_class = type("PagePool", (HTTPSConnectionPool,), {"ConnectionCls": connection})
        super().__init__(pool_connections=8, pool_maxsize=connections)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: object) -> None:
        """Make the pool manager; called by the base class."""
        self.poolmanager = PoolManager(connections, maxsize=maxsize, block=block, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {"https": self._pool_class}

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Leave the certificates to the context: there is no way to turn the check off."""
