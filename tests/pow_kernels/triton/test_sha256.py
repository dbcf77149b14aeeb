from __future__ import annotations

from hashlib import sha256

import pytest
import torch

from pow_kernels.triton.sha256 import hash_rows
from tests.pow_kernels.conftest import KERNEL_DEVICE


@pytest.mark.parametrize(
    ("count", "size", "what"),
    [(3, 55, "padding within a block"), (70, 56, "padding into another; more than a program's lanes")],
)
def test_hash_rows__messages_of_one_length__are_hashlibs(count: int, size: int, what: str) -> None:
    messages = torch.randint(0, 256, (count, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(size))
    digests = hash_rows(messages.to(KERNEL_DEVICE)).cpu()
    assert [bytes(row.tolist()) for row in digests] == [sha256(bytes(row.tolist())).digest() for row in messages]
