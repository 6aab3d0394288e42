"""Recorded pages: answers what requests asks for from vcrpy cassettes, never from the network.

With 32 threads or one, nothing that requests sends reaches a socket. ``python -m recorded_pages.record`` records.
"""

from recorded_pages.cassettes import CassetteError, Recording, load_recordings
from recorded_pages.playback import NoRecordingError, RecordedPages, install, replay

__all__ = ["CassetteError", "NoRecordingError", "RecordedPages", "Recording", "install", "load_recordings", "replay"]
