"""The backends by name.  All of them give the same bits; they differ in where they run and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pow_kernels.backends.backend import Backend, BackendError
from pow_kernels.backends.bf16 import Bf16Backend
from pow_kernels.backends.compiled import CompiledBackend
from pow_kernels.backends.fp32 import Fp32Backend
from pow_kernels.backends.int8 import Int8Backend
from pow_kernels.backends.numba import NumbaBackend
from pow_kernels.backends.triton import TritonBackend

_LISTED: Final[tuple[Backend, ...]] = (
    TritonBackend(),
    NumbaBackend(),
    CompiledBackend(),
    Int8Backend(),
    Bf16Backend(),
    Fp32Backend(),
)
BACKENDS: Final[Mapping[str, Backend]] = MappingProxyType({backend.name: backend for backend in _LISTED})
"""A device has those that are meant for it.  A CPU takes the first that passes, a card the fastest."""

__all__ = ["BACKENDS", "Backend", "BackendError"]
