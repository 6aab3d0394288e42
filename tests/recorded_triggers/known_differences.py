"""Where our host differs from the recordings, and why. A scenario's name, ``folder/scenario`` or ``*`` for all of them.

Invariant: each entry says what a difference looks like, so that another one in the same scenario still fails.
"""

from __future__ import annotations

from typing import Final

__all__ = ["KNOWN"]

_NO_KEYS: Final = "no key is asked for here, so that calls without one run too"

KNOWN: Final = (
    ("*", r'approximate_count|"queues", queues|attempts", queues', "that depends on what ran before"),
    ("*", r'^"receipts"', "that depends on what ran before"),
    ("*", r"Client operation 'StartOrchestration' received", "only said there, of starts by other triggers"),
    ("*", r'^"instance .*", json', "tests/recorded_host compares statuses and histories"),
    ("*", r"test_data_href", "there is no folder of test data here"),
    ("admin_run_queue", r"(wrong|no) key|: added 2 x ", _NO_KEYS),
    ("admin_run_timer", r"(wrong|no) key|: added 2 x ", _NO_KEYS),
    ("log_http", r"/api/key|Functions\.http_key", _NO_KEYS),
    ("admin_run_blob", r"b_raises|samples-raise", "the scan finds the blob a little sooner or later"),
    ("admin_run_http", r"b_raises|samples-raise", "the scan finds the blob a little sooner or later"),
    (
        "admin_run_durable",
        r"Error parsing boolean|Unexpected character",
        "another reader's words",
    ),
    ("admin_run_durable", r"webjobs-blobtrigger-poison", "the scan finds the blob a little sooner or later"),
    ("admin_run_durable", r"b_raises|samples-raise", "the scan finds the blob a little sooner or later"),
    ("blob_poison", r'"attempts", peeked', "that depends on what ran before"),
    ("log_event_and_management", r"with the status (Pending|Running) already exists", "whichever it is at that moment"),
    ("log_event_and_management", r"added 1 x fail: Function\.o_fail\.User", "the second failure, after the rewind"),
    (
        "log_retry_activity",
        r"a_fail \(Activity\)' scheduled|CreateTimer|was resumed by a timer",
        "a retry and its pause are told here, and are not there",
    ),
    ("queue_batch", r'"at once", most', "newBatchThreshold's default depends on the machine"),
    ("queue_out_return", r"Service request failed|The request body is too large", "the storage client's own words"),
    ("none/queue_out_return", r", poison: ", "poison comes after five seconds, in whichever step that is"),
    (
        "none/durable_by_queue",
        r"added 1 x .*(too-long|too large|q_ret|xxxx)",
        "the last attempt from before",
    ),
    ("queue_text", r"xxxxxxxx", "a long text, cut before the order of its metadata is the same"),
)
"""Scenario, pattern of the difference, reason."""
