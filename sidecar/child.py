"""What every child process of the sidecar does first: tie its life to the parent's, and keep its answers apart."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import IO, Final

PR_SET_PDEATHSIG: Final = 1


def die_with_parent(parent: int) -> None:
    """Be killed when the process `parent` ends, also in the middle of a long computation (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent is gone")


def take_output() -> IO[bytes]:
    """The answers' stream; from now on stray prints go to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers
