"""The function app: titles of many pages, fetched durably and in parallel.

Three functions, in the order in which one request flows through them. The orchestrator does no I/O and reads no clock,
setting or random number, so a replay repeats it exactly.
"""

import logging
import os
from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from title_outcome import NoTitle, TitleRecord, found_title, summary
from title_request import RefusedRequest, orchestration_urls, read_request
from url_policy import UrlPolicy

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.route(route="FetchOrchestration_HttpStart", methods=["GET", "POST"])
@app.durable_client_input(client_name="client")
async def http_start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start one orchestration for the URLs of the request and answer where its status can be read."""
    urls = read_request(req.method, req.get_body(), UrlPolicy.from_setting(os.environ.get("TITLE_HOSTS")))
    if isinstance(urls, RefusedRequest):
        return func.HttpResponse(urls.to_json(), status_code=400, mimetype="application/json")

    instance_id = await client.start_new("fetch_orchestration", client_input=urls)
    logging.info("Started orchestration with ID = '%s' for %d pages.", instance_id, len(urls))
    response: func.HttpResponse = client.create_check_status_response(req, instance_id)
    return response


@app.orchestration_trigger(context_name="context")
def fetch_orchestration(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str]:
    """Fan out one ``fetch_title`` per URL, wait for all of them, and join what they found in the order of the URLs."""
    urls = orchestration_urls(context.get_input())
    if not context.is_replaying:
        logging.info("Fetching the titles of %d pages.", len(urls))

    tasks = [context.call_activity("fetch_title", url) for url in urls]
    records = yield context.task_all(tasks)

    return summary(urls, records)


@app.activity_trigger(input_name="url")
def fetch_title(url: str) -> TitleRecord:
    """Answer the title of one page, or the reason why it has none; only the unexpected raises."""
    # Imported here because the HTTP client and the parser take longer to load than the rest of the app: the host
    # answers its first request without them.
    from page_fetch import worker_fetcher
    from page_title import article_title, read_title

    found = worker_fetcher(os.environ.get("TITLE_HOSTS")).fetch(url, read_title)
    outcome = found if isinstance(found, NoTitle) else found_title(article_title(found))
    if isinstance(outcome, NoTitle):
        logging.warning("No title for %s: %s (%s)", url, outcome.reason, outcome.code)
    return outcome.to_record()
