"""Keys and values of requests, and attention over them; the one door to flash-attn.

Shapes: H query heads, G heads of keys and values, N tokens of a step, T tokens of a request so far, D width of a head.
A step's tokens stand side by side whatever request they belong to; only here does each meet its own request's past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

try:
    from flash_attn import flash_attn_func
except ImportError:
    flash_attn_func = None

NAME: Final = "gonka"
"""What the attention below is called in transformers' table."""
FIRST_TOKENS: Final = 256


class Cache:
    """Keys and values of one request, all layers: (layers, 2, G, capacity, D), doubled as it grows."""

    def __init__(self, *, layers: int, heads: int, width: int, dtype: torch.dtype, device: str) -> None:
        self._data = torch.empty((layers, 2, heads, FIRST_TOKENS, width), dtype=dtype, device=device)

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens."""
        layers, two, heads, capacity, width = self._data.shape
        if tokens <= capacity:
            return
        grown = self._data.new_empty((layers, two, heads, max(tokens, 2 * capacity), width))
        grown[:, :, :, :capacity] = self._data
        self._data = grown

    def extend(self, layer: int, first: int, key_GSD: Tensor, value_GSD: Tensor) -> tuple[Tensor, Tensor]:
        """Write a layer's keys and values from place `first` on; all of them so far, (G, T, D) each."""
        end = first + key_GSD.shape[1]
        keys_GTD, values_GTD = self._data[layer, 0, :, :end], self._data[layer, 1, :, :end]
        keys_GTD[:, first:] = key_GSD
        values_GTD[:, first:] = value_GSD
        return keys_GTD, values_GTD


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A request's part of a step: its cache, and `count` tokens from its `first`-th on."""

    cache: Cache
    first: int
    count: int


def attend_step(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001 - transformers' shape of an attention function
    **given: Any,
) -> tuple[Tensor, None]:
    """(1, N, H, D) for queries (1, H, N, D), keys and values (1, G, N, D) of the `places`, one after the other."""
    places: Sequence[Place] = given["places"]
    out_NHD = torch.empty_like(query[0].transpose(0, 1), memory_format=torch.contiguous_format)
    start = 0
    for place in places:
        end = start + place.count
        keys_GTD, values_GTD = place.cache.extend(
            module.layer_idx, place.first, key[0, :, start:end], value[0, :, start:end]
        )
        out_NHD[start:end] = attend(query[0, :, start:end], keys_GTD, values_GTD, given["scaling"])
        start = end
    return out_NHD[None], None


def attend(q_HSD: Tensor, k_GTD: Tensor, v_GTD: Tensor, scaling: float) -> Tensor:
    """(S, H, D): causal attention of the last S of T tokens over all of them."""
    if flash_attn_func is not None and q_HSD.is_cuda and q_HSD.dtype in {torch.float16, torch.bfloat16}:
        q_1SHD, k_1TGD, v_1TGD = (x.transpose(0, 1)[None] for x in (q_HSD, k_GTD, v_GTD))
        out_1SHD: Tensor = flash_attn_func(q_1SHD, k_1TGD, v_1TGD, softmax_scale=scaling, causal=True)
        return out_1SHD[0]
    H, S, D = q_HSD.shape
    G, T, _ = k_GTD.shape
    if S == 1:
        q_GRD = q_HSD.reshape(G, H // G, D)
        out_GRD = scaled_dot_product_attention(q_GRD[None], k_GTD[None], v_GTD[None], scale=scaling)
        return out_GRD.reshape(1, H, D)
    mask_ST = torch.ones((S, T), dtype=torch.bool, device=q_HSD.device).tril(T - S)
    k_HTD, v_HTD = (x.repeat_interleave(H // G, dim=0) for x in (k_GTD, v_GTD))
    out_1HSD = scaled_dot_product_attention(q_HSD[None], k_HTD[None], v_HTD[None], attn_mask=mask_ST, scale=scaling)
    return out_1HSD[0].transpose(0, 1)
