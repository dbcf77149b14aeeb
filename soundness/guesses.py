"""What is known of a nonce without a forward pass of its own, over so many nonces that small gains show.

Against ITX-1 it is worth nothing, because the permutation is keyed by the output.  The control takes the keys from the
nonce: then the mean output alone, whose score is known before any work, must pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from pow_kernels.backends import BACKENDS
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.model import Weights
from pow_kernels.spec import Profile
from soundness.experiment import FREE, HOST, OTHER_HOST, SEED, Columns, describe
from soundness.variants import TRUE

CHUNK = 128
LEARNT = 4096
"""Nonces whose outputs make the mean; they are not among those that are judged."""


def measure_guesses(profile: Profile, count: int) -> tuple[dict[str, Columns], dict[str, Columns]]:
    """Columns by guess over `count` nonces, a multiple of CHUNK: against ITX-1, and where keys come from the nonce."""
    keys = SprintKeys.derive(profile, SEED, HOST)
    with ThreadPoolExecutor(1) as pool:
        weights = Weights.draw(profile, keys.weights, "cpu", pool)
    evaluator = Evaluator.open(keys, weights, BACKENDS["numba"])
    strange = evaluator.for_host(OTHER_HOST)
    mean_V = torch.cat([y.to(torch.float32) for _, y in _run(evaluator, 0, LEARNT)]).mean(0).round().to(torch.int8)
    parts: tuple[list[dict[str, Columns]], list[dict[str, Columns]]] = ([], [])
    for (nonces_B, y), (_, other) in zip(_run(evaluator, LEARNT, count), _run(strange, LEARNT, count), strict=True):
        outputs = dict(zip((TRUE.name, *FREE), (y, mean_V.expand_as(y), y.roll(1, 0), other), strict=True))
        for part, keyed in zip(parts, (True, False), strict=True):
            part.append({n: describe(keys, nonces_B, o, y, keyed_by_output=keyed) for n, o in outputs.items()})
    usual, known = (_join(part) for part in parts)
    return usual, known


def _run(evaluator: Evaluator, first: int, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(first, first + count, CHUNK):
        nonces_B = torch.arange(start, start + CHUNK)
        yield nonces_B, evaluator.compute_outputs(nonces_B)


def _join(parts: list[dict[str, Columns]]) -> dict[str, Columns]:
    return {n: {c: np.concatenate([part[n][c] for part in parts]) for c in columns} for n, columns in parts[0].items()}
