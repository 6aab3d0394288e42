"""A deterministic test harness for Durable Functions in Python: real SDK, virtual time, every order, every fault."""

from durable_harness.app.answers import app_activity, in_turn
from durable_harness.app.outcomes import http_response
from durable_harness.core.findings import SdkDefectWarning
from durable_harness.harness import Harness
from durable_harness.history_replay import replay_history
from durable_harness.running.raised_events import raised

__all__ = ["Harness", "SdkDefectWarning", "app_activity", "http_response", "in_turn", "raised", "replay_history"]
