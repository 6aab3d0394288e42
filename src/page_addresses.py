"""From a host's name to the addresses that may be called.

Role: resolve a name within the time of a fetch, and refuse addresses that are not public where any host is allowed.
Called by: ``page_connection``, for each connection that it opens.
Calls: the operating system's resolver; Microsoft's AntiSSRF library for what is not public. The library's own adapter
is not used: it puts the address in the place of the host into the URL, so no cassette would know the request.
Invariant: what was checked is what is connected to: an address is resolved once, and no name is handed on.
"""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue

Resolver = Callable[[str, int], tuple[str, int]]
"""Where to connect for a host and port. TLS still checks the certificate against the host."""

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]

# What the library does not list: IPv4 addresses in their oldest IPv6 form, like ::127.0.0.1.
_ALSO_NOT_PUBLIC = ("::/96",)
_MOST_LOOKUPS = 64


class NotPublicError(Exception):
    """A host leads to an address that is not public."""


_lookups = threading.BoundedSemaphore(_MOST_LOOKUPS)


def look_up(host: str, port: int, *, resolve: Resolver | None, seconds: float) -> Sequence[Address]:
    """Return a host's addresses. The lookup itself cannot be stopped, so it is left behind when the time is up."""
    if not _lookups.acquire(timeout=seconds):
        raise TimeoutError(f"No name could be resolved within {seconds:.1f} s; too many lookups hang.")
    answer: SimpleQueue[Sequence[Address] | BaseException] = SimpleQueue()

    def ask() -> None:
        try:
            name, number = resolve(host, port) if resolve else (host, port)
            found = socket.getaddrinfo(name, number, type=socket.SOCK_STREAM)
            answer.put([(family, address) for family, _, _, _, address in found])  # type: ignore[misc]  # both are IP
        except BaseException as error:  # raised again where somebody waits for it
            answer.put(error)
        finally:
            _lookups.release()

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    try:
        found = answer.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"The name {host} could not be resolved within {seconds:.1f} s.") from None
    if isinstance(found, BaseException):
        raise found
    return found


def require_public(addresses: Sequence[Address]) -> None:
    """Raise unless all addresses are public: a name that mixes both kinds is up to something."""
    for _, address in addresses:
        if not is_public(address[0]):
            raise NotPublicError


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return not any(ip in network for network in _not_public() if network.version == ip.version)


@functools.cache
def _not_public() -> tuple[IPv4Network | IPv6Network, ...]:
    # Imported here: only an app that allows any host needs it.
    from AntiSSRF import IPAddressRanges  # type: ignore[import-untyped]  # the library carries no types

    return tuple(ip_network(text) for text in (*IPAddressRanges.recommended_latest, *_ALSO_NOT_PUBLIC))
