"""What the compilers of kernels raise, so that a kernel that does not compile refuses its backend and nothing else.

That is also what the disk says to a compiler that cannot keep its files, or finds no other compiler that it starts.
"""

from __future__ import annotations

import sys
from typing import Final

FAMILIES: Final = (("triton.errors", "TritonError"), ("numba.core.errors", "NumbaError"))
"""Module and class; torch.compile's errors are RuntimeErrors."""


def list_refusals() -> tuple[type[Exception], ...]:
    """RuntimeError, which is torch's and BackendError's, OSError, and the families of the imported compilers."""
    families = [getattr(sys.modules[module], name) for module, name in FAMILIES if module in sys.modules]
    return (RuntimeError, OSError, *families)
