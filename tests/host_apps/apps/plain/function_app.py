"""An app without durable functions, whose files have comments, with a package of its own beside it."""

# mypy: disallow-untyped-decorators=False, disable-error-code=import-not-found
from __future__ import annotations

import logging
import os
from pathlib import Path

import azure.functions as func
import beside  # from .python_packages

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
logging.getLogger().setLevel(logging.CRITICAL)  # silences the app, and not the host


@app.route(route="where")
def where(req: func.HttpRequest) -> str:
    logging.warning("nobody reads this")
    return f"{Path.cwd().name} {beside.NAME} {os.environ['FROM_SETTINGS']}"


@app.route(route="%FROM_SETTINGS%/literal")
def literal(req: func.HttpRequest) -> str:
    return "literal"
