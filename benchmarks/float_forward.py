"""A transformer in bf16 of a profile's shape, as any library would run it: what ITX-1's integers are compared with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear, rms_norm, scaled_dot_product_attention, silu

from pow_kernels.spec import Profile


class FloatForward:
    """Random weights; every layer normed, attended and fed forward, with a residual around each half."""

    def __init__(self, profile: Profile) -> None:
        p = self._profile = profile
        shapes = {"qkv": (3 * p.attention_width, p.width), "o": (p.width, p.attention_width)}
        shapes |= {"gu": (2 * p.ffn, p.width), "w": (p.width, p.ffn)}
        self._layers = [{name: _draw(*shape) for name, shape in shapes.items()} for _ in range(p.layers)]
        self._head = _draw(p.outputs, p.width)

    def draw_inputs(self, count: int) -> Tensor:
        """bf16 (B, T, D)."""
        return torch.randn((count, self._profile.tokens, self._profile.width)).to(torch.bfloat16)

    @torch.inference_mode()
    def run(self, x_BTD: Tensor) -> Tensor:
        """bf16 (B, V)."""
        p = self._profile
        heads = (len(x_BTD), p.tokens, 3, p.heads, p.head_dim)
        for layer in self._layers:
            q, k, v = linear(rms_norm(x_BTD, [p.width]), layer["qkv"]).view(heads).permute(2, 0, 3, 1, 4)
            o_BTA = scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
            x_BTD = x_BTD + linear(o_BTA, layer["o"])
            g, u = linear(rms_norm(x_BTD, [p.width]), layer["gu"]).chunk(2, dim=-1)
            x_BTD = x_BTD + linear(silu(g) * u, layer["w"])
        return linear(rms_norm(x_BTD[:, -1], [p.width]), self._head)


def _draw(outputs: int, inputs: int) -> Tensor:
    return (torch.randn((outputs, inputs)) / inputs**0.5).to(torch.bfloat16)
