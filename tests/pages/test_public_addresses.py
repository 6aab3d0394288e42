"""Any public host: every connection goes to a public address, decided when it is made, and nothing else is sent."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import pytest

from page_addresses import is_public
from page_fetch import PageFetcher
from page_retry import Retries
from page_title import read_title
from recorded_pages.local_site import LocalSite
from title_outcome import NoTitle
from url_policy import UrlPolicy

ANY_HOST = UrlPolicy.from_setting("*")
PUBLIC = "93.184.215.14"


@dataclass(kw_only=True)
class Network:
    """Name resolution that knows what it is told, and connections that are remembered and lead nowhere."""

    names: dict[str, list[str]] = field(default_factory=dict)
    routes: dict[str, tuple[str, int]] = field(default_factory=dict)
    connections: list[str] = field(default_factory=list)

    def getaddrinfo(
        self, host: str, port: int, *args: object, **kwargs: object
    ) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]]:
        """Resolve as the operating system would: names, and numbers in all their spellings."""
        found = self.names.get(host.lower().rstrip("."))
        if found is None:
            try:
                found = [socket.inet_ntoa(socket.inet_aton(host))]
            except OSError:
                raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in ip], socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """Replace both ways out: what is not routed to a local server is refused."""
    network = Network(names={"localhost": ["127.0.0.1", "::1"], "public.example": [PUBLIC]})
    connect: Callable[[socket.socket, tuple[str, int]], None] = socket.socket.connect

    def connect_as_told(sock: socket.socket, address: tuple[str, int]) -> None:
        network.connections.append(address[0])
        if address[0] not in network.routes:
            raise ConnectionRefusedError("This test lets nothing out.")
        connect(sock, network.routes[address[0]])

    monkeypatch.setattr(socket, "getaddrinfo", network.getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect_as_told)
    return network


def code_of(url: str) -> str:
    fetcher = PageFetcher(ANY_HOST, retries=Retries(most=0))
    found = fetcher.fetch(url, read_title)
    fetcher.close()
    return found.code if isinstance(found, NoTitle) else found


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "2852039166",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_number_or_name_of_an_address_that_is_not_public_is_refused_and_not_called(network: Network, host: str) -> None:
    assert code_of(f"https://{host}/") == "address_not_public"
    assert network.connections == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://[::1]/", "bad_url"),
        ("https://[::ffff:127.0.0.1]/", "bad_url"),
        ("https://%31%32%37.0.0.1/", "bad_url"),
        ("https://\uff11\uff12\uff17.0.0.1/", "bad_url"),
        ("https://\u2460\u2461\u2466.0.0.1/", "bad_url"),
        ("https://public.example@127.0.0.1/", "userinfo_not_allowed"),
        ("https://127.0.0.1\\@public.example/", "bad_url"),
        ("https://127.0.0.1#@public.example/", "address_not_public"),
        ("https://public.example:8443/", "port_not_allowed"),
        ("http://public.example/", "not_https"),
        (" https://127.0.0.1/", "bad_url"),
        ("https://m\u00fcnchen.example/", "bad_url"),
    ],
)
def test_url_that_reads_in_two_ways_is_refused_and_not_called(network: Network, url: str, code: str) -> None:
    assert code_of(url) == code
    assert network.connections == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["168.63.129.16"],
        [PUBLIC, "10.0.0.1"],
        ["::1"],
        ["::127.0.0.1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::a00:1"],
        ["2002:a00:1::"],
        ["fd00::1"],
        ["fe80::1"],
        ["fec0::1"],
    ],
)
def test_name_that_leads_to_an_address_that_is_not_public_is_refused_and_not_called(
    network: Network, addresses: list[str]
) -> None:
    network.names["rebound.example"] = addresses

    assert code_of("https://rebound.example/") == "address_not_public"
    assert network.connections == []


def test_public_name_is_called_at_the_address_that_was_checked(network: Network) -> None:
    assert code_of("https://public.example/") == "connection_failed"
    assert network.connections == [PUBLIC]


def test_name_is_resolved_once_for_a_connection_so_that_it_cannot_change_in_between(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    resolve = network.getaddrinfo

    def rebind(host: str, port: int, *args: object, **kwargs: object) -> object:
        network.names["rebound.example"] = next(answers)
        return resolve(host, port)

    monkeypatch.setattr(socket, "getaddrinfo", rebind)

    assert code_of("https://rebound.example/") == "connection_failed"
    assert network.connections == [PUBLIC]


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("https://169.254.169.254/latest/meta-data", "address_not_public"),
        ("https://168.63.129.16/", "address_not_public"),
        ("https://localhost/", "address_not_public"),
        ("https://2130706433/", "address_not_public"),
        ("https://rebound.example/", "address_not_public"),
        ("http://public.example/", "not_https"),
        ("https://[::1]/", "bad_url"),
    ],
)
def test_redirect_from_a_public_page_is_checked_like_the_page(network: Network, location: str, code: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", location)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with LocalSite("public.example", Handler) as site:
        network.routes[PUBLIC] = site.address
        network.names["rebound.example"] = ["10.1.2.3"]
        fetcher = PageFetcher(ANY_HOST, ca_file=site.ca_file)
        found = fetcher.fetch("https://public.example/", read_title)
        fetcher.close()

    assert isinstance(found, NoTitle)
    assert found.code == code
    assert network.connections == [PUBLIC]


def test_listed_host_may_be_private_because_the_setting_names_it(network: Network) -> None:
    network.names["intranet.example"] = ["10.0.0.1"]
    fetcher = PageFetcher(UrlPolicy.from_setting("intranet.example"), retries=Retries(most=0))

    found = fetcher.fetch("https://intranet.example/", read_title)

    assert isinstance(found, NoTitle)
    assert (found.code, network.connections) == ("connection_failed", ["10.0.0.1"])


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "20.1.2.3"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)
