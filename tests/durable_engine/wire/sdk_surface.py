"""What the engine and the host use of the SDK beyond its public face, all of it.

A new SDK that moves one of these breaks this module, and ``tests/engine/test_sdk_surface.py`` says which.
"""

from __future__ import annotations

import sys
from typing import Final

from azure.durable_functions.models.actions.ActionType import ActionType

__all__ = ["ActionType", "close_http_session"]

_HTTP_MODULE: Final = "azure.durable_functions.models.utils.http_utils"


async def close_http_session() -> None:
    """Close the session that the SDK's client keeps for the life of a worker, and that nothing of its own closes.

    Call it on the event loop on which the app's functions ran; where no client was used there is nothing to close.
    """
    module = sys.modules.get(_HTTP_MODULE)
    if module is not None:
        await module._close_session()
