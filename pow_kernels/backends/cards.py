"""What a CUDA card must be able to do before a backend takes it."""

from __future__ import annotations

import torch

from pow_kernels.backends.backend import BackendError

Capability = tuple[int, int]


def check_capability(backend: str, device: torch.device, needed: Capability) -> None:
    """BackendError unless the device is a CUDA card of that compute capability or a later one."""
    if device.type != "cuda":
        raise BackendError(f"the {backend} backend does not run on {device}")
    compare_capability(backend, device, torch.cuda.get_device_capability(device), needed)


def compare_capability(backend: str, device: torch.device, found: Capability, needed: Capability) -> None:
    """BackendError, with what the card has and what is needed, unless it suffices."""
    if found < needed:
        has, needs = (".".join(map(str, version)) for version in (found, needed))
        raise BackendError(f"{device} has compute capability {has}, and the {backend} backend needs {needs}")
