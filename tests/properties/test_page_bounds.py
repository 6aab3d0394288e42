"""No page brings more bytes to its reader than the bound, however it is compressed and cut."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from page_fetch import FetchLimits, PageFetcher
from title_outcome import NoTitle
from url_policy import UrlPolicy

URL = "https://learn.microsoft.com/"


class OneAnswer(HTTPAdapter):
    """Answers every request with the same body, without a socket."""

    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        super().__init__()
        self._body, self._headers = body, headers

    def send(self, request: PreparedRequest, *args: object, **kwargs: object) -> Response:
        """Answer."""
        raw = HTTPResponse(body=io.BytesIO(self._body), headers=self._headers, status=200, preload_content=False)
        response: Response = self.build_response(request, raw)
        return response


@given(
    size=st.integers(0, 300_000),
    bound=st.integers(1, 200_000),
    compressed=st.booleans(),
    wanted=st.integers(0, 300_000),
)
def test_reader_never_gets_more_than_the_bound_and_all_of_a_page_within_it(
    size: int, bound: int, compressed: bool, wanted: int
) -> None:
    body = b"x" * size
    headers = {"Content-Type": "text/html", **({"Content-Encoding": "gzip"} if compressed else {})}
    fetcher = PageFetcher(UrlPolicy.from_setting(None), limits=FetchLimits(max_bytes=bound))
    fetcher.session.mount("https://", OneAnswer(gzip.compress(body) if compressed else body, headers))
    got: list[int] = [0]

    def read(chunks: Iterable[bytes], content_type: str | None) -> str:
        for piece in chunks:
            got[0] += len(piece)
            if got[0] >= wanted:
                break
        return "read"

    found = fetcher.fetch(URL, read)

    assert got[0] <= bound
    if size <= bound:
        assert found == "read"
        assert got[0] >= min(size, wanted)
    elif isinstance(found, NoTitle):
        assert found.code == "too_large"
    else:
        assert got[0] >= wanted
