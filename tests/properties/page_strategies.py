"""Hypothesis strategies for pages.

A built page has exactly one reading under the HTML standard, and ``title`` is it; of free bytes nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

_UTF8 = "text/html; charset=utf-8"
# Labels of encodings with the codec in Python that writes them; ASCII is itself in all of the first row.
_BYTE_LABELS = {
    "windows-1252": "cp1252",
    "latin2": "iso8859_2",
    "koi8-r": "koi8_r",
    "windows-1251": "cp1251",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "gb18030": "gb18030",
    "utf-8": "utf-8",
}
_MARKED = {"utf-8": "utf-8-sig", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\u00a0": "&nbsp;", "é": "&eacute;", "©": "&copy"}

# Pieces without an HTML title of the document, which leave the parser in the head, or in the body, as it was.
HEAD_PIECES = (
    "\n\t",
    "<!-- <title>comment</title> -->",
    "<!x <title>",
    "<script>var a = '<title>script</title>';</script>",
    "<script><!--<script></script><title>escaped</title>--></script>",
    "<style>/* <title>style</title> */</style>",
    "<template><title>template</title><p></template>",
    "<template><template></template><title>outer</title></template>",
    "<noscript><title>noscript</title></noscript>",
    "<noframes><title>noframes</title></noframes>",
    '<meta name="a" content="<title>meta</title>">',
    "<link rel=b><base href=c>",
    "</br-x></p-x>",
)
BODY_PIECES = (
    "text &amp; &unknown; ",
    "<p>paragraph",
    "<div title='<title>attribute</title>'></div>",
    "<svg><title>icon</title><g><title>deeper</title></g></svg>",
    "<svg><style><title>style in svg</title></style></svg>",
    "<math><title>math</title><mi>x</mi></math>",
    "<textarea><title>area</title></textarea>",
    "<iframe><title>frame</title></iframe>",
    "<xmp><title>xmp</title></xmp>",
    "<table><tr><td>cell</table>",
    "<b><i>crossed</b></i>",
    "<select><option>choice</select>",
    "<a href=x>link</a></div></nothing>",
    "<br/><hr><img src=x>",
    "\x00\x01",
)
_LATER_PIECES = ("<title>second</title>", "<table><title>in table</title></table>", "<h1>heading</h1>")
_TRICKY = (
    *(
        "<b>",
        "</b>",
        "<title>",
        "</title",
        "</t\u0131tle>",
        "&",
        "&amp;",
        "<!--",
        "-->",
        "]]>",
        " ",
        "\t",
        "\r\n",
        "\r",
    ),
    *("\u00a0", "\u2003", "\x0b", "\x1c", "\x85", "\x00", "\x80", "é", "日本", "😀", " | Microsoft Learn", "a"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltPage:
    """A page with its answer."""

    body: bytes
    content_type: str | None
    title: str
    title_end: int
    """Where the title's end tag ends in the body."""


def titles() -> st.SearchStrategy[str]:
    """Any text, with a taste for what parsers get wrong."""
    any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    tricky = st.lists(st.sampled_from(_TRICKY), max_size=12).map("".join)
    return st.one_of(any_text, tricky)


def shown(text: str) -> str:
    """Return what a browser shows for a title's text."""
    return re.sub("[\t\n\f\r ]+", " ", text.replace("\x00", "\ufffd")).strip(" ")


