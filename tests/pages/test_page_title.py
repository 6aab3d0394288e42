"""The title of a page, as a browser shows it."""

from __future__ import annotations

import pytest

from page_title import article_title, document_title, read_title

UTF8 = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title>Plain</title>", "Plain"),
        ("<!DOCTYPE html><html><head><title>\n\t Two  \f words\r\n</title>", "Two words"),
        ("", ""),
        ("no markup at all", ""),
        ("index.html", ""),
        ("<p>text</p>", ""),
        ("<title></title><title>Second</title>", ""),
        ("<TITLE>Upper</TITLE>", "Upper"),
        ("<title/>Not self closing</title>", "Not self closing"),
        ("<title>a <b>bold</b> c</title>", "a <b>bold</b> c"),
        ("<title>a <!-- b --> c</title>", "a <!-- b --> c"),
        ("<title>Unclosed <p>rest", "Unclosed <p>rest"),
        ("<title>x</title</title >", "x</title"),
        ("<title>Fish &amp; chips &lt;3 &#39;q&#x27; &eacute; &copy</title>", "Fish & chips <3 'q' é ©"),
        ("<title>a\u00a0 b\u2003</title>", "a\u00a0 b\u2003"),
        ("<title>a\x00b</title>", "a\ufffdb"),
        ("<!-- <title>Comment</title> --><title>Real</title>", "Real"),
        ("<script>'<title>Script</title>'</script><title>Real</title>", "Real"),
        ("<script><!--<script></script><title>Hidden</title>--></script><title>Real</title>", "Real"),
        ("<style><title>Style</title></style><title>Real</title>", "Real"),
        ("<body><textarea><title>Area</title></textarea><title>Real</title>", "Real"),
        ("<noframes><title>Frames</title></noframes><title>Real</title>", "Real"),
        ("<body><xmp><title>Xmp</title></xmp><iframe><title>I</title></iframe><title>Real</title>", "Real"),
        ("<template><title>Template</title></template><title>Real</title>", "Real"),
        ("<body><svg><title>Icon</title></svg><title>Real</title>", "Real"),
        ("<body><svg><foreignObject><title>Foreign</title></foreignObject></svg>", "Foreign"),
        ("<body><table><tr><td><title>Cell</title></td></tr></table>", "Cell"),
        ("<frameset><title>Frameset</title></frameset>", ""),
        ("<html><body>text</body></html><title>After</title>", "After"),
        ("<?xml version='1.0'?><html><head><title>Looks like XML</title></head></html>", "Looks like XML"),
    ],
)
def test_title_is_what_a_browser_shows(page: str, title: str) -> None:
    assert document_title(page.encode(), UTF8) == title


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        ("<title>café ✓</title>".encode(), "text/html; charset=utf-8", "café ✓"),
        ("<title>café ✓</title>".encode(), 'text/html; charset="UTF-8"', "café ✓"),
        ("<title>café ✓</title><meta charset=utf-8>".encode(), "text/html", "café ✓"),
        ("<title>café ✓</title><meta charset=utf-8>".encode(), None, "café ✓"),
        ("\ufeff<title>café ✓</title>".encode(), "text/html; charset=iso-8859-1", "café ✓"),
        ("\ufeff<title>café ✓</title>".encode("utf-16-le"), None, "café ✓"),
        (b"<title>caf\xe9 \x80</title>", "text/html", "café €"),
        (b"<title>\x93caf\xe9\x94 \x80</title>", "text/html; charset=ISO-8859-1", "“café” €"),
        ("<title>日本</title>".encode("shift_jis"), "text/html; charset=shift_jis", "日本"),
        ("<title>café</title><meta charset=utf-8>".encode(), "text/html; charset=no-such-thing", "café"),
        ("<title>café</title><meta charset=utf-8>".encode(), "text/html; charset=", "café"),
    ],
)
def test_title_is_decoded_as_a_browser_decodes_it(body: bytes, content_type: str | None, title: str) -> None:
    assert document_title(body, content_type) == title


def test_title_is_read_across_chunks() -> None:
    chunks = [bytes([byte]) for byte in "<title>Größe &amp; Gewicht</title>".encode()]

    assert read_title(chunks, UTF8) == "Größe & Gewicht"


@pytest.mark.parametrize(
    ("title", "article"),
    [
        ("Azure Functions Scenarios | Microsoft Learn", "Azure Functions Scenarios"),
        ("A | B | Microsoft Learn", "A | B"),
        ("Microsoft Learn", "Microsoft Learn"),
        ("Microsoft Learn | Tour", "Microsoft Learn | Tour"),
        ("A | Microsoft Learn | Microsoft Learn", "A"),
        ("No suffix", "No suffix"),
        ("", ""),
    ],
)
def test_article_title_is_the_title_without_the_name_of_the_site(title: str, article: str) -> None:
    assert article_title(title) == article
    assert article_title(article) == article
