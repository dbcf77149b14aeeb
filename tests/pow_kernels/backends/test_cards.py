from __future__ import annotations

import pytest
import torch

from pow_kernels.backends import BackendError
from pow_kernels.backends.cards import compare_capability

CARD = torch.device("cuda:1")


def test_compare_capability__older_card__is_refused_with_both_versions() -> None:
    with pytest.raises(BackendError, match=r"cuda:1 has compute capability 7\.5, and the bf16 backend needs 8\.0"):
        compare_capability("bf16", CARD, (7, 5), (8, 0))


@pytest.mark.parametrize("found", [(8, 0), (8, 6), (9, 0), (10, 0)])
def test_compare_capability__that_one_or_a_later_one__passes(found: tuple[int, int]) -> None:
    compare_capability("bf16", CARD, found, (8, 0))
