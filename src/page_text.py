"""A page's bytes as text, as they come.

Role: choose the encoding as a browser does (byte order mark, HTTP header, the first 1,024 bytes, windows-1252), then
decode chunk by chunk.
Called by: ``page_title``, which hands it to ``page_parser`` to read.
Calls: ``page_encoding`` for the choice, ``page_codecs`` for the decoders.
Invariant: the text does not depend on where the chunks are cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from page_codecs import decoder_of
from page_encoding import PRESCAN_BYTES, byte_order_mark, header_encoding, prescan

_SLICE = 16 * 1024
_XHTML = "application/xhtml+xml"


class PageText:
    """The text of one page; ``page_parser`` reads it like a file."""

    def __init__(self, chunks: Iterable[bytes], content_type: str | None, *, encoding: str | None = None) -> None:
        self._chunks = _slices(chunks)
        self._start = self._peek(3)
        self._read: list[bytes] = []
        mark = byte_order_mark(self._start)
        found = encoding or (mark[0] if mark else header_encoding(content_type))
        if found is None:
            self._start += self._peek(PRESCAN_BYTES - len(self._start))
            found = prescan(self._start[:PRESCAN_BYTES])
        self.is_final = found is not None
        if found is None:
            # XML is UTF-8 unless it says otherwise; HTML is what it was in 1995.
            found = "utf-8" if (content_type or "").lower().startswith(_XHTML) else "windows-1252"
        self.encoding = found
        self._skip = mark[1] if mark and mark[0] == found else 0
        self._decoder = decoder_of(found)

    def read(self, size: int = -1) -> str:
        """Return the next piece of text, of any length; an empty one is the end."""
        while chunk := self._next():
            if text := self._decoder.decode(chunk):
                return text
        return self._decoder.decode(b"", final=True)

    def decoded_as(self, encoding: str) -> PageText:
        """Return the page from its start, in the encoding that it turned out to have."""
        return PageText(self._all_bytes(), None, encoding=encoding)

    def _next(self) -> bytes:
        chunk, self._start = self._start or next(self._chunks, b""), b""
        if not self.is_final:
            self._read.append(chunk)
        skipped, self._skip = self._skip, 0
        return chunk[skipped:] or (self._next() if chunk else b"")

    def _peek(self, size: int) -> bytes:
        found: list[bytes] = []
        while size > 0 and (chunk := next(self._chunks, b"")):
            found.append(chunk)
            size -= len(chunk)
        return b"".join(found)

    def _all_bytes(self) -> Iterator[bytes]:
        yield from self._read
        while chunk := self._start or next(self._chunks, b""):
            self._start = b""
            yield chunk


def _slices(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE):
            yield chunk[start : start + _SLICE]
