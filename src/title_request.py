"""What a caller may ask for: the HTTP trigger's request, and later the orchestration's input, as a list of URLs.

Pure; the orchestrator's half must stay so, because it runs again on every replay.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from url_policy import UrlPolicy

DEFAULT_URLS = (
    "https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-overview",
    "https://learn.microsoft.com/azure/azure-functions/durable/durable-task-scheduler/durable-task-scheduler",
    "https://learn.microsoft.com/azure/azure-functions/functions-scenarios",
    "https://learn.microsoft.com/azure/azure-functions/functions-create-ai-enabled-apps",
)
MAX_URLS = 1000
_SHAPE = 'Send {"urls": ["https://...", ...]}, or no body for the default pages.'
_SHOWN_ENTRIES = 20
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongEntry:
    """One entry of ``urls`` that cannot be taken."""

    index: int
    value: object
    code: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Show the entry as the caller sent it, cut if it is long."""
        text = self.value if isinstance(self.value, str) else json.dumps(self.value)
        shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
        return {"entry": f"urls[{self.index}]", "value": shown, "code": self.code, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """A request that starts nothing, and why."""

    error: str
    entries: tuple[WrongEntry, ...] = field(default=())

    def to_json(self) -> str:
        """Answer the body of the 400 response."""
        shown = [entry.to_dict() for entry in self.entries[:_SHOWN_ENTRIES]]
        return json.dumps({"error": self.error, "entries": shown})


def read_request(method: str, body: bytes, policy: UrlPolicy) -> list[str] | RefusedRequest:
    """Read the URLs that a caller asks for: the default ones without a body, else ``{"urls": [...]}``."""
    if method.upper() != "POST" or not body.strip():
        return list(DEFAULT_URLS)
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        return RefusedRequest(error=f"The body is not JSON ({_in_short(error)}). {_SHAPE}")
    if not isinstance(request, dict) or "urls" not in request:
        return RefusedRequest(error=f'The body has no "urls". {_SHAPE}')
    if unknown := sorted(set(request) - {"urls"}):
        return RefusedRequest(error=f"The body holds {_in_short(unknown[0])!r}, which is not known here. {_SHAPE}")
    return _check_urls(request["urls"], policy)


def _check_urls(urls: object, policy: UrlPolicy) -> list[str] | RefusedRequest:
    if not isinstance(urls, list):
        return RefusedRequest(error=f'"urls" is not an array. {_SHAPE}')
    if not 1 <= len(urls) <= MAX_URLS:
        return RefusedRequest(error=f'"urls" has {len(urls)} entries; 1 to {MAX_URLS} are taken.')
    wrong = tuple(
        WrongEntry(index=index, value=url, code=refusal.code, reason=refusal.reason)
        for index, url in enumerate(urls)
        if (refusal := policy.refuse(url))
    )
    if not wrong:
        return urls
    first = wrong[0]
    more = f", and {len(wrong) - 1} more of the {len(urls)} entries cannot be taken either" if len(wrong) > 1 else ""
    return RefusedRequest(error=f"urls[{first.index}] cannot be taken: {first.reason}{more}.", entries=wrong)


def orchestration_urls(value: object) -> list[str]:
    """Read the orchestration's own input, which may also come from the management API: None means the default URLs."""
    if value is None:
        return list(DEFAULT_URLS)
    if isinstance(value, list) and value and all(isinstance(url, str) for url in value):
        return value
    raise ValueError("The input of fetch_orchestration must be a non-empty JSON array of URLs, or null.")


def _in_short(error: object) -> str:
    return str(error)[:_SHOWN_CHARACTERS]
