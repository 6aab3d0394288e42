"""Which URLs this app may call: https, port 443, and a host that is on the list.

A URL that passes has exactly one reading: no user info, and no character before its path that URL parsers disagree
about, since two parsers that see different hosts are the classic way around a list of hosts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_HOSTS = "learn.microsoft.com"
MAX_URL_LENGTH = 2048

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z")
_ABSOLUTE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)\Z", re.DOTALL)
# Blanks and controls are cut or moved by some parsers, a backslash is a slash to some, a surrogate cannot be sent.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_JSON_NAMES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a URL may not be called: a stable code for programs and one sentence for people."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlPolicy:
    """The hosts that may be called; every other rule is fixed."""

    hosts: frozenset[str]

    @classmethod
    def from_setting(cls, value: str | None) -> UrlPolicy:
        """Read the app setting ``TITLE_HOSTS``: host names, separated by commas; unset or blank means the default.

        Raises:
            ValueError: A name is not a host name.
        """
        names = [name.strip().lower() for name in (value or "").split(",") if name.strip()] or [DEFAULT_HOSTS]
        for name in names:
            if not _HOST.match(name):
                raise ValueError(
                    f"The app setting TITLE_HOSTS holds {name!r}, which is not a host name. "
                    f"Set it to host names without scheme, port, path or wildcard, separated by commas: "
                    f"{DEFAULT_HOSTS!r}, for example."
                )
        return cls(hosts=frozenset(names))

    def refuse(self, url: object) -> Refusal | None:
        """Return None for a URL that may be called, else the first rule that it breaks."""
        if not isinstance(url, str):
            return Refusal(code="not_a_string", reason=f"a URL must be a string, not {_JSON_NAMES[type(url)]}")
        if not url:
            return Refusal(code="bad_url", reason="the URL is empty")
        if len(url) > MAX_URL_LENGTH:
            return Refusal(
                code="bad_url", reason=f"the URL has {len(url)} characters; at most {MAX_URL_LENGTH} are taken"
            )
        if strange := _AMBIGUOUS.search(url):
            return Refusal(
                code="bad_url",
                reason=f"the URL holds the character U+{ord(strange[0]):04X} at position {strange.start()}; encode it",
            )
        if not (parts := _ABSOLUTE.match(url)):
            return Refusal(code="bad_url", reason="the URL is not absolute; it must start with https://")
        if parts["scheme"].lower() != "https":
            return Refusal(code="not_https", reason=f"the scheme is {parts['scheme'].lower()}; only https is allowed")
        return self._refuse_authority(parts["authority"])

    def _refuse_authority(self, authority: str) -> Refusal | None:
        if "@" in authority:
            return Refusal(code="userinfo_not_allowed", reason="user names and passwords in a URL are not allowed")
        host, colon, port = authority.lower().partition(":")
        if authority.startswith("["):
            host, colon, port = authority.lower(), "", ""
        if not host:
            return Refusal(code="bad_url", reason="the URL names no host")
        if host not in self.hosts:
            allowed = ", ".join(sorted(self.hosts))
            return Refusal(
                code="host_not_allowed", reason=f"the host {host} is not allowed; TITLE_HOSTS allows {allowed}"
            )
        if colon and port != "443":
            return Refusal(code="port_not_allowed", reason=f"the port {port or '(empty)'} is not allowed; only 443 is")
        return None
