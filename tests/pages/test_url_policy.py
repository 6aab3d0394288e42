"""Which URLs may be called, and which rule refuses the others."""

from __future__ import annotations

import pytest

from url_policy import MAX_URL_LENGTH, UrlPolicy

POLICY = UrlPolicy.from_setting("learn.microsoft.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://learn.microsoft.com",
        "https://learn.microsoft.com/",
        "https://learn.microsoft.com/azure/azure-functions/functions-scenarios",
        "https://learn.microsoft.com:443/azure",
        "https://learn.microsoft.com?view=azure",
        "https://learn.microsoft.com#top",
        "HTTPS://LEARN.MICROSOFT.COM/azure",
        "https://learn.microsoft.com/azure?next=https://example.com/@x:80",
        "https://learn.microsoft.com/größe",
        "https://learn.microsoft.com/" + "a" * (MAX_URL_LENGTH - 28),
    ],
)
def test_policy_accepts_https_urls_of_an_allowed_host(url: str) -> None:
    assert POLICY.refuse(url) is None


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (None, "not_a_string"),
        (7, "not_a_string"),
        (True, "not_a_string"),
        (["https://learn.microsoft.com/"], "not_a_string"),
        ({"url": "https://learn.microsoft.com/"}, "not_a_string"),
        ("", "bad_url"),
        ("learn.microsoft.com/azure", "bad_url"),
        ("/azure", "bad_url"),
        ("//learn.microsoft.com/azure", "bad_url"),
        ("https:/learn.microsoft.com", "bad_url"),
        ("https:///learn.microsoft.com", "bad_url"),
        ("https://", "bad_url"),
        (" https://learn.microsoft.com/", "bad_url"),
        ("https://learn.microsoft.com/ azure", "bad_url"),
        ("https://learn.microsoft.com/\r\nHost: example.com", "bad_url"),
        ("https://learn.microsoft.com\\@example.com/", "bad_url"),
        ("https://example.com\\.learn.microsoft.com/", "bad_url"),
        ("https://learn.microsoft.com/\ud800", "bad_url"),
        ("https://learn.microsoft.com/" + "a" * MAX_URL_LENGTH, "bad_url"),
        ("http://learn.microsoft.com/", "not_https"),
        ("file:///etc/passwd", "not_https"),
        ("ftp://learn.microsoft.com/", "not_https"),
        ("https://user@learn.microsoft.com/", "userinfo_not_allowed"),
        ("https://learn.microsoft.com@example.com/", "userinfo_not_allowed"),
        ("https://learn.microsoft.com:443@127.0.0.1/", "userinfo_not_allowed"),
        ("https://example.com/", "host_not_allowed"),
        ("https://learn.microsoft.com.example.com/", "host_not_allowed"),
        ("https://xlearn.microsoft.com/", "host_not_allowed"),
        ("https://learn.microsoft.com./", "host_not_allowed"),
        ("https://127.0.0.1/", "host_not_allowed"),
        ("https://127.1/", "host_not_allowed"),
        ("https://2130706433/", "host_not_allowed"),
        ("https://0x7f000001/", "host_not_allowed"),
        ("https://[::1]/", "host_not_allowed"),
        ("https://[::ffff:127.0.0.1]:443/", "host_not_allowed"),
        ("https://%6cearn.microsoft.com/", "host_not_allowed"),
        ("https://l\u0435arn.microsoft.com/", "host_not_allowed"),
        ("https://169.254.169.254/latest/meta-data", "host_not_allowed"),
        ("https://learn.microsoft.com:8443/", "port_not_allowed"),
        ("https://learn.microsoft.com:80/", "port_not_allowed"),
        ("https://learn.microsoft.com:/", "port_not_allowed"),
        ("https://learn.microsoft.com:443:80/", "port_not_allowed"),
    ],
)
def test_policy_names_the_rule_that_refuses_a_url(url: object, code: str) -> None:
    refusal = POLICY.refuse(url)

    assert refusal is not None
    assert refusal.code == code
    assert refusal.reason


def test_setting_allows_several_hosts_in_any_spelling() -> None:
    policy = UrlPolicy.from_setting(" Learn.Microsoft.com , docs.python.org,")

    assert policy.hosts == {"learn.microsoft.com", "docs.python.org"}
    assert policy.refuse("https://docs.python.org/3/") is None


@pytest.mark.parametrize("value", [None, "", "  ", ","])
def test_setting_that_is_unset_or_blank_means_the_default_host(value: str | None) -> None:
    assert UrlPolicy.from_setting(value).hosts == {"learn.microsoft.com"}


@pytest.mark.parametrize(
    "value",
    [
        "https://learn.microsoft.com",
        "learn.microsoft.com:443",
        "a b.example",
        "-x.example",
        "*",
        "*.microsoft.com",
        "learn.microsoft.com,*",
    ],
)
def test_setting_that_is_not_a_host_name_says_what_to_write(value: str) -> None:
    with pytest.raises(ValueError, match=r"TITLE_HOSTS holds .* not a host name"):
        UrlPolicy.from_setting(value)
