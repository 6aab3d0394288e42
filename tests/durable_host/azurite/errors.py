"""What can go wrong between asking for an Azurite and having one.

Raised by: the modules of this package. Caught by: the host's command line and the demo, which print the text and stop.
Invariant: every text says what failed, which file or port it was, and what to do next.

    AzuriteError
    ├── NodeMissingError      no usable Node.js with npm
    ├── AzuriteInstallError   npm could not install the locked packages
    ├── AzuriteStartError     the process ended, or did not answer in time
    └── AzuritePortError      a port that is needed belongs to something else
"""

from __future__ import annotations

__all__ = ["AzuriteError", "AzuriteInstallError", "AzuritePortError", "AzuriteStartError", "NodeMissingError"]


class AzuriteError(Exception):
    """Azurite cannot be had; the text says why and what to do."""


class NodeMissingError(AzuriteError):
    """No Node.js that can run Azurite, on PATH or from PyPI."""


class AzuriteInstallError(AzuriteError):
    """npm did not install what the lock file lists."""


class AzuriteStartError(AzuriteError):
    """The process ended early, or never answered; the text ends with the tail of its log."""


class AzuritePortError(AzuriteError):
    """A port that Azurite needs is used by something else."""

    def __init__(self, message: str, *, port: int) -> None:
        self.port = port
        super().__init__(message)
