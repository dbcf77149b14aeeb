"""How much memory a profile needs on a device, and how many nonces fit at a time.

The needs are counted from shapes, generously: they decide what is tried, and never a bit of a result.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from pow_kernels.backends.backend import BackendError
from pow_kernels.spec import Profile

CPU_ROWS: Final = 2048
"""Rows of a product that one CPU thread works on: enough for the products' speed, few enough for the cache."""
CONTROL_GROUP: Final = Path("/sys/fs/cgroup")
"""As a container sees its own."""
UNLIMITED: Final = 1 << 62
CARD_ROWS: Final = 1 << 17
"""The most on a card: beyond it products get no faster."""


def check_fits(profile: Profile, device: str) -> None:
    """BackendError, with what is needed and what is free, unless the profile fits; nothing is allocated."""
    needed, free = count_needed_bytes(profile, device), read_free_bytes(device)
    if free < needed:
        needs, has = f"{needed / 1e9:.1f} GB", f"{free / 1e9:.1f} GB"
        raise BackendError(f"the profile {profile.name} needs {needs} of memory on {device}, which has {has} free")


def count_needed_bytes(profile: Profile, device: str) -> int:
    """Of int8 weights, their packed copy on a CPU, the largest one cast to float32, and the least batch."""
    copies = 1 if device.startswith("cuda") else 2
    largest = profile.width * max(2 * profile.attention_width, 2 * profile.ffn, profile.outputs)
    return copies * profile.parameters + 8 * largest + count_nonce_bytes(profile)


def count_nonce_bytes(profile: Profile) -> int:
    """What one nonce takes at most: its widest layer, scores with their distances, and the permutation."""
    widest = max(8 * profile.ffn, 16 * profile.attention_width)
    scores = 20 * profile.heads * profile.tokens * profile.tokens
    return profile.tokens * (24 * profile.width + widest) + scores + 64 * profile.outputs


def read_free_bytes(device: str) -> int:
    """Of a card, what its driver says and what torch keeps of earlier tensors, or BackendError; else what the kernel
    says a new program can have, and within this program's control group.
    """
    if device.startswith("cuda"):
        try:
            free, _ = torch.cuda.mem_get_info(device)
            kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        except (RuntimeError, AssertionError) as error:  # what torch raises for a card that is not there
            raise BackendError(f"{device} cannot be used: {error}") from error
        return free + kept
    rows = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    available = next(int(row[1]) * 1024 for row in rows if row[0] == "MemAvailable:")
    return min(available, read_group_bytes(CONTROL_GROUP))


def read_group_bytes(folder: Path) -> int:
    """What a control group of version 2 may still take; a vast number where it is not limited, or not there."""
    try:
        limit, used = ((folder / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        return max(0, int(limit) - int(used))
    except (OSError, ValueError):  # no such file, or "max"
        return UNLIMITED


def choose_batch(profile: Profile, device: str) -> int:
    """Nonces at a time, at least one: on a card a power of two of which half of its free memory holds all."""
    if not device.startswith("cuda"):
        return max(1, CPU_ROWS // profile.tokens)
    return count_fitting(profile, read_free_bytes(device))


def count_fitting(profile: Profile, free_bytes: int) -> int:
    """A power of two: pieces of a batch are then of one size, and what was recorded for it is replayed."""
    fitting = max(1, min(free_bytes // 2 // count_nonce_bytes(profile), CARD_ROWS // profile.tokens))
    return 1 << (fitting.bit_length() - 1)


def is_memory_error(error: Exception) -> bool:
    """Whether an allocator refused: torch's on a card or a CPU, the driver's for a kernel or a library, or Python's."""
    words = ("out of memory", "can't allocate memory", "bad_alloc", "ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)
