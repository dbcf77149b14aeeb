"""The backends by name.  All of them give the same bits; they differ in where they run and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pow_kernels.backends.backend import Backend, BackendError
from pow_kernels.backends.fp32 import Fp32Backend
from pow_kernels.backends.int8 import Int8Backend

BACKENDS: Final[Mapping[str, Backend]] = MappingProxyType({"int8": Int8Backend(), "fp32": Fp32Backend()})
"""The preferred one first."""

__all__ = ["BACKENDS", "Backend", "BackendError"]
