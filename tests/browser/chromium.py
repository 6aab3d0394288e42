"""A Chromium of this machine, driven by Playwright's client; nothing is downloaded.

Invariant: the browser talks to this machine alone, starts without a profile, and leaves none.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Final

from playwright.sync_api import Browser, sync_playwright

__all__ = ["NoBrowserError", "open_chromium"]

_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)


class NoBrowserError(Exception):
    """There is no Chromium on this machine."""


@contextlib.contextmanager
def open_chromium() -> Iterator[Browser]:
    """A browser without a window, until the block ends."""
    named = os.environ.get("CHROMIUM")
    program = shutil.which(named) if named else next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        raise NoBrowserError(
            f"No browser: {named or ' or '.join(_PROGRAMS)} is not on the PATH. Install Chromium ('apt-get install "
            "chromium'), or name another build of it in the variable CHROMIUM."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
