"""Runs a program that is killed when its parent ends, however that ends: `python leash.py PARENT PROGRAM WORDS...`.

A child of its own, not code between fork and exec: the parent has threads.  Linux.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, program: str, words: list[str]) -> None:
    """Become the program, unless the process `parent` is gone already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == int(parent):
        os.execv(program, [program, *words])  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
