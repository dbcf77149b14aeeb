from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pow_kernels.backends.backend import Backend
from pow_kernels.backends.fp32 import FloatLinear, Fp32Backend, multiply_fp32
from pow_kernels.backends.int8_cuda import IntegerLinear
from pow_kernels.model import Network, Weights
from pow_kernels.replay import Replay, choose_size
from pow_kernels.spec import TINY, Scale
from pow_kernels.stream import draw_int8

VISITS: Final = ("_local_scalar_dense", "nonzero", "masked_select", "item", "lift_fresh", "equal", "unique")
"""Operations that bring a value to the host, or one from it; none of them can be recorded."""


class Recorder(TorchDispatchMode):
    """Notes the operations of a forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func.__name__.split(".")[0])
        return func(*args, **(kwargs or {}))


class AsOnACard(Fp32Backend):
    """A card's integer products, which a CPU computes too."""

    def prepare(self, weight: torch.Tensor, scale: Scale) -> Any:
        return IntegerLinear.open(weight, scale)


class InFloats(Fp32Backend):
    def prepare(self, weight: torch.Tensor, scale: Scale) -> Any:
        return FloatLinear(weight, scale, multiply_fp32)


def open_network(backend: Backend, device: str = "cpu") -> Network:
    with ThreadPoolExecutor(1) as pool:
        return Network.open(Weights.draw(TINY, bytes(32), device, pool), backend)


def draw(count: int) -> torch.Tensor:
    return draw_int8(bytes(32), torch.arange(count), TINY.tokens * TINY.width).view(count, TINY.tokens, TINY.width)


@pytest.mark.parametrize("backend", [AsOnACard(), InFloats()], ids=["int8", "floats"])
def test_forward__backends_of_a_card__never_visit_the_host_and_do_the_same_for_other_inputs(backend: Backend) -> None:
    network = open_network(backend)
    lists = []
    for x in (draw(8), torch.zeros_like(draw(8))):
        with Recorder() as recorder:
            network.forward(x)
        lists.append(recorder.seen)
    assert len(lists[0]) > 50
    assert lists[0] == lists[1]
    assert not set(VISITS) & set(lists[0])


def test_forward__network_that_cannot_be_recorded__runs_as_it_is() -> None:
    network = open_network(AsOnACard())
    assert torch.equal(Replay(network).forward(draw(5)), network.forward(draw(5)))


@pytest.mark.parametrize(
    ("count", "tokens", "size"),
    [
        *((1, 4, 1), (3, 4, 4), (100, 4, 128), (64, 8, 64), (1, 512, 1)),
        *((129, 4, 0), (256, 4, 256), (8192, 4, 8192), (8191, 4, 0), (16384, 4, 0)),
        *((2, 512, 2), (3, 512, 0), (64, 512, 64), (128, 512, 0)),
    ],
)
def test_choose_size__some_nonces__is_the_next_power_of_two_and_many_just_so_many(
    count: int, tokens: int, size: int
) -> None:
    assert choose_size(count, tokens) == size


@pytest.mark.gpu
@pytest.mark.parametrize("count", [1, 3, 64, 100, 1024])
def test_forward__a_card__replays_the_same_bits(count: int) -> None:
    network = open_network(AsOnACard(), "cuda:0")
    replay = Replay(network)
    for x in (draw(count), draw(count).flip(0)):
        assert torch.equal(replay.forward(x.cuda()), network.forward(x.cuda()))
    assert replay._recordings[choose_size(count, TINY.tokens)] is not None
