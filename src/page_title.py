"""From the bytes of a page to its title.

Role: answer what a browser shows as ``document.title``, and the article's part of it.
Called by: ``page_fetch``, which hands over a page's chunks, and ``fetch_title``.
Calls: BeautifulSoup with the tree builder of ``page_parser``, which stands on html5lib. Of BeautifulSoup's own builders
html.parser is ruled out (before 3.13.6 it reads markup inside ``title`` as elements, so its answers change with
Python's patch level), lxml knows neither templates nor SVG, and html5lib alone knows no templates.
Invariant: pure, and never raises, whatever the bytes are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bs4 import BeautifulSoup

from page_parser import TitleTreeBuilder
from page_phases import EncodingFoundError
from page_text import PageText
from title_outcome import NoTitle

SITE_SUFFIX = " | Microsoft Learn"

# ASCII white space of the HTML standard. str.split would also eat no-break spaces, which a browser keeps.
_WHITE_SPACE = re.compile("[\t\n\f\r ]+")


def read_title(chunks: Iterable[bytes], content_type: str | None) -> str | NoTitle:
    """Read a page's chunks until its title is certain, and return it: ``""`` where there is none."""
    text = PageText(chunks, content_type)
    try:
        title = _parsed_title(text)
    except EncodingFoundError as late:
        title = _parsed_title(text.decoded_as(late.encoding))
    if title is None:
        return NoTitle(code="too_complex", reason="finding the page's title would take too long")
    return title


def document_title(body: bytes, content_type: str | None = None) -> str:
    """Return the title that a browser shows for an HTML page, or ``""`` where there is none to be found."""
    title = read_title([body], content_type)
    return "" if isinstance(title, NoTitle) else title


def article_title(title: str) -> str:
    """Return the article's own title: the document title without the site's name at its end."""
    while title.endswith(SITE_SUFFIX):
        title = title.removesuffix(SITE_SUFFIX)
    return title


def _parsed_title(text: PageText) -> str | None:
    builder = TitleTreeBuilder(text)
    soup = BeautifulSoup("", builder=builder)
    if builder.is_too_complex:
        return None
    if soup.title is None:
        return ""
    return _WHITE_SPACE.sub(" ", soup.title.get_text()).strip(" ")
