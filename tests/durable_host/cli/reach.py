"""The options of ``start`` that say where the host listens, and who may call it."""

from __future__ import annotations

import argparse
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

from durable_host.config.callers import HOW_TO_WRITE_AN_ORIGIN, is_host_name, is_origin, origins_in
from durable_host.config.settings import Settings, SettingsError

if TYPE_CHECKING:
    from durable_host.http.keys import Keys
    from durable_host.http.origins import Origins

__all__ = ["add_reach_arguments", "keys_of", "origins_of"]


def add_reach_arguments(parser: argparse.ArgumentParser) -> None:
    """``--listen``, ``--allow-host``, ``--cors`` and ``--keys``."""
    parser.add_argument(
        "--listen",
        type=_address,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to listen on (default: loopback); 0.0.0.0 lets other machines in, keys asked for or not",
    )
    parser.add_argument(
        "--allow-host",
        type=_host_name,
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which the management API may be called, such as a container's; may be repeated",
    )
    parser.add_argument(
        "--cors",
        type=_origins,
        metavar="ORIGINS",
        help="origins whose pages may call the host, separated by commas; * is any (default: Host.CORS)",
    )
    parser.add_argument(
        "--keys",
        action="store_true",
        help="ask for keys where Azure does; they are kept, and are in the printed URLs",
    )


def keys_of(arguments: argparse.Namespace, script_root: Path) -> Keys | None:
    """The keys of the app, if they are to be asked for."""
    if not arguments.keys:
        return None
    from durable_host.azurite.folders import HOME
    from durable_host.http.keys import Keys, key_file

    return Keys.kept_in(key_file(HOME / "keys", script_root))


def origins_of(arguments: argparse.Namespace, settings: Settings) -> Origins:
    """What the command line allows, or else Host.CORS of local.settings.json; SettingsError where that cannot be."""
    from durable_host.http.origins import Origins

    cors: tuple[str, ...] = arguments.cors if arguments.cors is not None else origins_in(settings.cors or "")
    if settings.cors_credentials and "*" in cors:
        raise SettingsError(
            f"'{settings.source}': with Host.CORSCredentials, CORS cannot be *, as no browser takes both: name the "
            "origins whose pages may call, such as http://localhost:3000."
        )
    return Origins(hosts=tuple(arguments.allow_host), cors=cors, credentials=settings.cors_credentials)


def _host_name(text: str) -> str:
    if not is_host_name(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name of a host: write the name alone, such as box, without scheme and port"
        )
    return text


def _origins(text: str) -> tuple[str, ...]:
    origins = origins_in(text)
    for origin in origins:
        if not is_origin(origin):
            raise argparse.ArgumentTypeError(f"{origin!r} is no origin of a page: {HOW_TO_WRITE_AN_ORIGIN}")
    return origins


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address: give one of this machine's, such as 127.0.0.1, or 0.0.0.0 for all of them"
        ) from None
