"""The energy that a CUDA card has used, as its driver counts it."""

from __future__ import annotations

import torch


class NoMeterError(RuntimeError):
    """A device whose energy nobody counts.

    `code`: `not_a_card`, `nvml_not_installed` (the package nvidia-ml-py), or `nvml_refuses` (old cards, MIG slices).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_energy_j(device: str) -> float:
    """Joules since its driver was loaded; NoMeterError where they are not counted."""
    if not device.startswith("cuda"):
        raise NoMeterError("not_a_card", f"the energy of {device} is not counted")
    try:
        import pynvml
    except ImportError as error:
        raise NoMeterError("nvml_not_installed", str(error)) from error
    try:
        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByUUID(uuid))) / 1000
    except (pynvml.NVMLError, RuntimeError, AssertionError) as error:
        raise NoMeterError("nvml_refuses", str(error)) from error
