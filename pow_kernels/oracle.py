"""The definition of right: ITX-1 in plain int64, one nonce at a time, written to be read and never to be fast.

It shares the pinned constants with the backends and nothing else: streams, network, digest and test are all here.
Names of arrays carry their shape (legend in spec.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from pow_kernels import spec
from pow_kernels.spec import Profile, Scale
from rules.seeds import framed_hash, le64

Int = NDArray[np.int64]
LUT = np.array(spec.EXP2_LUT, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleResult:
    """One nonce, evaluated: its int8 output as bytes, the digest of it, and the test's terms."""

    nonce: int
    output: bytes
    digest: bytes
    dot: int
    norm2: int
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleLayer:
    """Weights of one layer, each (out, in), int64 in [-7, 7]."""

    q: Int
    k: Int
    v: Int
    o: Int
    g: Int
    u: Int
    w: Int


# ---- streams -------------------------------------------------------------------------------------------------------


def key_stream(key: bytes, nonce: int, size: int) -> NDArray[np.uint8]:
    """The first `size` bytes of S(key, nonce): ChaCha20 with a 64-bit block counter from 0 and a 64-bit nonce."""
    blocks = -(-size // 64)
    counter = np.arange(blocks, dtype=np.uint64)
    state = np.empty((16, blocks), dtype=np.uint32)
    state[0:4] = np.frombuffer(b"expand 32-byte k", dtype="<u4")[:, None]
    state[4:12] = np.frombuffer(key, dtype="<u4")[:, None]
    state[12] = counter & np.uint64(0xFFFFFFFF)
    state[13] = counter >> np.uint64(32)
    state[14:16] = np.frombuffer(le64(nonce), dtype="<u4")[:, None]
    x = state.copy()
    for _ in range(10):
        for column in range(4):
            _quarter_round(x, column, 4 + column, 8 + column, 12 + column)
        for column in range(4):
            _quarter_round(x, column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    words = (x + state).T.astype("<u4")
    return np.frombuffer(words.tobytes(), dtype=np.uint8)[:size]


def _quarter_round(x: NDArray[np.uint32], a: int, b: int, c: int, d: int) -> None:
    for left, right, moved, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[left] += x[right]
        x[moved] ^= x[left]
        x[moved] = (x[moved] << np.uint32(bits)) | (x[moved] >> np.uint32(32 - bits))


def int8_stream(key: bytes, nonce: int, size: int) -> Int:
    """`size` values in [-127, 127]: the stream's bytes as int8, with -128 read as 0."""
    values = key_stream(key, nonce, size).view(np.int8).astype(np.int64)
    return np.where(values == -128, 0, values)


def weight_stream(key: bytes, tensor: int, rows: int, columns: int) -> Int:
    """A weight (rows, columns) in [-7, 7]: each byte's low nibble, then its high one, minus 8, with -8 read as 0."""
    data = key_stream(key, tensor, rows * columns // 2).astype(np.int64)
    nibbles = np.stack([data & 15, data >> 4], axis=1).reshape(rows, columns) - 8
    return np.where(nibbles == -8, 0, nibbles)


def draw_layer(profile: Profile, key: bytes, layer: int) -> OracleLayer:
    """The seven weights of a layer, tensor ids layer * 8 + 0..6."""
    d, a, f = profile.width, profile.attention_width, profile.ffn
    shapes = {"q": (a, d), "k": (a, d), "v": (a, d), "o": (d, a), "g": (f, d), "u": (f, d), "w": (d, f)}
    first = layer * spec.TENSORS_PER_LAYER
    return OracleLayer(**{n: weight_stream(key, first + i, *shape) for i, (n, shape) in enumerate(shapes.items())})


# ---- network -------------------------------------------------------------------------------------------------------


def clamp(a: Int, limit: int = spec.ACTIVATION_LIMIT) -> Int:
    """`a` limited to [-limit, limit]."""
    return np.clip(a, -limit, limit)


def requantise(a: Int, scale: Scale, limit: int = spec.ACTIVATION_LIMIT) -> Int:
    """a * m / 2^s, halves rounded up, limited to [-limit, limit]."""
    m, s = scale
    return clamp((a * m + (1 << (s - 1))) >> s, limit)


def norm(z_TD: Int) -> Int:
    """Each token scaled to a root mean square of 32."""
    width = z_TD.shape[1]
    rows = []
    for z_D in z_TD:
        square_sum = int((z_D * z_D).sum())
        radicand = min(width * 2**spec.NORM_RADICAND_BITS // max(square_sum, 1), spec.NORM_RADICAND_LIMIT)
        rows.append(clamp((z_D * isqrt(radicand) + 2 ** (spec.NORM_SHIFT - 1)) >> spec.NORM_SHIFT))
    return np.stack(rows)


def attention(profile: Profile, q_TA: Int, k_TA: Int, v_TA: Int) -> Int:
    """Causal attention, per head, against the final maximum of each row of scores."""
    o_TA = np.empty_like(v_TA)
    m, s = profile.score
    for head in range(profile.heads):
        columns = slice(head * profile.head_dim, (head + 1) * profile.head_dim)
        q_TE, k_TE, v_TE = q_TA[:, columns], k_TA[:, columns], v_TA[:, columns]
        for t in range(profile.tokens):
            score_J = k_TE[: t + 1] @ q_TE[t]
            distance_J = np.minimum(((score_J.max() - score_J) * m) >> s, spec.DISTANCE_LIMIT)
            e_J = LUT[distance_J & 31] >> (distance_J >> 5)
            sign_J = np.array([-1 if ((t ^ j) & head).bit_count() % 2 else 1 for j in range(t + 1)])
            mean_E = (sign_J * e_J) @ v_TE[: t + 1] * (2**spec.MEAN_SHIFT // int(e_J.sum()))
            o_TA[t, columns] = clamp((mean_E + 2 ** (spec.MEAN_SHIFT - 1)) >> spec.MEAN_SHIFT)
    return o_TA


def gate(g_TF: Int, u_TF: Int) -> Int:
    """The gated unit: g through a piecewise ramp, times u, brought back to [-127, 127]."""
    ramped_TF = (g_TF * np.clip(g_TF + 64, 0, 128)) >> 7
    return clamp((ramped_TF * u_TF + 8) >> 4)


def apply_layer(profile: Profile, layer: OracleLayer, x_TD: Int) -> Int:
    """One layer, all tokens."""
    q_TA, k_TA, v_TA = (requantise(x_TD @ w.T, profile.proj) for w in (layer.q, layer.k, layer.v))
    o_TA = attention(profile, q_TA, k_TA, v_TA)
    x_TD = norm(spec.RESIDUAL_GAIN * x_TD + requantise(o_TA @ layer.o.T, profile.attn_out, spec.RESIDUAL_LIMIT))
    g_TF, u_TF = (requantise(x_TD @ w.T, profile.proj) for w in (layer.g, layer.u))
    h_TF = gate(g_TF, u_TF)
    return norm(spec.RESIDUAL_GAIN * x_TD + requantise(h_TF @ layer.w.T, profile.ffn_out, spec.RESIDUAL_LIMIT))


# ---- acceptance ----------------------------------------------------------------------------------------------------


def mix(x: int, key: int) -> int:
    """The permutation's round function on 32-bit words."""
    x = (x + key) % 2**32
    x = (x ^ x >> 16) * 0x85EBCA6B % 2**32
    x = (x ^ x >> 13) * 0xC2B2AE35 % 2**32
    return x ^ x >> 16


def permutation(outputs: int, digest: bytes) -> list[int]:
    """pi over [0, outputs), keyed by the digest's bytes 8..31."""
    bits = outputs.bit_length() - 1
    low_bits = bits // 2
    low_mask, high_mask = (1 << low_bits) - 1, (1 << (bits - low_bits)) - 1
    keys = np.frombuffer(digest[8:32], dtype="<u4").tolist()
    images = []
    for i in range(outputs):
        high, low = i >> low_bits, i & low_mask
        for r, key in enumerate(keys):
            if r % 2 == 0:
                low ^= mix(high, key) & low_mask
            else:
                high ^= mix(low, key) & high_mask
        images.append(high << low_bits | low)
    return images


class Oracle:
    """The proof function of one Sprint and host.  `sprint_seed` is 32 bytes, `host` 20."""

    def __init__(self, profile: Profile, sprint_seed: bytes, host: bytes) -> None:
        descriptor = profile.descriptor.encode("ascii")
        self.profile = profile
        self.weights_key = framed_hash(spec.LABEL_WEIGHTS, sprint_seed, descriptor)
        self.target_key = framed_hash(spec.LABEL_TARGET, sprint_seed, descriptor)
        self.inputs_key = framed_hash(spec.LABEL_INPUTS, sprint_seed, descriptor, host)

    def compute_outputs(self, nonces: Sequence[int]) -> list[Int]:
        """The int8 outputs (V) of each nonce; every layer's weights are drawn once and dropped."""
        p = self.profile
        size = p.tokens * p.width
        streams = [norm(int8_stream(self.inputs_key, n, size).reshape(p.tokens, p.width)) for n in nonces]
        for number in range(p.layers):
            layer = draw_layer(p, self.weights_key, number)
            streams = [apply_layer(p, layer, x_TD) for x_TD in streams]
        head_VD = weight_stream(self.weights_key, spec.HEAD_TENSOR, p.outputs, p.width)
        return [requantise(head_VD @ x_TD[-1], p.proj) for x_TD in streams]

    def evaluate(self, nonces: Sequence[int]) -> list[OracleResult]:
        """Every nonce's result, in the order given; nonces are in [0, 2^64)."""
        return [self._judge(n, y_V) for n, y_V in zip(nonces, self.compute_outputs(nonces), strict=True)]

    def _judge(self, nonce: int, y_V: Int) -> OracleResult:
        output = y_V.astype(np.int8).tobytes()
        digest = framed_hash(spec.LABEL_TAG, self.inputs_key, le64(nonce), output)
        target_V = int8_stream(self.target_key, 0, self.profile.outputs)
        dot = int(y_V[permutation(self.profile.outputs, digest)] @ target_V)
        norm2, target2 = int(y_V @ y_V), int(target_V @ target_V)
        accepted = dot > 0 and dot**2 * 2**64 > self.profile.cos2_q64 * norm2 * target2
        return OracleResult(nonce=nonce, output=output, digest=digest, dot=dot, norm2=norm2, accepted=accepted)
