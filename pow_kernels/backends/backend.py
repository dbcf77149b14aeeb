"""What a backend is: a way to multiply int8 activations with a weight exactly, and to requantise the product."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from pow_kernels.spec import Scale


class BackendError(RuntimeError):
    """A backend that is unknown, cannot run on a device, failed its self-test, or was contradicted by another."""


class Linear(Protocol):
    """A weight (out, in) with the scale that follows its product; x is int8 (N, in) in [-127, 127]."""

    def to_activation(self, x: Tensor) -> Tensor:
        """int8 (N, out): rq(x W^T) limited to [-127, 127]."""
        ...

    def to_residual(self, x: Tensor) -> Tensor:
        """float32 (N, out) holding integers: rq(x W^T) limited to [-8191, 8191]."""
        ...


class Backend(Protocol):
    """Owns the product and the requantisation behind it, because fusing the two is where the speed is."""

    @property
    def name(self) -> str: ...

    def prepare(self, weight: Tensor, scale: Scale) -> Linear:
        """From int8 (out, in) in [-7, 7], on its device.  BackendError where the device lacks what is needed."""
        ...
