"""What a backend is: exact products with the requantisation behind them, and the stages around the products."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from pow_kernels.acceptance import Judgement
from pow_kernels.spec import Profile, Scale


class BackendError(RuntimeError):
    """A backend that is unknown, cannot run on a device, failed its self-test, or was contradicted by another."""


class Linear(Protocol):
    """A weight (out, in) with the scale that follows its product; x is int8 (N, in) in [-127, 127]."""

    def to_activation(self, x: Tensor) -> Tensor:
        """int8 (N, out): rq(x W^T) limited to [-127, 127]."""
        ...

    def to_gated(self, x: Tensor) -> Tensor:
        """int8 (N, out / 2): the gated unit of rq(x W^T), where the weight is g's over u's."""
        ...

    def to_residual(self, x: Tensor) -> Tensor:
        """(N, out) in the type that the backend's norm takes: numbers whose floor is rq(x W^T), limited to 8191."""
        ...


class Stages(Protocol):
    """What surrounds the products, for one profile on one device."""

    def draw_int8(self, key: bytes, nonces_B: Tensor, size: int) -> Tensor:
        """int8 (B, size) in [-127, 127] of S(key, nonce); nonces are int64 holding u64 in two's complement."""
        ...

    def norm(self, x0_BTD: Tensor) -> Tensor:
        """int8 (B, T, D): norm(x0) of int8 inputs."""
        ...

    def add_and_norm(self, z_BTD: Tensor, before_BTD: Tensor) -> Tensor:
        """int8 (B, T, D): norm(8 before + z), where z is what `to_residual` gave; z is overwritten."""
        ...

    def attend(self, q_BQA: Tensor, k_BTA: Tensor, v_BTA: Tensor) -> Tensor:
        """int8 (B, Q, A): the attention of the last Q tokens, from keys and values of all."""
        ...

    def judge(self, inputs_key: bytes, target_V: Tensor, nonces_B: Tensor, y_BV: Tensor) -> Judgement:
        """Digest, dot, norm2 and the exact test of int8 outputs."""
        ...


class Backend(Protocol):
    """Owns the product and the requantisation behind it, because fusing the two is where the speed is."""

    @property
    def name(self) -> str: ...

    def is_for(self, device: str) -> bool:
        """Whether it is meant for that kind of device; whether it works there, the self-test says."""
        ...

    def prepare(self, weight: Tensor, scale: Scale) -> Linear:
        """From int8 (out, in) in [-7, 7], on its device.  BackendError where the device lacks what is needed."""
        ...

    def open_stages(self, profile: Profile, device: str) -> Stages: ...
