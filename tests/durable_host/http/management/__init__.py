"""The Durable extension's HTTP API, under ``/runtime/webhooks/durabletask``; the SDK's client calls the same routes.

``api`` routes a request to ``start``, ``status``, ``listing``, ``operations`` or ``entities``; ``status_history`` makes
the history that a status shows, ``query`` reads parameters, ``errors`` has the two forms of error bodies.
Invariant: status codes, headers and texts are the real host's.
"""

from durable_host.http.management.status_history import history_view

__all__ = ["history_view"]
