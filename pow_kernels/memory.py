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
    """Of a card, what its driver says, or BackendError; else what the kernel says a new program can have."""
    if device.startswith("cuda"):
        try:
            free, _ = torch.cuda.mem_get_info(device)
        except (RuntimeError, AssertionError) as error:  # what torch raises for a card that is not there
            raise BackendError(f"{device} cannot be used: {error}") from error
        return free
    rows = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    return next(int(row[1]) * 1024 for row in rows if row[0] == "MemAvailable:")


def choose_batch(profile: Profile, device: str) -> int:
    """Nonces at a time, at least one: on a card so many as half of its free memory holds."""
    if not device.startswith("cuda"):
        return max(1, CPU_ROWS // profile.tokens)
    fitting = read_free_bytes(device) // 2 // count_nonce_bytes(profile)
    return max(1, min(fitting, CARD_ROWS // profile.tokens))
