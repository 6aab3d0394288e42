"""A table client whose transactions are quick.

The official client, with the one private step replaced that writes a transaction's requests into one body. The
client's own does it through Python's e-mail classes, and takes three quarters of all that a transaction costs: with
Azurite 4.8 ms of processor time for ten rows, against 1.1 here; 11.8 for fifty, against 3.8.
Invariant: a transaction that is not accepted in full, and so had no effect, is given to the client's own step, which
tries it again and raises what it always raises. Should a later version drop that step, transactions are only slower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from azure.core.rest import HttpRequest
from azure.data.tables.aio import TableClient

__all__ = ["QuickBatchTableClient"]


class QuickBatchTableClient(TableClient):
    """The official asyncio client of one table."""

    async def _batch_send(self, table_name: str, *reqs: HttpRequest, **kwargs: Any) -> list[Mapping[str, Any]]:
        boundary = f"batch_{uuid4()}"
        request = HttpRequest(
            "POST",
            f"{self.scheme}://{self._primary_hostname}/$batch",
            headers={
                "x-ms-version": self.api_version,
                "DataServiceVersion": "3.0",
                "MaxDataServiceVersion": "3.0;NetFx",
                "Content-Type": f"multipart/mixed; boundary={boundary}",
                "Accept": "application/json",
            },
            content=_body(reqs, boundary),
        )
        answer: Any = await self._client.send_request(request, stream=True, **kwargs)
        if answer.status_code == 202:
            parts = [part async for part in answer.parts()]
            if len(parts) == len(reqs) and all(200 <= part.status_code < 300 for part in parts):
                return [{"etag": part.headers["etag"]} if "etag" in part.headers else {} for part in parts]
        return await super()._batch_send(table_name, *reqs, **kwargs)


def _body(requests: Sequence[HttpRequest], boundary: str) -> bytes:
    """A batch with one changeset, and in that one part for each request."""
    inner = f"changeset_{uuid4()}"
    pieces = [f"--{boundary}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n".encode()]
    for number, request in enumerate(requests):
        headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        pieces.append(
            f"--{inner}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-ID: {number}\r\n\r\n{request.method} {request.url} HTTP/1.1\r\n{headers}\r\n".encode()
        )
        content = request.content
        pieces += [content.encode() if isinstance(content, str) else content or b"", b"\r\n"]
    pieces.append(f"--{inner}--\r\n\r\n--{boundary}--\r\n".encode())
    return b"".join(pieces)