@st.composite
def built_pages(draw: st.DrawFn) -> BuiltPage:
    """Pages whose title is known."""
    text = draw(titles())
    how, label = draw(st.sampled_from([*((how, label) for how in _HOWS for label in _BYTE_LABELS), *_MARKS]))
    codec = _MARKED[label] if how == "mark" else _BYTE_LABELS[label]
    text = "".join(character if _can_be_said(character, codec) else "?" for character in text)
    start = draw(st.sampled_from(["", " ", "<!DOCTYPE html>", "<html>", "<!DOCTYPE html><html lang=en><head>"]))
    if how == "meta first":
        start += (
            draw(st.sampled_from(["<meta charset=%s>", "<META http-equiv='content-type' content='x; charset=%s'>"]))
            % label
        )
    before = draw(st.lists(st.sampled_from(HEAD_PIECES), max_size=4))
    in_body = draw(st.lists(st.sampled_from(BODY_PIECES), max_size=3))
    tag = draw(st.sampled_from(["title", "TITLE", 'title lang="en"', "title\n", "title/"]))
    end = draw(st.sampled_from(["</title>", "</TITLE>", "</title\t>", "</title a=b>", "</title/>"]))
    before_text = start + "".join(before + in_body) + f"<{tag}>"
    escaped = "".join(draw(_said(character, codec)) for character in text)
    after = draw(st.lists(st.sampled_from(HEAD_PIECES + BODY_PIECES + _LATER_PIECES), max_size=4))
    meta_after = f"<meta charset={label}>" if how == "meta after" else ""
    page = (before_text + escaped + end).encode(codec)
    rest = (meta_after + "".join(after)).encode(codec.removesuffix("-sig"))
    mark = "\ufeff".encode(codec) if codec.startswith("utf-16") else b""
    if how != "meta after" and draw(st.booleans()):
        rest = rest[: draw(st.integers(0, len(rest)))]
    content_type = f"text/html; charset={label}" if how == "header" else draw(st.sampled_from(["text/html", None]))
    return BuiltPage(
        body=mark + page + rest,
        content_type=content_type,
        title=shown(text),
        title_end=len(mark + page),
    )


_HOWS = ("header", "meta first", "meta after")
_MARKS = tuple(("mark", label) for label in _MARKED)


def free_bytes() -> st.SearchStrategy[bytes]:
    """Bytes that may look like a page here and there."""
    pieces = st.sampled_from([piece.encode() for piece in (*HEAD_PIECES, *BODY_PIECES, *_LATER_PIECES, "<title>")])
    marks = st.sampled_from([b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x1b$B", b"\x81", b"<meta charset=", b"</"])
    return st.lists(st.one_of(st.binary(max_size=20), pieces, marks), max_size=20).map(b"".join)


def content_types() -> st.SearchStrategy[str | None]:
    """What a server may say of a page's type."""
    labels = st.sampled_from([*_BYTE_LABELS, "utf-16", "iso-2022-jp", "big5", "euc-jp", "hz-gb-2312", "x-user-defined"])
    return st.one_of(st.none(), st.just(_UTF8), labels.map("text/html; charset={}".format), st.text(max_size=30))


@st.composite
def chunkings(draw: st.DrawFn, body: bytes) -> Sequence[bytes]:
    """The same bytes in other pieces."""
    borders = sorted(draw(st.lists(st.integers(0, len(body)), max_size=12)))
    return [body[start:end] for start, end in zip([0, *borders], [*borders, len(body)], strict=True)]


def _can_be_said(character: str, codec: str) -> bool:
    return _has_reference(character) or _has_bytes(character, codec)


def _has_reference(character: str) -> bool:
    return not "\x80" <= character <= "\x9f"  # such a number means a character of windows-1252


def _has_bytes(character: str, codec: str) -> bool:
    try:
        return character.encode(codec.removesuffix("-sig")).decode(codec.removesuffix("-sig")) == character and not (
            codec in ("cp932", "cp949", "gb18030")
            and ("\x80" <= character <= "\x9f" or "\ue000" <= character <= "\uf8ff")
        )
    except UnicodeError:
        return False


def _said(character: str, codec: str) -> st.SearchStrategy[str]:
    """The ways to write one character of a title."""
    ways = []
    if character not in "&<" and _has_bytes(character, codec):
        ways.append(character)
    if _has_reference(character):
        ways += [f"&#{ord(character)};", f"&#x{ord(character):x};", f"&#X{ord(character):08X};"]
    if character in _NAMED:
        ways.append(_NAMED[character] if _NAMED[character].endswith(";") else f"{_NAMED[character]};")
    return st.sampled_from(ways)
