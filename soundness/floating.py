"""A control that must be found: a float transformer of the same shape whose gains are drawn from N(0, 0.02).

Its layers hardly change their input, so that leaving out all of them gives nearly the same output.  Written from the
description in docs/kernel.md and docs/adr/0001-itx1-is-integer-arithmetic.md: normed, attended and fed forward as usual
with a residual around each, outputs permuted by keys from the nonce and compared with a target.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels.spec import Profile
from soundness.experiment import Columns, correlate

GAIN: Final = 0.02
CHUNK: Final = 256


def measure_floating(profile: Profile, count: int) -> dict[str, Columns]:
    """The true network and the one without layers; columns as an Experiment gives them."""
    generator = torch.Generator().manual_seed(1)
    target_V = torch.randn(profile.outputs, generator=generator)
    head = torch.randn((profile.outputs, profile.width), generator=generator) / profile.width**0.5
    layers = [_draw_layer(profile, generator) for _ in range(profile.layers)]
    parts = [_measure_chunk(profile, layers, head, target_V, first) for first in range(0, count, CHUNK)]
    return {n: {c: np.concatenate([part[n][c] for part in parts]) for c in parts[0][n]} for n in parts[0]}


def _draw_layer(profile: Profile, generator: torch.Generator) -> dict[str, Tensor]:
    d, a, f = profile.width, profile.attention_width, profile.ffn
    shapes = {"q": (a, d), "k": (a, d), "v": (a, d), "o": (d, a), "g": (f, d), "u": (f, d), "w": (d, f)}
    weights = {n: torch.randn(s, generator=generator) / s[1] ** 0.5 for n, s in shapes.items()}
    return weights | {n: GAIN * torch.randn(d, generator=generator) for n in ("first_gain", "second_gain")}


def _measure_chunk(
    profile: Profile, layers: list[dict[str, Tensor]], head: Tensor, target_V: Tensor, first: int
) -> dict[str, Columns]:
    generators = [torch.Generator().manual_seed(2 + nonce) for nonce in range(first, first + CHUNK)]
    x = torch.stack([torch.randn((profile.tokens, profile.width), generator=g) for g in generators])
    image_BV = torch.stack([torch.randperm(profile.outputs, generator=g) for g in generators])
    true = _norm(_forward(profile, layers, x)[:, -1]) @ head.t()
    skipped = _norm(x[:, -1]) @ head.t()
    outputs = {"the network itself": true, "all layers left out": skipped}
    return {name: _describe(y, true, image_BV, target_V) for name, y in outputs.items()}


def _describe(y: Tensor, true: Tensor, image_BV: Tensor, target_V: Tensor) -> Columns:
    score: NDArray[np.float64] = torch.cosine_similarity(y.gather(1, image_BV), target_V[None]).double().numpy()
    return {"correlation": correlate(y.double(), true.double()), "score": score, "norm": y.norm(dim=1).double().numpy()}


def _norm(x: Tensor) -> Tensor:
    return x * x.square().mean(-1, keepdim=True).add(1e-6).rsqrt()


def _forward(profile: Profile, layers: list[dict[str, Tensor]], x: Tensor) -> Tensor:
    for w in layers:
        rows = _norm(x) * w["first_gain"]
        heads = (*x.shape[:2], profile.heads, profile.head_dim)
        q, k, v = ((rows @ w[n].t()).view(heads).transpose(1, 2) for n in ("q", "k", "v"))
        o = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + o.transpose(1, 2).flatten(2) @ w["o"].t()
        rows = _norm(x) * w["second_gain"]
        x = x + (torch.nn.functional.silu(rows @ w["g"].t()) * (rows @ w["u"].t())) @ w["w"].t()
    return x
