"""A host's proof function for one Sprint: open it once, then evaluate or search nonces."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import torch
from torch import Tensor

from pow_kernels.acceptance import Judgement
from pow_kernels.allocator import keep_freed_memory
from pow_kernels.backends import BACKENDS, BackendError
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.memory import check_fits, choose_batch, count_nonce_bytes, is_memory_error, read_free_bytes
from pow_kernels.model import Weights
from pow_kernels.selftest import check_backend, pick_second
from pow_kernels.spec import Profile

RARE: Final = 500
"""Where fewer than one in this many nonces is accepted, every hit is re-checked; elsewhere one in sixteen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Evaluated nonces, one column per field, in the order asked for.

    tag: the digest's bytes 0..7.  tail: its bytes 8..31, which a verifier's sample_digest is made of.
    """

    nonce: tuple[int, ...]
    tag: tuple[bytes, ...]
    tail: tuple[bytes, ...]
    dot: tuple[int, ...]
    norm2: tuple[int, ...]
    accepted: tuple[bool, ...]


class SprintFunction:
    """Evaluates nonces of one Sprint and host; made by `open`.

    `draw_bytes` gives so many random bytes, which decide what is re-checked.
    """

    def __init__(
        self,
        first: Evaluator,
        second: Evaluator,
        pool: ThreadPoolExecutor,
        threads: int,
        draw_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._first = first
        self._second = second
        self._pool = pool
        self._threads = threads
        self._draw_bytes = draw_bytes

    @classmethod
    def open(
        cls, *, sprint_seed: bytes, profile: Profile, host: bytes, backend: str, device: str = "cpu", threads: int = 1
    ) -> SprintFunction:
        """Draws the weights on the device and prepares two backends, the second one to re-check hits.

        `threads` nonces' chunks run side by side on a CPU.  The first call in a process for a profile and device runs
        the self-test.  BackendError where the backend is unknown or refused, or the memory does not suffice.
        """
        keep_freed_memory()
        keys = SprintKeys.derive(profile, sprint_seed, host)
        check_fits(profile, device)
        check_backend(backend, profile.name, device).require()
        second = pick_second(backend, profile.name, device)
        pool = ThreadPoolExecutor(threads, "itx1", initializer=torch.set_num_threads, initargs=(1,))
        weights = Weights.draw(profile, keys.weights, device, pool)
        first, again = (Evaluator.open(keys, weights, BACKENDS[name]) for name in (backend, second))
        return cls(first, again, pool, threads)

    @property
    def evaluator(self) -> Evaluator:
        """What searches; hits are re-checked by another."""
        return self._first

    def with_host(self, host: bytes) -> SprintFunction:
        """The same Sprint for another host, over the same weights; ValueError unless `host` has 20 bytes."""
        first, second = self._first.for_host(host), self._second.for_host(host)
        return SprintFunction(first, second, self._pool, self._threads, self._draw_bytes)

    def evaluate(self, nonces: Sequence[int]) -> Evaluation:
        """Every nonce's values, on the first backend alone; ValueError for none, or one outside [0, 2^64)."""
        nonces_B = _to_tensor(nonces, self._device)
        return _to_rows(nonces_B, self._judge(nonces_B))

    def search(self, first: int, count: int) -> Evaluation:
        """The hits among the nonces [first, first + count); re-checked on the second backend.

        ValueError when the range is empty or runs past 2^64; BackendError when the two backends disagree about a hit.
        """
        if first < 0 or count < 1 or first + count > 1 << 64:
            raise ValueError(f"the nonces [{first}, {first + count}) are none, or not all within [0, 2^64)")
        nonces_B = _to_tensor([first], self._device) + torch.arange(count, device=self._device)
        judgement = self._judge(nonces_B)
        hits = judgement.accepted.nonzero()[:, 0]
        nonces_N, found = nonces_B[hits], judgement.select(hits)
        self._check_again(nonces_N, found)
        return _to_rows(nonces_N, found)

    def _draw(self, count: int) -> Tensor:
        """bool (count), one in sixteen true."""
        drawn = [byte & 15 == 0 for byte in self._draw_bytes(count)]
        return torch.tensor(drawn, dtype=torch.bool, device=self._device)

    @property
    def _device(self) -> torch.device:
        return self._first.target_V.device

    def _judge(self, nonces_B: Tensor) -> Judgement:
        share = -(-len(nonces_B) // self._threads)
        size = min(share, choose_batch(self._first.keys.profile, str(self._device)))
        judge = partial(_judge_in_memory, self._first)
        return Judgement.join(tuple(self._pool.map(judge, torch.split(nonces_B, size))))

    def _check_again(self, nonces_N: Tensor, found: Judgement) -> None:
        """On the second backend: every hit where hits are rare, else each with a chance of one in sixteen.

        What a faulty backend found has no part in the drawing.
        """
        rare = self._first.keys.profile.one_in > RARE
        drawn = torch.ones_like(found.accepted) if rare else self._draw(len(nonces_N))
        if drawn.any():
            again = self._pool.submit(_judge_in_memory, self._second, nonces_N[drawn]).result()
            wrong = (again.digest != found.digest[drawn]).any(1)
            if wrong.any():
                names = (self._first.backend, self._second.backend)
                nonces = [_to_unsigned(n) for n in nonces_N[drawn][wrong].tolist()]
                raise BackendError(f"the backends {names[0]} and {names[1]} disagree about the nonces {nonces}")


def _judge_in_memory(evaluator: Evaluator, nonces_B: Tensor) -> Judgement:
    """In halves, and those in halves, where memory does not suffice; BackendError where it does not for one nonce."""
    try:
        return evaluator.judge(nonces_B)
    except (RuntimeError, MemoryError) as error:
        if not is_memory_error(error):
            raise
        if len(nonces_B) == 1:
            device = str(nonces_B.device)
            needs = f"{count_nonce_bytes(evaluator.keys.profile) / 1e9:.2f} GB"
            has = f"{read_free_bytes(device) / 1e9:.2f} GB"
            detail = f"not enough memory for one nonce: it needs {needs} on {device}, which has {has} free: {error}"
            raise BackendError(detail) from error
    torch.cuda.empty_cache()
    halves = nonces_B.tensor_split(2)
    return Judgement.join([_judge_in_memory(evaluator, half) for half in halves])


def _to_tensor(nonces: Sequence[int], device: torch.device) -> Tensor:
    """int64 (B): u64 nonces in two's complement."""
    if not nonces:
        raise ValueError("there are no nonces to evaluate")
    for nonce in nonces:
        if not 0 <= nonce < 1 << 64:
            raise ValueError(f"the nonce {nonce} is not within [0, 2^64)")
    return torch.tensor([n - (n >> 63 << 64) for n in nonces], dtype=torch.int64, device=device)


def _to_unsigned(nonce: int) -> int:
    return nonce & (1 << 64) - 1


def _to_rows(nonces_B: Tensor, judgement: Judgement) -> Evaluation:
    digests = [bytes(row) for row in judgement.digest.cpu().numpy()]
    return Evaluation(
        nonce=tuple(map(_to_unsigned, nonces_B.tolist())),
        tag=tuple(digest[:8] for digest in digests),
        tail=tuple(digest[8:] for digest in digests),
        dot=tuple(judgement.dot.tolist()),
        norm2=tuple(judgement.norm2.tolist()),
        accepted=tuple(judgement.accepted.tolist()),
    )
