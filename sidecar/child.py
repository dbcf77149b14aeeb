"""What every child process of the sidecar does first: tie its life to the parent's, and keep its answers apart.

`python -m sidecar.child PROGRAM ...` does the first for a program of others, whose place it then takes.
"""

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


if __name__ == "__main__":
    die_with_parent(int(os.environ["GNK_SIDECAR_PID"]))
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the operator named the program
