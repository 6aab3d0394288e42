"""Where our host differs from the recordings, and why. A scenario's name, ``folder/scenario`` or ``*`` for all of them.

Invariant: each entry says what a difference looks like, so that another one in the same scenario still fails.
"""

from __future__ import annotations

from typing import Final

__all__ = ["KNOWN"]

KNOWN: Final = (
    (
        "*",
        r"approximate_count|\"queues\", queues|attempts\", queues",
        "that depends on what ran before",
    ),
    ("*", r"^\"receipts\"", "that depends on what ran before"),
    (
        "*",
        r"Client operation 'StartOrchestration' received",
        "only said there, of starts by other triggers",
    ),
    ("admin_run_queue", r"(wrong|no) key|: added 2 x ", "no key is asked for here, so that these two calls run too"),
    ("log_http", r"/api/key|Functions\.http_key", "no key is asked for here"),
    (
        "log_retry_activity",
        r"a_fail \(Activity\)' scheduled|CreateTimer|was resumed by a timer",
        "a retry and its pause are told here, and are not there",
    ),
    ("queue_out_return", r"Service request failed|The request body is too large", "the storage client's own words"),
)
"""Scenario, pattern of the difference, reason."""
