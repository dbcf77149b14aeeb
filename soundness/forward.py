"""Many variants of one network, layer by layer over one drawing of the weights, so that the largest profile fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels import spec
from pow_kernels.attention import FUTURE_SCORE, Attention
from pow_kernels.backends import BACKENDS
from pow_kernels.drawing import pick_drawing
from pow_kernels.evaluator import SprintKeys
from pow_kernels.model import Layer, LayerWeights, draw_layer
from pow_kernels.numba.attention import attend_rows
from pow_kernels.numba.norm import norm_rows
from pow_kernels.numba.stream import draw_int8
from pow_kernels.spec import Profile, Scale
from soundness.variants import Variant

BACKEND = BACKENDS["numba"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What the true network does within: root mean squares of x and o by layer, and cosines of x.

    token_cosine: between a nonce's last two tokens.  nonce_cosine: between neighbouring nonces' last tokens.
    """

    x_rms: list[float]
    o_rms: list[float]
    token_cosine: list[float]
    nonce_cosine: list[float]


def run_variants(
    keys: SprintKeys, variants: Sequence[Variant], nonces_B: Tensor, *, signed: bool = True
) -> tuple[dict[str, Tensor], Trace]:
    """int8 (B, V) by variant's name, and the trace of the first one, which must leave nothing out."""
    p = keys.profile
    draw_weight = pick_drawing(keys.weights, "cpu")
    x0 = draw_int8(keys.inputs, nonces_B, p.tokens * p.width).view(-1, p.tokens, p.width)
    streams = {v.name: _start(_take_tokens(v, x0)) for v in variants}
    tables = {v.name: Table.open(p, v, signed=signed) for v in variants}
    trace = Trace(x_rms=[], o_rms=[], token_cosine=[], nonce_cosine=[])
    for number in range(p.layers):
        weights = draw_layer(p, keys.weights, "cpu", draw_weight, number)
        layers = _prepare(p, variants, weights)
        for v in variants:
            if not v.skips(number, p.layers):
                observed = trace if v is variants[0] else None
                streams[v.name] = apply(v, tables[v.name], layers[v.name], streams[v.name], number, observed)
    head = draw_weight(keys.weights, spec.HEAD_TENSOR, p.outputs, p.width, "cpu")
    heads = {v.name: BACKEND.prepare(_alter(v, head), p.proj) for v in variants}
    return {v.name: heads[v.name].to_activation(_coarsen(v, streams[v.name][:, -1])) for v in variants}, trace


def apply(v: Variant, table: Table, layer: Layer, x: Tensor, number: int, trace: Trace | None) -> Tensor:
    """One layer of a variant, all of its tokens; int8 (B, T, D)."""
    p = table.eager.profile
    batch, tokens, _ = x.shape
    rows = _coarsen(v, x).flatten(0, 1)
    k, v_values = layer.kv.to_activation(rows).view(batch, tokens, -1).chunk(2, dim=2)
    q = layer.q.to_activation(rows).view(batch, tokens, -1)
    o = table.apply(torch.zeros_like(q) if v.uniform(number, p.layers) else q, k, v_values)
    if v.silent(number, p.layers):
        o.zero_()
    o[..., p.heads // v.heads * p.head_dim :] = 0
    x = norm_rows(layer.o.to_residual(_coarsen(v, o).flatten(0, 1)).view(x.shape), x)
    h = layer.gu.to_gated(_coarsen(v, x).flatten(0, 1))
    h[:, p.ffn // v.units :] = 0
    x = _disturb(v, norm_rows(layer.w.to_residual(_coarsen(v, h)).view(x.shape), x))
    if trace is not None:
        _observe(trace, x, o)
    return x


def _start(x0: Tensor) -> Tensor:
    return norm_rows(x0.to(torch.float32, memory_format=torch.contiguous_format), torch.zeros_like(x0).contiguous())


def _take_tokens(v: Variant, x: Tensor) -> Tensor:
    if v.first_tokens:
        return x[:, : v.first_tokens]
    return x[:, -v.last_tokens :] if v.last_tokens else x


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The attention of the tokens that a variant keeps, at their true places; in loops unless it has a window."""

    eager: Attention
    is_windowed: bool
    weight: NDArray[np.int32]
    sign: NDArray[np.int32]

    @classmethod
    def open(cls, profile: Profile, v: Variant, *, signed: bool) -> Table:
        attention = Attention.open(profile, "cpu")
        taken = _take_tokens(v, torch.arange(profile.tokens)[None])[0]
        distance = taken[:, None] - taken
        unseen = (distance < 0) | ((distance >= v.window) & (v.window > 0))
        sign = attention.sign_HTJ[:, taken][:, :, taken]
        sign = sign if signed else torch.ones_like(sign)
        return cls(
            eager=replace(attention, future_TJ=unseen.to(torch.float32) * FUTURE_SCORE, sign_HTJ=sign),
            is_windowed=v.window > 0,
            weight=attention.weight_N.numpy().astype(np.int32),
            sign=sign.numpy().astype(np.int32),
        )

    def apply(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if self.is_windowed:
            return self.eager.apply(q, k, v)
        return attend_rows(self.weight, self.sign, self.eager.profile.score, q, k, v)


def _prepare(profile: Profile, variants: Sequence[Variant], weights: LayerWeights) -> Mapping[str, Layer]:
    """Packed layers by variant; those that change no weight share one."""
    scales = {"q": profile.proj, "kv": profile.proj, "o": profile.attn_out, "gu": profile.proj, "w": profile.ffn_out}
    plain = _pack(variants[0], weights, scales)
    return {v.name: _pack(v, weights, scales) if v.changes_weights else plain for v in variants}


def _pack(v: Variant, weights: LayerWeights, scales: Mapping[str, Scale]) -> Layer:
    return Layer(**{n: BACKEND.prepare(_alter(v, getattr(weights, n)), s) for n, s in scales.items()})


def _alter(v: Variant, weight: Tensor) -> Tensor:
    if v.sparse:
        return _keep_two_of_four(weight)
    return _round(weight, v.weight_step, spec.WEIGHT_LIMIT)


def _keep_two_of_four(weight: Tensor) -> Tensor:
    """The two largest of each four in a row, the later one of equals; the others become 0."""
    groups = weight.view(-1, 4)
    return groups.scatter(1, groups.abs().argsort(dim=1, stable=True)[:, :2], 0).view(weight.shape)


def _coarsen(v: Variant, x: Tensor) -> Tensor:
    return _round(x, v.activation_step, spec.ACTIVATION_LIMIT)


def _round(values: Tensor, step: int, limit: int) -> Tensor:
    if step == 1:
        return values
    largest = limit // step * step
    return (values.to(torch.float32) / step).round_().mul_(step).clamp_(-largest, largest).to(torch.int8)


def _disturb(v: Variant, x: Tensor) -> Tensor:
    if not v.noise:
        return x
    step = (torch.rand(x.shape) < v.noise) * (2 * torch.randint(0, 2, x.shape) - 1)
    return (x + step).clamp_(-spec.ACTIVATION_LIMIT, spec.ACTIVATION_LIMIT).to(torch.int8)


def _observe(trace: Trace, x: Tensor, o: Tensor) -> None:
    x, o = x.to(torch.float32), o.to(torch.float32)
    trace.x_rms.append(float(x.square().mean().sqrt()))
    trace.o_rms.append(float(o.square().mean().sqrt()))
    trace.token_cosine.append(float(torch.cosine_similarity(x[:, -1], x[:, -2]).mean()))
    trace.nonce_cosine.append(float(torch.cosine_similarity(x[1:, -1], x[:-1, -1]).mean()))
