"""Which encoding a page is in, by the rules of the HTML and Encoding standards.

Role: labels to encodings, the declarations in a Content-Type header, in a meta element and in a page's first bytes.
Called by: ``page_text`` before a page is decoded, ``page_parser`` when a meta element comes late.
Calls: webencodings for the table of labels.
Invariant: pure; bytes that declare nothing that can be understood declare nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import webencodings  # type: ignore[import-untyped]  # webencodings carries no types

PRESCAN_BYTES = 1024

_SPACE = b"\t\n\f\r "
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_PARAMETER = re.compile(r';[\t\n\r ]*([^;="]*)(?:=(?:"((?:[^"\\]|\\.)*)"?[^;]*|([^;]*)))?')
_META = re.compile(rb"<meta[\t\n\f\r /]", re.IGNORECASE)
_TAG = re.compile(rb"</?[a-z]", re.IGNORECASE)
_TAG_NAME_END = re.compile(rb"[\t\n\f\r >]")
_CHARSET = re.compile(r"charset[\t\n\f\r ]*", re.IGNORECASE | re.ASCII)
_XML_ENCODING = re.compile(rb"<\?xml[^>]*?encoding[\x00-\x20]*=[\x00-\x20]*(?:\"([^\">]*)\"|'([^'>]*)')")


def encoding_of_label(label: str) -> str | None:
    """Return the encoding that a label stands for: ``latin1`` means windows-1252, as in every browser."""
    encoding = webencodings.lookup(label)
    name: str | None = encoding.name if encoding is not None else None
    return name


def byte_order_mark(start: bytes) -> tuple[str, int] | None:
    """Return the encoding that a page's first bytes mark, and the length of the mark."""
    return next(((encoding, len(mark)) for mark, encoding in _BOMS if start.startswith(mark)), None)


def header_encoding(content_type: str | None) -> str | None:
    """Return the encoding in a Content-Type header; a label that is not known counts as none."""
    for name, quoted, plain in _PARAMETER.findall(content_type or ""):
        if name.strip("\t\n\r ").lower() == "charset" and (value := re.sub(r"\\(.)", r"\1", quoted) or plain):
            return encoding_of_label(value)
    return None


def declared_encoding(attributes: Mapping[Any, str]) -> str | None:
    """Return the encoding that the attributes of a meta element declare."""
    if "charset" in attributes and (encoding := encoding_of_label(attributes["charset"])):
        return _as_declared(encoding)
    if attributes.get("http-equiv", "").lower() == "content-type" and (
        encoding := _encoding_in_content(attributes.get("content", ""))
    ):
        return _as_declared(encoding)
    return None


def prescan(start: bytes) -> str | None:
    """Return the encoding that a page's first bytes declare in a meta element, else in an XML declaration."""
    if start.startswith((b"<\0?\0x\0", b"\0<\0?\0x")):
        return "utf-16le" if start[0] else "utf-16be"
    position = start.find(b"<")
    while position != -1:
        if start.startswith(b"<!--", position):
            position = _after(start, b"-->", position + 2)
        elif (meta := _META.match(start, position)) or _TAG.match(start, position):
            name_end = _TAG_NAME_END.search(start, position)
            position = meta.end() - 1 if meta else name_end.start() if name_end else len(start)
            attributes, position = _attributes(start, position)
            if position >= len(start):
                break  # the tag is not complete
            if meta and (encoding := _encoding_of_meta(attributes)):
                return encoding
        elif start.startswith((b"<!", b"</", b"<?"), position):
            position = _after(start, b">", position)
        else:
            position += 1
        position = start.find(b"<", position)
    declaration = _XML_ENCODING.match(start)
    if declaration is None:
        return None
    encoding = encoding_of_label((declaration[1] or declaration[2] or b"").decode("latin-1"))
    return "utf-8" if encoding in ("utf-16le", "utf-16be") else encoding


def _encoding_of_meta(attributes: dict[bytes, bytes]) -> str | None:
    if b"charset" in attributes:
        encoding = encoding_of_label(attributes[b"charset"].decode("latin-1"))
    elif attributes.get(b"http-equiv") == b"content-type":
        encoding = _encoding_in_content(attributes.get(b"content", b"").decode("latin-1"))
    else:
        return None
    return _as_declared(encoding) if encoding else None


def _as_declared(encoding: str) -> str:
    """A page whose meta element can be read as ASCII is not UTF-16, whatever it says."""
    return {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}.get(encoding, encoding)


def _encoding_in_content(content: str) -> str | None:
    position = 0
    while match := _CHARSET.search(content, position):
        position = match.end()
        if not content.startswith("=", position):
            continue
        value = content[position + 1 :].lstrip("\t\n\f\r ")
        if value[:1] in ('"', "'"):
            label, quote, _ = value[1:].partition(value[0])
            return encoding_of_label(label) if quote else None
        return encoding_of_label(re.split("[\t\n\f\r ;]", value, maxsplit=1)[0])
    return None


def _after(start: bytes, mark: bytes, position: int) -> int:
    found = start.find(mark, position)
    return len(start) if found == -1 else found + len(mark)


def _attributes(start: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """Return a tag's attributes in lower case, the first of each name, and where the tag ends."""
    attributes: dict[bytes, bytes] = {}
    end = len(start)
    while True:
        position = _skip(start, position, b"\t\n\f\r /")
        if position >= end or start[position] == ord(">"):
            return attributes, position
        name_start = position
        while (
            position < end
            and start[position] not in b"\t\n\f\r />"
            and (start[position] != ord("=") or position == name_start)
        ):
            position += 1
        name, value = start[name_start:position].lower(), b""
        equals = _skip(start, position, _SPACE)
        if start[equals : equals + 1] == b"=":
            position = _skip(start, equals + 1, _SPACE)
            if start[position : position + 1] in (b'"', b"'"):
                quote = start.find(start[position : position + 1], position + 1)
                if quote == -1:
                    return attributes, end
                value, position = start[position + 1 : quote], quote + 1
            else:
                value_start = position
                while position < end and start[position] not in b"\t\n\f\r >":
                    position += 1
                value = start[value_start:position]
        attributes.setdefault(name, value.lower())


def _skip(start: bytes, position: int, skipped: bytes) -> int:
    while position < len(start) and start[position] in skipped:
        position += 1
    return position
