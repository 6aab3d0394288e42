"""Read a folder of vcrpy's YAML files as a list of recordings, by vcrpy's own reader.

A recording holds the body as the client sees it, decoded, and headers that agree with that body.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urlsplit

if TYPE_CHECKING:
    from vcr.request import Request

# vcrpy stores bodies decoded (with urllib3 2), so what the wire said about their form is no longer true.
_WIRE_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


class CassetteError(Exception):
    """A folder of cassettes that cannot be replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded request and its response."""

    cassette: str
    method: str
    url: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.url} (answers {self.status}, in {self.cassette})"


def load_recordings(folder: Path) -> list[Recording]:
    """Load every ``*.yaml`` of a folder."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise CassetteError(
            f"The folder {folder} holds no cassettes (*.yaml). "
            "Give the folder that holds them, or record some with: python -m recorded_pages.record --from-local"
        )
    return [recording for file in files for recording in _load(file)]


def request_key(method: str, url: str) -> tuple[str, str]:
    """Return what a request is found by: two spellings of one request have the same key."""
    parts = urlsplit(urldefrag(url).url)
    default_port = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    netloc = parts.netloc.lower()
    return method.upper(), parts._replace(netloc=netloc.removesuffix(default_port), path=parts.path or "/").geturl()


def _load(file: Path) -> Iterable[Recording]:
    # Imported here: vcrpy imports every HTTP client that it can find, and only a replay needs it.
    from vcr.persisters.filesystem import FilesystemPersister
    from vcr.serializers import yamlserializer

    try:
        requests, responses, *_ = FilesystemPersister.load_cassette(file, yamlserializer)
        pairs = list(zip(requests, responses, strict=True))
        return [_recording(file.name, request, response) for request, response in pairs]
    except Exception as error:
        raise CassetteError(
            f"The cassette {file} cannot be read ({type(error).__name__}: {error}). "
            "Restore it from version control, or record it again with: python -m recorded_pages.record --from-local"
        ) from error


def _recording(cassette: str, request: Request, response: dict[str, Any]) -> Recording:
    body = response["body"]["string"] or b""
    headers = [
        (name, value)
        for name, values in response["headers"].items()
        for value in ([values] if isinstance(values, str) else values)
        if name.lower() not in _WIRE_HEADERS
    ]
    method, url = request_key(request.method, request.uri)
    return Recording(
        cassette=cassette,
        method=method,
        url=url,
        status=response["status"]["code"],
        reason=response["status"]["message"],
        headers=(*headers, ("Content-Length", str(len(body)))),
        body=body if isinstance(body, bytes) else body.encode(),
    )
