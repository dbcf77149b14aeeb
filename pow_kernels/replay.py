"""Forward passes of few nonces on a CUDA card, recorded once and replayed: starting each kernel would take longer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from pow_kernels.model import Network

LAUNCH_BOUND_ROWS: Final = 512
"""Up to so many rows a product ends before the next kernel is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A CUDA graph with the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    x0_BTD: Tensor
    y_BV: Tensor


class Replay:
    """A network's forward pass with the same bits, for one thread.  Where a card cannot record it, it runs as it is."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._recordings: dict[int, Recording | None] = {}

    def forward(self, x0_BTD: Tensor) -> Tensor:
        """int8 (B, V) from int8 (B, T, D)."""
        count = len(x0_BTD)
        size = choose_size(count, self._network.profile.tokens)
        recording = self._get(size, x0_BTD) if size else None
        if recording is None:
            return self._network.forward(x0_BTD)
        recording.x0_BTD[:count].copy_(x0_BTD)
        recording.graph.replay()
        return recording.y_BV[:count].clone()

    def _get(self, size: int, like: Tensor) -> Recording | None:
        if size not in self._recordings:
            try:
                self._recordings[size] = self._record(like.new_zeros((size, *like.shape[1:])))
            except RuntimeError:  # what torch raises for an operation that cannot be recorded
                self._recordings[size] = None
        return self._recordings[size]

    def _record(self, x0_BTD: Tensor) -> Recording:
        """After a first pass on another stream, in which kernels are compiled and tuned and workspaces allocated."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        current = torch.cuda.current_stream()
        aside.wait_stream(current)
        with torch.cuda.stream(aside):
            self._network.forward(x0_BTD)
        current.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            y_BV = self._network.forward(x0_BTD)
        return Recording(graph=graph, x0_BTD=x0_BTD, y_BV=y_BV)


def choose_size(count: int, tokens: int) -> int:
    """The nonces of the recording that so many are run by: the next power of two; 0 where launches do not matter."""
    size = 1 << (count - 1).bit_length()
    return size if size * tokens <= LAUNCH_BOUND_ROWS else 0
