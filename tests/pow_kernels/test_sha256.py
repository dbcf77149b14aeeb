from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest
import torch
from torch import Tensor

from pow_kernels.sha256 import hash_in_tensors, hash_rows

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
