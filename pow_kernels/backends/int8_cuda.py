"""int8 products by torch's own integer product on CUDA cards, padded as it asks, requantised in int32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from pow_kernels.spec import ACTIVATION_LIMIT, RESIDUAL_LIMIT, Scale
from pow_kernels.stages import gate

LEAST_ROWS: Final = 32
"""cuBLAS takes more than 16 rows."""
MULTIPLE: Final = 8
"""Of rows and columns of either operand."""


@dataclass(frozen=True, slots=True)
class IntegerLinear:
    """The weight as (in, out), both padded with zeros to multiples of eight; `outputs` of them count.

    A weight that needs no zeros is the drawn one itself: a copy of `whitepaper` would take 2.3 GB.
    """

    weight: Tensor
    outputs: int
    scale: Scale

    @classmethod
    def open(cls, weight: Tensor, scale: Scale) -> IntegerLinear:
        outputs, inputs = weight.shape
        return cls(_pad(weight, -outputs % MULTIPLE, -inputs % MULTIPLE).t(), outputs, scale)

    def to_activation(self, x: Tensor) -> Tensor:
        return self._requantise(x, ACTIVATION_LIMIT).to(torch.int8)

    def to_gated(self, x: Tensor) -> Tensor:
        return gate(self.to_activation(x))

    def to_residual(self, x: Tensor) -> Tensor:
        return self._requantise(x, RESIDUAL_LIMIT).to(torch.float32)

    def multiply(self, x: Tensor) -> Tensor:
        """int32 (N, out): x W^T."""
        rows, inputs = x.shape
        padded = _pad(x, max(LEAST_ROWS - rows, -rows % MULTIPLE), -inputs % MULTIPLE)
        return torch._int_mm(padded, self.weight)[:rows, : self.outputs]

    def _requantise(self, x: Tensor, limit: int) -> Tensor:
        """int32 holds sum * m + 2^(s-1) for every accumulator (spec.py)."""
        m, s = self.scale
        return self.multiply(x).mul_(m).add_(1 << (s - 1)).bitwise_right_shift_(s).clamp_(-limit, limit)


def _pad(matrix: Tensor, rows: int, columns: int) -> Tensor:
    """So many rows and columns of zeros more; none is no copy."""
    return pad(matrix, (0, columns, 0, rows)) if rows or columns else matrix
