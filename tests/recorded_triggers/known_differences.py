"""Where our host differs from the recordings, and why. A scenario's name, ``folder/scenario`` or ``*`` for all of them.

Invariant: each entry matches a difference from its first letter to its last (``re.fullmatch``), so that another one in
the same scenario still fails.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["KNOWN"]

_OWN_BUILD: Final = "about the host's own build"
_ONE_PROCESS: Final = "host and worker are one process, and settings of parts that are not here are not shown"
_NO_KEYS: Final = "no key is asked for here, so that a call without one is answered as one with it"
_THEIR_MACHINE: Final = "two ports were taken on the machine of the recording"
_PARSER: Final = "another reader's words"
_LAST_ATTEMPT: Final = "the last of a message's attempts, which is told a moment earlier or later than in the recording"
_BY_HAND: Final = "This function was programmatically called via the host APIs."
_CUT: Final = "a long text, cut before the order of its metadata is the same"


def _log(change: str, level: str, category: str, text: str) -> str:
    """The pattern of an entry of the log; ``...`` in the text is anything within its line."""
    inner = re.escape(text).replace(r"\.\.\.", r"[^\n]*")
    return rf"log: {change} \d+ x {level}: {re.escape(category)} {inner}"


def _calls(change: str, function: str, *said: str) -> list[str]:
    """The patterns of a call by hand or over HTTP that succeeds, and of what the function logs."""
    executing = f"Executing 'Functions.{function}' (Reason='{_BY_HAND}', Id=<id>)"
    executed = f"Executed 'Functions.{function}' (Succeeded, Id=<id>, Duration=<ms>)"
    return [
        _log(change, "info", f"Function.{function}[1]", executing),
        *(_log(change, "info", f"Function.{function}.User[0]", one) for one in said),
        _log(change, "info", f"Function.{function}[2]", executed),
    ]


def _unparsed(change: str, text: str) -> list[str]:
    """The patterns of an activity by hand whose input is no JSON."""
    tail = f"Exception while executing function: Functions.{{}}\n---> Exception binding parameter 'given'\n---> {text}"
    return [
        pattern
        for name in ("a_echo", "a_fail")
        for pattern in (
            _log(
                change,
                "fail",
                f"Function.{name}[3]",
                f"Executed 'Functions.{name}' (Failed, Id=<id>, Duration=<ms>)\n{tail.format(name)}",
            ),
            _log(change, "fail", "Host.Results[0]", tail.format(name)),
        )
    ]


_ON_THEIR_MACHINE: Final = (
    _log(
        "missing",
        "fail",
        "Microsoft.Extensions.Hosting.Internal.Host[11]",
        "Hosting failed to start\nFailed to bind to address http://127.0.0.1:<port>: address already in use.\n"
        "---> Address already in use\n---> System.Net.Sockets.SocketException (98): Address already in use",
    ),
    _log("missing", "warn", "Host.Triggers.DurableTask[0]", "Failed to open local port 17071. This was attempt #1 ..."),
)

KNOWN: Final = (
    # Of every scenario: what is about the machine, the build, or the run before.
    ("*", r'"GET /", body: .*', "the start page is our own, and says so"),
    (
        "*",
        r'".*", json: /version recorded "4\.1037\.0\.0", ours "4\.0\.0\.0"; '
        r'/versionDetails recorded "4\.1037\.0", ours "durable_host"',
        _OWN_BUILD,
    ),
    (
        "*",
        r'"GET /admin/functions(/\w+)?", json: '
        r'((/\d+)?/test_data_href recorded "[^"]+<data>/(\w+)\.dat", ours "[^"]+/vfs/\4\.dat"(; |$))+',
        "there is no folder of test data here",
    ),
    ("*", r'"[^"]*", storage: missing 1 x \{.*"name": "locks/<hostid>/host"\}', "no host is the first of several here"),
    ("*", r'"[^"]*", storage: missing 1 x table AzureFunctionsDiagnosticEvents\d+', "no such table is made here"),
    *(
        (
            f"quiet/{scenario}",
            r'"[^"]*", storage: added 1 x \{.*"name": "(locks|timers)/<hostid>/Host\.Functions\.t_\w+[./]\w+"\}',
            "timers were not served when that folder was recorded",
        )
        for scenario in ("blob_basic", "blob_poison", "storage")
    ),
    *(
        (
            f"{folder}/{scenario}",
            rf'"[^"]*", storage: added 1 x (container|queue|table|\{{"container":) "?{hub}-?'
            r'(applease|control-0\d|workitems|History|Instances|Partitions)(",.*-appleaseinfo"\})?',
            "an app without durable functions has a task hub too, as one may be reached through the management API",
        )
        for folder, hub in (("errors", "[Kk]it[Ee]rrors"), ("comments", "[Kk]it[Cc]omments"))
        for scenario in ("startup", "errors")
    ),
    *(("*", pattern, _THEIR_MACHINE) for pattern in _ON_THEIR_MACHINE),
    # Keys.
    ("admin_reads", r'"(without a key|wrong key|wrong code)\b.*', _NO_KEYS),
    ("admin_run_queue", r'"q_text: (wrong|no) key", status: .* recorded 401, ours 202', _NO_KEYS),
    ("admin_run_timer", r'"t_manual: (wrong|no) key", status: .* recorded 401, ours 202', _NO_KEYS),
    ("log_http", r'"GET /api/key(\?code=wrong)?", (status|body): .*', _NO_KEYS),
    ("admin_run_queue", r'received: added 2 x \{.*("QueueTrigger": "string \'\'"|"function": "q_text").*\}', _NO_KEYS),
    *(("admin_run_queue", pattern, _NO_KEYS) for pattern in _calls("added", "q_text", "q_text got 0 bytes")),
    ("admin_run_timer", r'received: added 2 x \{.*("timer": "string \'\'"|"function": "t_manual").*\}', _NO_KEYS),
    *(("admin_run_timer", pattern, _NO_KEYS) for pattern in _calls("added", "t_manual", "t_manual runs...")),
    *(("log_http", pattern, _NO_KEYS) for pattern in _calls("added", "http_key")),
    # What the host says of itself.
    ("admin_reads", r'"GET /admin/host/(config|processes|systemkeys)", json: .*', _ONE_PROCESS),
    ("admin_reads", r'"GET /admin/instance/info", json: .*', _OWN_BUILD),
    *(
        ("admin_run_durable", pattern, _PARSER)
        for pattern in (
            *_unparsed("missing", "Error parsing boolean value. Path '', line 1, position 2."),
            *_unparsed("added", "Unexpected character encountered while parsing value: t. ..."),
        )
    ),
    # What depends on the moment.
    (
        "log_event_and_management",
        r".*An Orchestration instance with the status (Pending|Running) already exists\..*",
        "whichever it is at that moment",
    ),
    (
        "log_event_and_management",
        _log(
            "added",
            "fail",
            "Function.o_fail.User[0]",
            "<id>: Function 'o_fail (Orchestrator)' failed with an error. Reason: "
            "DurableTask.Core.Exceptions.OrchestrationFailureException",
        ),
        "the failure after the rewind, of which the real host says nothing",
    ),
    (
        "blob_poison",
        r'"attempts", peeked: missing 1 x \{.*"queue": "azure-webjobs-blobtrigger-<hostid>"\}',
        "the driver looks again and again, and may miss each of the moments between two attempts",
    ),
    ("queue_batch", r'"at once", most: .*', "newBatchThreshold's default depends on the machine"),
    ("queue_out_return", r'"returned too-long", poison: .*', _LAST_ATTEMPT),
    ("none/queue_out_return", r'"returned [\w-]+", poison: .*', _LAST_ATTEMPT),
    *(
        ("app/timers_periodic", pattern, "whether a full minute has passed before the driver first looks")
        for pattern in (
            r'"at first", storage: (missing|added) 1 x \{.*'
            r'"name": "timers/<hostid>/Host\.Functions\.t_(monitor|five_fields)/status"\}',
            r'received: (missing|added) 1 x \{"function": "t_(monitor|five_fields)".*'
            r'"Last": "0001-01-01T00:00:00\+00:00".*',
            r'received: (missing|added) 1 x \{"converter": "TimerRequestConverter".*'
            r'\\"Last\\":\\"0001-01-01T00:00:00.*',
        )
    ),
    ("queue_text", r"received: (missing|added) 1 x .*x{200}.*", _CUT),
)
"""Scenario, pattern of the difference, reason."""
