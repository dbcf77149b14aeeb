"""What a CUDA card must be able to do before a backend takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def on_card(device: str) -> Iterator[None]:
    """Makes a card the current one, on which Triton starts its kernels wherever their tensors are; else nothing."""
    with torch.cuda.device(device if device.startswith("cuda") else -1):
        yield


def wait_asleep() -> None:
    """Until the current card has done what it was given.  The thread sleeps, where any other wait keeps a core busy."""
    done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    done.record()
    done.synchronize()


def allow_exact_floats() -> None:
    """Whatever adds in float32 gives the same sums here, so a card may take its fast units, and no narrower ones.

    tf32 holds every operand: they are integers up to 127.  Reductions in bf16 would round.
    """
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
