"""From the bytes of a page to its title. Pure, and never raises, whatever the bytes are.

BeautifulSoup reads with its lxml builder: its html.parser builder gives other titles on other patch levels of Python,
and its html5lib builder takes minutes for a page of 100 KB that is nested on purpose.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

import webencodings  # type: ignore[import-untyped]  # webencodings carries no types
from bs4 import BeautifulSoup
from bs4.dammit import EncodingDetector
from bs4.filter import SoupStrainer

from title_outcome import NoTitle

SITE_SUFFIX = " | Microsoft Learn"

# How many of a page's first bytes are looked at. For most pages the first or the second look is enough, and since the
# sizes grow so fast, a page that needs all of them costs little more than its last look. That one is bounded because
# the parser takes quadratic time for end tags that fit nothing: some seconds for so many bytes, hours for many more.
LOOKS = (1_024, 4_096, 16_384, 65_536, 262_144)
MAX_BYTES = LOOKS[-1]

# Only these elements of a page are kept, each with all that is in it. The page's own title is at the top of what was
# kept; one in the last four, which browsers do not show, is not.
_KEPT = SoupStrainer(["title", "meta", "svg", "math", "template", "noscript"])
# lxml takes this for an empty element; in HTML it is a start tag like any other.
_SELF_CLOSED = re.compile("(<title[^<>]*)/>", re.IGNORECASE)
# A doctype keeps BeautifulSoup from taking a page for XML, or a page of one word for a file's name.
_START = "<!DOCTYPE html>"
# Text at the end of an unfinished page: a title that holds it goes on after what has been read.
_CUT = "\ufdd0"

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"'>]+)")
# What a page says in letters of ASCII cannot be true if it says UTF-16. The standard has both rules.
_AS_DECLARED = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}
# White space as HTML means it: str.split would also eat no-break spaces, which belong to a title.
_WHITE_SPACE = re.compile("[\t\n\f\r ]+")


def read_title(chunks: Iterable[bytes], content_type: str | None) -> str | NoTitle:
    """Read a page until its title is certain.

    Args:
        chunks: The page's bytes in pieces of any size; no more of them are taken than are needed.
        content_type: The page's Content-Type header.

    Returns:
        The title, ``""`` where a page has none, or ``too_large`` where none came in the first 256 KB.
    """
    left = iter(chunks)
    body = bytearray()
    for size in LOOKS:
        while len(body) < size and (chunk := next(left, None)) is not None:
            body += chunk
        is_end = len(body) < size
        title = _look(bytes(body[:size]), content_type, is_last=is_end or size == MAX_BYTES)
        if title is not None:
            return title
        if is_end:
            return ""
    return NoTitle(code="too_large", reason=f"the page has no title in its first {MAX_BYTES:,} bytes")


def document_title(body: bytes, content_type: str | None = None) -> str:
    """Return the title that a browser shows for an HTML page, or ``""`` where there is none to be found."""
    title = read_title([body], content_type)
    return "" if isinstance(title, NoTitle) else title


def article_title(title: str) -> str:
    """Return the article's own title: the document title without the site's name at its end."""
    while title.endswith(SITE_SUFFIX):
        title = title.removesuffix(SITE_SUFFIX)
    return title


def _look(body: bytes, content_type: str | None, *, is_last: bool) -> str | None:
    """Return the title in a page's first bytes; None without one, or without certainty before the last look."""
    end = "" if is_last else _CUT
    marked = _marked_encoding(body, content_type)
    first = marked or webencodings.UTF8
    soup = _parsed(body, first, end)
    title = _title_of(soup)
    if title is None or (end and end in title):
        return None
    encoding = marked or _declared_encoding(soup, body) or (_guessed_encoding(body) if is_last else None)
    if encoding is None:
        # ASCII reads the same in every encoding, so such a title is certain before its page has named one.
        return title if title.isascii() and title.isprintable() else None
    return title if encoding is first else _title_of(_parsed(body, encoding, end))


def _parsed(body: bytes, encoding: webencodings.Encoding, end: str) -> BeautifulSoup:
    text, _ = webencodings.decode(body, encoding, "replace")
    return BeautifulSoup(_START + _SELF_CLOSED.sub(r"\1>", text) + end, "lxml", parse_only=_KEPT)


def _title_of(soup: BeautifulSoup) -> str | None:
    title = soup.find("title", recursive=False)
    return None if title is None else _WHITE_SPACE.sub(" ", title.get_text()).strip(" ")


def _marked_encoding(body: bytes, content_type: str | None) -> webencodings.Encoding | None:
    """Return the encoding that a byte order mark names, or else the Content-Type header."""
    _, mark = EncodingDetector.strip_byte_order_mark(body)
    return webencodings.lookup(mark or _charset_in(content_type or ""))


def _declared_encoding(soup: BeautifulSoup, body: bytes) -> webencodings.Encoding | None:
    """Return the encoding that a meta element names, wherever it stands, or else the page's XML declaration."""
    labels = []
    for meta in soup.find_all("meta", recursive=False):
        is_content_type = str(meta.get("http-equiv")).lower() == "content-type"
        labels.append(str(meta.get("charset") or (_charset_in(str(meta.get("content"))) if is_content_type else "")))
    if xml := _XML_ENCODING.match(body):
        labels.append(xml[1].decode("latin-1"))
    encoding = next(filter(None, map(webencodings.lookup, labels)), None)
    return None if encoding is None else webencodings.lookup(_AS_DECLARED.get(encoding.name, encoding.name))


def _charset_in(content_type: str) -> str:
    named = _CHARSET.search(content_type)
    return named[1] if named else ""


def _guessed_encoding(body: bytes) -> webencodings.Encoding:
    """Return UTF-8 for bytes that are valid as such, as others hardly ever are; else what the web used before it."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)  # incremental: the last character may be cut
    except UnicodeDecodeError:
        return webencodings.lookup("windows-1252")
    return webencodings.UTF8
