"""The title of a page, as a browser shows it, and how much of the page is read for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from page_title import LOOKS, MAX_BYTES, article_title, document_title, read_title
from title_outcome import NoTitle

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
        ("<body><table><tr><td><title>Cell</title></td></tr></table>", "Cell"),
        ("<math><mi><title>Letter</title></mi></math><title>Real</title>", "Real"),
        ("<head><noscript><img src=x><title>No script</title></noscript><title>Real</title>", "Real"),
        ("<!--[if IE]><title>Old</title><![endif]--><title>Real</title>", "Real"),
        ("<iframe srcdoc='<title>Frame</title>'></iframe><title>Real</title>", "Real"),
        (f"<script>{'x = 1;' * 40_000}</script><title>After much script</title>", "After much script"),
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
        ("<title>café ✓</title>".encode(), "text/html", "café ✓"),
        (b"<title>caf\xe9 \x80</title>", "text/html", "café €"),
        (b"<?xml version='1.0' encoding='iso-8859-2'?><title>\xb1\xb6</title>", "application/xhtml+xml", "ąś"),
        (b"<!-- <meta charset=koi8-r> --><title>caf\xc3\xa9</title><meta charset=utf-8>", None, "café"),
        (b"<title>caf\xc3\xa9</title><meta charset=utf-16>", None, "café"),
        ("<title>日本</title>".encode("iso2022_jp") + b"<meta charset=iso-2022-jp>", None, "日本"),
        (b"<title>\x93caf\xe9\x94 \x80</title>", "text/html; charset=ISO-8859-1", "“café” €"),
        ("<title>日本</title>".encode("shift_jis"), "text/html; charset=shift_jis", "日本"),
        ("<title>café</title><meta charset=utf-8>".encode(), "text/html; charset=no-such-thing", "café"),
        ("<title>café</title><meta charset=utf-8>".encode(), "text/html; charset=", "café"),
    ],
)
def test_title_is_decoded_as_a_browser_decodes_it(body: bytes, content_type: str | None, title: str) -> None:
    assert document_title(body, content_type) == title


@pytest.mark.parametrize(
    ("label", "codec", "title"),
    [
        ("shift_jis", "cp932", "①日本語"),
        ("gb2312", "gbk", "繁體字標題"),
        ("gb18030", "gb18030", "中文标题"),
        ("big5", "big5", "繁體中文"),
        ("euc-kr", "cp949", "똠방각하"),
        ("euc-jp", "euc_jp", "日本語"),
        ("windows-1251", "cp1251", "Привет мир"),
        ("koi8-r", "koi8_r", "Привет"),
        ("iso-8859-1", "cp1252", "“café” €"),
        ("iso-8859-9", "cp1254", "Türkçe ığş"),
        ("tis-620", "cp874", "ภาษาไทย"),
        ("windows-1256", "cp1256", "العربية"),
    ],
)
@pytest.mark.parametrize("between", ["", "<meta name=keywords content=words>" * 200], ids=["at once", "6 KB later"])
def test_title_waits_for_the_encoding_that_comes_after_it(label: str, codec: str, title: str, between: str) -> None:
    page = (
        f"<html><head><title>{title}</title>{between}<meta http-equiv=Content-Type content='text/html;charset={label}'>"
    )

    assert document_title(page.encode(codec), "text/html") == title


def test_title_is_read_across_chunks() -> None:
    chunks = [bytes([byte]) for byte in "<title>Größe &amp; Gewicht</title>".encode()]

    assert read_title(chunks, UTF8) == "Größe & Gewicht"


@pytest.mark.parametrize("before", [0, 300, 1_000, 5_000, 20_000, 100_000, 250_000])
@pytest.mark.parametrize("content_type", [UTF8, "text/html"])
def test_no_more_is_read_than_the_next_look_needs(before: int, content_type: str) -> None:
    page = f"<!--{'x' * before}--><title>Early</title>".encode()
    taken: list[int] = [0]

    def chunks() -> Iterator[bytes]:
        yield page
        while True:
            taken[0] += 100
            yield b"x" * 100

    assert read_title(chunks(), content_type) == "Early"
    assert len(page) + taken[0] < next(size for size in LOOKS if size >= len(page)) + 100


def test_title_of_one_encoding_only_waits_for_that_encoding() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"<title>caf\xc3\xa9</title>".ljust(3_000)
        yield b"<meta charset=utf-8>".ljust(6_000)
        raise AssertionError("the title was certain")

    assert read_title(chunks(), "text/html") == "café"


def test_page_without_title_in_its_first_part_is_too_large() -> None:
    found = read_title([b"text " * MAX_BYTES, b"<title>Late</title>"], UTF8)

    assert found == NoTitle(code="too_large", reason="the page has no title in its first 262,144 bytes")
    assert document_title(b" " * MAX_BYTES + b"<title>Late</title>") == ""


def test_title_of_a_page_that_never_names_its_encoding_is_found_in_its_first_part() -> None:
    body = "<title>café</title>".encode() + "é".encode() * MAX_BYTES

    assert document_title(body, "text/html") == "café"


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
