from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import sha256

import pytest
import torch
from torch import Tensor

from pow_kernels.sha256 import hash_in_tensors, hash_rows, pick_hash
from pow_kernels.triton import sha256 as kernel
from tests.pow_kernels.conftest import KERNEL_DEVICE

FORMS = pytest.mark.parametrize("form", [hash_rows, hash_in_tensors])


@FORMS
@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 119, 120, 500])
def test_hash_rows__any_length__is_hashlibs(form: Callable[[Tensor], Tensor], size: int) -> None:
    messages = torch.randint(0, 256, (3, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(size))
    expected = [sha256(bytes(row)).hexdigest() for row in messages.tolist()]
    assert [bytes(row).hex() for row in form(messages).tolist()] == expected


@FORMS
def test_hash_rows__abc__is_the_published_digest(form: Callable[[Tensor], Tensor]) -> None:
    digest = form(torch.tensor([list(b"abc")], dtype=torch.uint8))
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert bytes(digest[0].tolist()).hex() == expected


def test_pick_hash__kernel_that_works__is_taken() -> None:
    pick_hash.cache_clear()
    assert pick_hash(KERNEL_DEVICE) is kernel.hash_rows


@pytest.mark.parametrize("missing", [False, True], ids=["wrong", "missing"])
def test_pick_hash__kernel_that_is_wrong_or_missing__is_not_taken(
    missing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick_hash.cache_clear()
    monkeypatch.setattr(kernel, "hash_rows", lambda messages: torch.zeros((len(messages), 32), dtype=torch.uint8))
    if missing:
        monkeypatch.setitem(sys.modules, "pow_kernels.triton.sha256", None)
    assert pick_hash(KERNEL_DEVICE) is hash_in_tensors
    pick_hash.cache_clear()
