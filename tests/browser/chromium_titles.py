"""Ask a real Chromium for the titles of many pages.

Role: serve pages on loopback, show each in a frame of one headless browser, collect what ``document.title`` says.
Called by: ``compare_titles``.
Calls: the Chromium named by the variable CHROMIUM, else the first one on PATH.
Invariant: the browser resolves no name, so nothing leaves this machine; a missing browser is an error.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_OPTIONS = (
    "--headless",
    "--no-sandbox",  # a sandbox needs rights that containers do not give; the pages are ours
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# windows-1252, because a frame without any declaration inherits its parent's encoding.
_DRIVER = b"""<!DOCTYPE html><meta charset=windows-1252><body><script>
(async () => {
  const count = COUNT, titles = [];
  for (let number = 0; number < count; number++) {
    const frame = document.createElement('iframe');
    const loaded = new Promise(done => { frame.onload = done; setTimeout(done, 5000); });
    frame.src = '/page/' + number;
    document.body.append(frame);
    await loaded;
    titles.push(frame.contentDocument ? frame.contentDocument.title : 'NO DOCUMENT');
    frame.remove();
  }
  await fetch('/titles', {method: 'POST', body: JSON.stringify(titles)});
})();
</script>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPage:
    """One page: its bytes, and the Content-Type that it is served with."""

    body: bytes
    content_type: str


class NoBrowserError(Exception):
    """There is no Chromium to ask."""


def chromium_titles(pages: Sequence[ServedPage], *, seconds: float = 300) -> list[str]:
    """Return the title that Chromium shows for each page."""
    titles: list[str] = []
    arrived = threading.Event()
    numbered = {f"/page/{number}": page for number, page in enumerate(pages)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self._answer("text/html", _DRIVER.replace(b"COUNT", str(len(pages)).encode()))
            elif page := numbered.get(self.path):
                self._answer(page.content_type, page.body)
            else:
                self.send_error(404)  # what the pages themselves ask for: images, icons

        def do_POST(self) -> None:
            titles.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer("text/plain", b"")
            arrived.set()

        def _answer(self, content_type: str, body: bytes) -> None:
            self.send_response(200)
            if content_type:
                self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    program = _chromium()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, tempfile.TemporaryDirectory() as profile:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        log = Path(profile) / "log"
        with log.open("wb") as output:
            browser = subprocess.Popen(
                [
                    program,
                    *_OPTIONS,
                    f"--user-data-dir={profile}/data",
                    "--remote-debugging-port=0",  # keeps the browser open
                    f"http://127.0.0.1:{server.server_port}/",
                ],
                stdout=output,
                stderr=output,
            )
        try:
            if not arrived.wait(seconds):
                raise TimeoutError(f"{program} sent no titles within {seconds} s: {log.read_text()[-2000:]}")
        finally:
            browser.terminate()
            browser.wait(30)
            server.shutdown()
            thread.join()
    return titles


def _chromium() -> str:
    wanted = os.environ.get("CHROMIUM")
    found = shutil.which(wanted) if wanted else next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise NoBrowserError(
            f"No Chromium was found ({wanted or ', '.join(_NAMES)}). Install one, for example with "
            "'apt-get install chromium', or set the variable CHROMIUM to its path."
        )
    return found
