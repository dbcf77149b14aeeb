"""oneDNN's int8 products with everything around them compiled by Numba: the CPU's fastest backend."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pow_kernels.backends.backend import BackendError, Linear, Stages
from pow_kernels.backends.int8 import Int8Linear
from pow_kernels.spec import Profile, Scale


@dataclass(frozen=True, slots=True)
class NumbaBackend:
    """CPUs only.  Numba is imported when it is used: not every machine has it, and it takes half a second."""

    name: str = "numba"

    def is_for(self, device: str) -> bool:
        return device == "cpu"

    def prepare(self, weight: Tensor, scale: Scale) -> Linear:
        try:
            from pow_kernels.numba.stages import NumbaLinear
        except ImportError as error:
            raise BackendError(f"Numba is not installed: {error}") from error
        if weight.device.type != "cpu":
            raise BackendError(f"the {self.name} backend does not run on {weight.device}")
        return NumbaLinear(Int8Linear.pack(weight, scale))

    def open_stages(self, profile: Profile, device: str) -> Stages:  # noqa: ARG002  # the CPU
        from pow_kernels.numba.stages import NumbaStages

        return NumbaStages.open(profile)
