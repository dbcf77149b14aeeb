"""How the C library keeps memory between the tensors of a forward pass."""

from __future__ import annotations

import ctypes
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
KEPT_BYTES: Final = 1 << 29
LARGEST_BLOCK_BYTES: Final = 1 << 25
"""The most that every glibc takes as a threshold for blocks of their own."""


def keep_freed_memory() -> None:
    """Makes glibc keep up to 512 MiB of freed memory, for the whole process; nothing happens with another C library.

    By default it hands freed tensors of a few MiB back to the kernel, and the page faults of the next ones take a third
    of the time of a forward pass.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
