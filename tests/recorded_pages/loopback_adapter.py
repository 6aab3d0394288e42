"""An adapter for a session of requests that leads the names of hosts to servers on this machine.

The URL keeps its name and port 443, and TLS still checks the certificate against that name. A name that leads nowhere
is an error, and never looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import Retry

__all__ = ["LoopbackAdapter"]


class LoopbackAdapter(HTTPAdapter):
    """Mount it on a session for ``https://``.

    Args:
        addresses: The address and port of each host's server.
        ca_file: The authority whose certificates count; None means the public ones.
        max_retries: As in any other adapter.
    """

    def __init__(
        self, addresses: Mapping[str, tuple[str, int]], *, ca_file: Path | None = None, max_retries: Retry | int = 0
    ) -> None:
        self.addresses = dict(addresses)
        self._verify = True if ca_file is None else str(ca_file)
        super().__init__(pool_maxsize=32, max_retries=max_retries)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send a request, with the authority of the local servers."""
        kwargs["verify"] = self._verify
        return super().send(request, *args, **kwargs)

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        """Say where to connect, and whose certificate to expect there."""
        where, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        host = urlsplit(request.url or "").hostname or ""
        if host not in self.addresses:
            raise LookupError(f"No local server stands for {host!r}; there are {sorted(self.addresses)}.")
        where["host"], where["port"] = self.addresses[host]
        return where, {**tls, "server_hostname": host, "assert_hostname": host}
