"""Forward passes on a CUDA card, recorded once and replayed.

Of few nonces, starting each kernel would take longer than it runs.  Of more, starting hundreds of them a batch would
keep the host busy, which a replay does not: so batches of a power of two, as the sidecar makes them, are recorded too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from pow_kernels.memory import count_nonce_bytes, read_free_bytes
from pow_kernels.model import Network

LAUNCH_BOUND_ROWS: Final = 512
"""Up to so many rows a product ends before the next kernel is started; more are computed along without loss."""
REPLAYED_ROWS: Final = 1 << 15
"""Of more rows a batch takes so long that starting its kernels is a small part of it."""
FREE_SHARE: Final = 4
"""A recording keeps its memory; it may take one part in so many of what is free."""


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
        self._memory: Any = None

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
                self._recordings[size] = self._record(size, like) if self._has_room(size, like) else None
            except RuntimeError:  # what torch raises for an operation that cannot be recorded
                self._recordings[size] = None
        return self._recordings[size]

    def _has_room(self, size: int, like: Tensor) -> bool:
        profile = self._network.profile
        small = size * profile.tokens <= LAUNCH_BOUND_ROWS
        return small or FREE_SHARE * size * count_nonce_bytes(profile) <= read_free_bytes(str(like.device))

    def _record(self, size: int, like: Tensor) -> Recording:
        """After a first pass on another stream, in which kernels are compiled and tuned and workspaces allocated.

        All recordings share their memory: one is replayed at a time, and what it gives is copied at once.
        """
        x0_BTD = like.new_zeros((size, *like.shape[1:]))
        self._memory = self._memory or torch.cuda.graph_pool_handle()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        current = torch.cuda.current_stream()
        aside.wait_stream(current)
        with torch.cuda.stream(aside):
            self._network.forward(x0_BTD)
        current.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._memory, capture_error_mode="thread_local"):
            y_BV = self._network.forward(x0_BTD)
        return Recording(graph=graph, x0_BTD=x0_BTD, y_BV=y_BV)


def choose_size(count: int, tokens: int) -> int:
    """The nonces of the recording that so many are run by: the next power of two, or 0 where there is none.

    Many nonces are run by a recording of just so many.
    """
    size = 1 << (count - 1).bit_length()
    rows = size * tokens
    return size if rows <= LAUNCH_BOUND_ROWS or (size == count and rows <= REPLAYED_ROWS) else 0
