"""A table client whose transactions are quick.

The official client, with the one private step replaced that writes a transaction's requests into one body and reads
the answers out of another. The client's own does both through Python's e-mail classes: measured with Azurite, a
transaction of 100 rows takes 5 times the processor time that it takes here, and one of 10 rows 3 times.
Invariant: a transaction that is not accepted in full, and so had no effect, is given to the client's own step, which
tries it again and raises what it always raises. Should a later version drop that step, transactions are only slower.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from azure.core.rest import HttpRequest
from azure.data.tables.aio import TableClient

__all__ = ["QuickBatchTableClient"]

# The answer is one changeset with one HTTP answer for each request; only their statuses and ETags are asked for.
_ANSWER: Final = re.compile(rb"\r\nHTTP/1\.1 (\d{3})[^\r]*\r\n(.*?)\r\n\r\n", re.DOTALL)
_ETAG: Final = re.compile(rb"(?:\A|\r\n)etag: *([^\r]*)", re.IGNORECASE)


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
        # As a stream, because the pipeline cannot read an answer in parts.
        answer: Any = await self._client.send_request(request, stream=True, **kwargs)
        content: bytes = await answer.read()
        if answer.status_code == 202:
            answers = _ANSWER.findall(content)
            if len(answers) == len(reqs) and all(status.startswith(b"2") for status, _ in answers):
                return [_outcome(headers) for _, headers in answers]
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


def _outcome(headers: bytes) -> Mapping[str, Any]:
    etag = _ETAG.search(headers)
    return {"etag": etag[1].decode("latin-1")} if etag else {}
