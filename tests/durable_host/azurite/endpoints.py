"""Azurite's three services: their ports, their connection string, and who really answers on a port.

Invariant: a service counts as Azurite only if its answer says so.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Literal

__all__ = ["ACCOUNT", "DEFAULT_PORTS", "LOOPBACK", "Answer", "Ports", "ask", "free_port"]

LOOPBACK = "127.0.0.1"
ACCOUNT = "devstoreaccount1"
# Not a secret: the same published key is built into every storage emulator and client library.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
# Newer than any Azurite knows, as the versions that current clients send are.
NEW_API_VERSION = "2026-10-06"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the three services listen; 0 lets the operating system choose."""

    blob: int
    queue: int
    table: int

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter((("blob", self.blob), ("queue", self.queue), ("table", self.table)))

    @property
    def connection_string(self) -> str:
        """The string that every storage client takes; never the shorthand, which some of them do not know."""
        endpoints = ";".join(
            f"{service.capitalize()}Endpoint=http://{LOOPBACK}:{port}/{ACCOUNT}" for service, port in self
        )
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{endpoints};"


DEFAULT_PORTS = Ports(blob=10000, queue=10001, table=10002)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Who answered on a port: ``azurite`` with its version, ``other``, or nobody (``silent``)."""

    kind: Literal["azurite", "other", "silent"]
    detail: str = ""
    refuses_new_clients: bool = False


def ask(service: str, port: int, *, timeout: float = 3.0) -> Answer:
    """Ask the port who it is."""
    connection = HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", f"/{ACCOUNT}?comp=list", headers={"x-ms-version": NEW_API_VERSION})
        response = connection.getresponse()
        server = response.getheader("Server") or ""
        refused = response.getheader("x-ms-error-code") == "InvalidHeaderValue"
        response.read()
    except ConnectionRefusedError:
        return Answer(kind="silent")
    except (OSError, HTTPException) as error:
        # Something accepted the connection, or the port is in a state between; a refused one is the only silence.
        return Answer(kind="other", detail=f"it speaks no HTTP ({type(error).__name__})")
    finally:
        connection.close()
    name, _, version = server.partition("/")
    if name.lower() == f"azurite-{service}":
        # The table client sends an old version that every Azurite knows.
        return Answer(kind="azurite", detail=version, refuses_new_clients=refused and service != "table")
    return Answer(kind="other", detail=f"it calls itself '{server}'" if server else "it does not say what it is")


def free_port() -> int:
    """Return a port that nobody uses at this moment; what binds it next must cope with losing it to another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
