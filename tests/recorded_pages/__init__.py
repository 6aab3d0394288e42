"""Recorded pages: answers what requests asks for from vcrpy cassettes, never from the network.

Role: the one replay that the tests, the local host's ``--cassettes`` and the demo share.
Called by: ``durable_host`` and the test suites; recorded by ``python -m recorded_pages.record``.
Calls: requests' adapter class, which it replaces while it is installed, and vcrpy's reader of cassettes.
Invariant: with 32 threads or one, nothing that requests sends reaches a socket.
"""

from recorded_pages.cassettes import CassetteError, Recording, load_recordings
from recorded_pages.playback import NoRecordingError, RecordedPages, install, replay

__all__ = ["CassetteError", "NoRecordingError", "RecordedPages", "Recording", "install", "load_recordings", "replay"]
