from __future__ import annotations

import sys

import pytest
import torch

from pow_kernels import stream
from pow_kernels.drawing import pick_drawing
from pow_kernels.numba import stream as compiled


def test_pick_drawing__a_cpu__takes_the_compiled_loops() -> None:
    assert pick_drawing(bytes(32), "cpu") is compiled.draw_weight


def test_pick_drawing__loops_that_draw_wrongly_or_cannot_be_compiled__are_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draw_zeros(key: bytes, tensor: int, rows: int, columns: int, device: str) -> torch.Tensor:
        return torch.zeros((rows, columns), dtype=torch.int8)

    monkeypatch.setattr(compiled, "draw_weight", draw_zeros)
    assert pick_drawing(bytes(32), "cpu") is stream.draw_weight
    monkeypatch.setitem(sys.modules, "pow_kernels.numba.stream", None)
    assert pick_drawing(bytes(32), "cpu") is stream.draw_weight


@pytest.mark.gpu
def test_pick_drawing__a_card__takes_the_kernel_and_gives_the_cpus_weights() -> None:
    key = bytes(range(32))
    draw = pick_drawing(key, "cuda:0")
    assert draw is not stream.draw_weight
    for tensor, shape in ((0, (512, 88)), (1 << 32, (8192, 512))):
        assert torch.equal(draw(key, tensor, *shape, "cuda:0").cpu(), stream.draw_weight(key, tensor, *shape, "cpu"))
