"""The oracle for many nonces at once, where one after another would take hours; tests compare the two.

Products are float64, which holds every one of them exactly; the rest is int64, over all nonces together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pow_kernels import spec
from pow_kernels.oracle import (
    LUT,
    Int,
    Oracle,
    OracleLayer,
    OracleResult,
    clamp,
    draw_layer,
    gate,
    int8_stream,
    requantise,
    weight_stream,
)
from pow_kernels.spec import Profile
from rules.seeds import framed_hash, le64


def multiply(x: Int, weight: Int) -> Int:
    """x W^T over the last dimension."""
    return (x.astype(np.float64) @ weight.T.astype(np.float64)).astype(np.int64)


def norm(z_BTD: Int) -> Int:
    """Each token scaled to a root mean square of 32."""
    square_sum = np.maximum((z_BTD * z_BTD).sum(-1, keepdims=True), 1)
    radicand = np.minimum(z_BTD.shape[-1] * 2**spec.NORM_RADICAND_BITS // square_sum, spec.NORM_RADICAND_LIMIT)
    root = np.sqrt(radicand.astype(np.float64)).astype(np.int64)
    root -= root * root > radicand
    root += (root + 1) * (root + 1) <= radicand
    return clamp((z_BTD * root + 2 ** (spec.NORM_SHIFT - 1)) >> spec.NORM_SHIFT)


def attention(profile: Profile, q_BTA: Int, k_BTA: Int, v_BTA: Int) -> Int:
    """Causal attention of every head and nonce."""
    q, k, v = (x.reshape(*x.shape[:2], profile.heads, -1).transpose(0, 2, 1, 3) for x in (q_BTA, k_BTA, v_BTA))
    token = np.arange(profile.tokens)
    seen_TJ = token <= token[:, None]
    score = (q.astype(np.float64) @ k.transpose(0, 1, 3, 2).astype(np.float64)).astype(np.int64)
    highest = np.where(seen_TJ, score, score.min() - 1).max(-1, keepdims=True)
    m, s = profile.score
    distance = np.minimum((np.where(seen_TJ, highest - score, 0) * m) >> s, spec.DISTANCE_LIMIT)
    e = np.where(seen_TJ, LUT[distance & 31] >> (distance >> 5), 0)
    both = (token[:, None] ^ token)[None] & np.arange(profile.heads)[:, None, None]
    odd = np.vectorize(lambda bits: int(bits).bit_count() % 2)(both)
    numerator = ((1 - 2 * odd) * e).astype(np.float64) @ v.astype(np.float64)
    mean = numerator.astype(np.int64) * (2**spec.MEAN_SHIFT // e.sum(-1, keepdims=True))
    o = clamp((mean + 2 ** (spec.MEAN_SHIFT - 1)) >> spec.MEAN_SHIFT)
    return o.transpose(0, 2, 1, 3).reshape(q_BTA.shape)


def apply_layer(profile: Profile, layer: OracleLayer, x_BTD: Int) -> Int:
    """One layer, all tokens of all nonces."""
    q, k, v = (requantise(multiply(x_BTD, w), profile.proj) for w in (layer.q, layer.k, layer.v))
    o = multiply(attention(profile, q, k, v), layer.o)
    x_BTD = norm(spec.RESIDUAL_GAIN * x_BTD + requantise(o, profile.attn_out, spec.RESIDUAL_LIMIT))
    g, u = (requantise(multiply(x_BTD, w), profile.proj) for w in (layer.g, layer.u))
    h = multiply(gate(g, u), layer.w)
    return norm(spec.RESIDUAL_GAIN * x_BTD + requantise(h, profile.ffn_out, spec.RESIDUAL_LIMIT))


def mix(x: NDArray[np.uint32], key: np.uint32) -> NDArray[np.uint32]:
    """The permutation's round function on arrays, whose arithmetic wraps."""
    x = x + key
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def permutation(outputs: int, digest: bytes) -> NDArray[np.uint32]:
    """pi over [0, outputs)."""
    bits = outputs.bit_length() - 1
    low_bits = np.uint32(bits // 2)
    low_mask, high_mask = np.uint32((1 << (bits // 2)) - 1), np.uint32((1 << (bits - bits // 2)) - 1)
    i = np.arange(outputs, dtype=np.uint32)
    high, low = i >> low_bits, i & low_mask
    for r, key in enumerate(np.frombuffer(digest[8:32], dtype="<u4")):
        if r % 2 == 0:
            low = low ^ (mix(high, key) & low_mask)
        else:
            high = high ^ (mix(low, key) & high_mask)
    return (high << low_bits) | low


class WideOracle(Oracle):
    """The same results, all nonces side by side."""

    def compute_outputs(self, nonces: Sequence[int]) -> list[Int]:
        p = self.profile
        streams = [int8_stream(self.inputs_key, n, p.tokens * p.width).reshape(p.tokens, p.width) for n in nonces]
        x_BTD = norm(np.stack(streams))
        for number in range(p.layers):
            x_BTD = apply_layer(p, draw_layer(p, self.weights_key, number), x_BTD)
        head_VD = weight_stream(self.weights_key, spec.HEAD_TENSOR, p.outputs, p.width)
        return list(requantise(multiply(x_BTD[:, -1], head_VD), p.proj))

    def _judge(self, nonce: int, y_V: Int) -> OracleResult:
        output = y_V.astype(np.int8).tobytes()
        digest = framed_hash(spec.LABEL_TAG, self.inputs_key, le64(nonce), output)
        target_V = int8_stream(self.target_key, 0, self.profile.outputs)
        dot = int(y_V[permutation(self.profile.outputs, digest)] @ target_V)
        norm2, target2 = int(y_V @ y_V), int(target_V @ target_V)
        accepted = dot > 0 and dot**2 * 2**64 > self.profile.cos2_q64 * norm2 * target2
        return OracleResult(nonce=nonce, output=output, digest=digest, dot=dot, norm2=norm2, accepted=accepted)
