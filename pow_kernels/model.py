"""The random transformer of a Sprint: its weights, drawn once, and its forward pass over one backend.

Two exact short cuts are part of every forward pass: in the last layer only keys and values are needed for all tokens,
and token 0 needs no query, because its attention is its own value.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pow_kernels import spec
from pow_kernels.backends.backend import Backend, Linear, Stages
from pow_kernels.backends.cards import on_card
from pow_kernels.drawing import DrawWeight, pick_drawing
from pow_kernels.spec import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWeights:
    """int8 weights of a layer, (out, in): q; k over v; o; g over u; w."""

    q: Tensor
    kv: Tensor
    o: Tensor
    gu: Tensor
    w: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Every weight of a Sprint's network, int8 in [-7, 7], on one device."""

    profile: Profile
    layers: tuple[LayerWeights, ...]
    head: Tensor

    @classmethod
    def draw(cls, profile: Profile, key: bytes, device: str, pool: Executor) -> Weights:
        """From the key streams of the weights' key, layers side by side; `profile.parameters` bytes of memory."""
        draw = pick_drawing(key, device)
        layers = tuple(pool.map(partial(draw_layer, profile, key, device, draw), range(profile.layers)))
        with on_card(device):
            head = draw(key, spec.HEAD_TENSOR, profile.outputs, profile.width, device)
        return cls(profile=profile, layers=layers, head=head)


def draw_layer(profile: Profile, key: bytes, device: str, draw: DrawWeight, number: int) -> LayerWeights:
    """One layer's weights, tensor ids layer * 8 + 0..6, in any thread: each has a current card of its own."""
    d, a, f = profile.width, profile.attention_width, profile.ffn
    shapes = ((a, d), (a, d), (a, d), (d, a), (f, d), (f, d), (d, f))
    first = number * spec.TENSORS_PER_LAYER
    with on_card(device):
        q, k, v, o, g, u, w = (draw(key, first + i, *shape, device) for i, shape in enumerate(shapes))
        return LayerWeights(q=q, kv=torch.cat((k, v)), o=o, gu=torch.cat((g, u)), w=w)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer's weights as one backend multiplies them."""

    q: Linear
    kv: Linear
    o: Linear
    gu: Linear
    w: Linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The forward pass: int8 inputs to int8 outputs, the same bits for every backend and batch size."""

    profile: Profile
    layers: tuple[Layer, ...]
    head: Linear
    stages: Stages

    @classmethod
    def open(cls, weights: Weights, backend: Backend) -> Network:
        p = weights.profile
        layers = tuple(
            Layer(
                q=backend.prepare(layer.q, p.proj),
                kv=backend.prepare(layer.kv, p.proj),
                o=backend.prepare(layer.o, p.attn_out),
                gu=backend.prepare(layer.gu, p.proj),
                w=backend.prepare(layer.w, p.ffn_out),
            )
            for layer in weights.layers
        )
        head = backend.prepare(weights.head, p.proj)
        stages = backend.open_stages(p, str(weights.head.device))
        return cls(profile=p, layers=layers, head=head, stages=stages)

    def forward(self, x0_BTD: Tensor) -> Tensor:
        """int8 (B, V) from int8 (B, T, D) in [-127, 127]."""
        x_BTD = self.stages.norm(x0_BTD)
        for layer in self.layers[:-1]:
            x_BTD = self._apply(layer, x_BTD, 1)
        x_B1D = self._apply(self.layers[-1], x_BTD, self.profile.tokens - 1)
        return self.head.to_activation(x_B1D.flatten(0, 1))

    def _apply(self, layer: Layer, x_BTD: Tensor, first: int) -> Tensor:
        """One layer.  Tokens from `first` on attend; all of them come back if that is 1, else only those."""
        q_BQA = _over_tokens(layer.q.to_activation, x_BTD[:, first:])
        k_BTA, v_BTA = _over_tokens(layer.kv.to_activation, x_BTD).chunk(2, dim=2)
        o_BQA = self.stages.attend(q_BQA, k_BTA, v_BTA)
        if first == 1:
            o_BQA = torch.cat((v_BTA[:, :1], o_BQA), dim=1)
        else:
            x_BTD = x_BTD[:, first:]
        x_BTD = self.stages.add_and_norm(_over_tokens(layer.o.to_residual, o_BQA), x_BTD.contiguous())
        h_BTF = _over_tokens(layer.gu.to_gated, x_BTD)
        return self.stages.add_and_norm(_over_tokens(layer.w.to_residual, h_BTF), x_BTD)


def _over_tokens(product: Callable[[Tensor], Tensor], x_BTD: Tensor) -> Tensor:
    """A product over rows, applied to every token of every nonce."""
    return product(x_BTD.flatten(0, 1)).view(*x_BTD.shape[:2], -1)
