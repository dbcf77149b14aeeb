"""ITX-1's profiles and pinned constants, with the bounds that keep every partial sum exact.

Lettering of tensor names in this package: B nonces, T tokens, D width, H heads, E head width, F ffn units, V outputs.
Source: docs/kernel.md; docs/adr/0001-itx1-is-integer-arithmetic.md says why it is built so.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from rules.params import THRESHOLDS

ACTIVATION_LIMIT: Final = 127
WEIGHT_LIMIT: Final = 7
RESIDUAL_LIMIT: Final = 8191
RESIDUAL_GAIN: Final = 8
STREAM_LIMIT: Final = RESIDUAL_GAIN * ACTIVATION_LIMIT + RESIDUAL_LIMIT
"""Greatest magnitude that enters a norm: 8x + rq(..., L=8191)."""

NORM_RADICAND_BITS: Final = 42
NORM_RADICAND_LIMIT: Final = 1 << 34
NORM_SHIFT: Final = 16
DISTANCE_LIMIT: Final = 992
MEAN_SHIFT: Final = 20
HEAD_TENSOR: Final = 1 << 32
TENSORS_PER_LAYER: Final = 8
PERMUTATION_ROUNDS: Final = 6

# fmt: off
EXP2_LUT: Final = (
    127, 124, 122, 119, 116, 114, 112, 109, 107, 105, 102, 100, 98, 96, 94, 92,
    90, 88, 86, 84, 82, 81, 79, 77, 76, 74, 72, 71, 69, 68, 66, 65,
)
# fmt: on
"""round(127 * 2^(-f/32)) for f in [0, 32)."""

LABEL_WEIGHTS: Final = "gonka/itx1/weights"
LABEL_TARGET: Final = "gonka/itx1/target"
LABEL_INPUTS: Final = "gonka/itx1/inputs"
LABEL_TAG: Final = "gonka/itx1/tag"


class ProfileError(ValueError):
    """A profile that is unknown, or whose sums would not stay exact; the message shows the arithmetic."""


class Scale(NamedTuple):
    """The fraction multiplier / 2^shift that takes an accumulator back to the activations' range."""

    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One shape of the network with its scales and its threshold of acceptance.

    `one_in` nonces are accepted per hit, and `cos2_q64` is the squared cosine that decides it, times 2^64; both are
    what the chain starts from, and `dataclasses.replace` puts in what it says later.  Neither is part of the keys.
    Raises ProfileError when a bound does not hold.
    """

    name: str
    layers: int
    width: int
    heads: int
    head_dim: int
    ffn: int
    tokens: int
    outputs: int
    proj: Scale
    attn_out: Scale
    ffn_out: Scale
    score: Scale
    one_in: int
    cos2_q64: int

    def __post_init__(self) -> None:
        _check_shape(self)
        _check_products(self)
        _check_requantisation(self)
        _check_attention(self)
        _check_norm_and_output(self)

    @property
    def attention_width(self) -> int:
        """heads * head_dim: rows of q, k, v and columns of o."""
        return self.heads * self.head_dim

    @property
    def descriptor(self) -> str:
        """The ASCII text that goes into the keys: name, shape and scales."""
        shape = (self.layers, self.width, self.heads, self.head_dim, self.ffn, self.tokens, self.outputs)
        scales = (self.proj, self.attn_out, self.ffn_out, self.score)
        return ":".join([self.name, ",".join(map(str, shape)), *(f"{m},{s}" for m, s in scales)])

    @property
    def parameters(self) -> int:
        """Number of weights, the output head included."""
        per_layer = 4 * self.width * self.attention_width + 3 * self.width * self.ffn
        return self.layers * per_layer + self.outputs * self.width

    @property
    def operations_per_nonce(self) -> int:
        """Nominal count: two per weight and token (the head: one token), causal attention, and no short cuts."""
        head = self.outputs * self.width
        pairs = self.tokens * (self.tokens + 1) // 2
        attention = 2 * self.layers * pairs * self.attention_width
        return 2 * (self.tokens * (self.parameters - head) + head + attention)


def _check_bound(profile: Profile, what: str, value: int, bits: int) -> None:
    if value >= 1 << bits:
        raise ProfileError(f"profile {profile.name}: {what} = {value} is not below 2^{bits} = {1 << bits}")


def _check_shape(profile: Profile) -> None:
    sizes = (profile.layers, profile.width, profile.heads, profile.head_dim, profile.ffn, profile.one_in)
    if min(sizes) < 1 or profile.tokens < 2:
        raise ProfileError(f"profile {profile.name}: every size is at least 1, and tokens at least 2")
    if profile.outputs < 4 or profile.outputs & (profile.outputs - 1):
        raise ProfileError(f"profile {profile.name}: outputs = {profile.outputs} is not a power of two from 4 on")


def _products(profile: Profile) -> tuple[tuple[str, int, Scale, int], ...]:
    return (
        ("proj", profile.width, profile.proj, ACTIVATION_LIMIT),
        ("attn_out", profile.attention_width, profile.attn_out, RESIDUAL_LIMIT),
        ("ffn_out", profile.ffn, profile.ffn_out, RESIDUAL_LIMIT),
    )


def _check_products(profile: Profile) -> None:
    for name, fan_in, _, _ in _products(profile):
        total = fan_in * ACTIVATION_LIMIT * WEIGHT_LIMIT
        _check_bound(profile, f"the sum of a {name} product, {fan_in} * {ACTIVATION_LIMIT} * {WEIGHT_LIMIT}", total, 24)


def _check_requantisation(profile: Profile) -> None:
    """In int32 for every accumulator; in float32 for every accumulator that the clamp does not decide."""
    for name, fan_in, (m, s), limit in _products(profile):
        scaled = fan_in * ACTIVATION_LIMIT * WEIGHT_LIMIT * m + (1 << (s - 1))
        _check_bound(profile, f"{name} times its multiplier {m}, plus the half", scaled, 31)
        _check_bound(profile, f"{name} near its limit, {limit} * 2^{s} + 2^{s - 1}", (limit << s) + (1 << (s - 1)), 24)


def _check_attention(profile: Profile) -> None:
    square = ACTIVATION_LIMIT**2
    _check_bound(profile, "a score, head_dim * 127^2", profile.head_dim * square, 24)
    _check_bound(profile, "a mean's numerator, tokens * 127^2", profile.tokens * square, 24)
    distance = 2 * profile.head_dim * square * profile.score.multiplier
    _check_bound(profile, "a distance, 2 * head_dim * 127^2 times its multiplier", distance, 31)


def _check_norm_and_output(profile: Profile) -> None:
    scaled = (STREAM_LIMIT << 17) + (1 << (NORM_SHIFT - 1))
    _check_bound(profile, f"a normed value, {STREAM_LIMIT} * 2^17 + 2^15", scaled, 31)
    _check_bound(profile, f"a norm, width * {STREAM_LIMIT}^2", profile.width * STREAM_LIMIT**2, 53)
    _check_bound(profile, "a dot product, outputs * 127^2", profile.outputs * ACTIVATION_LIMIT**2, 31)


TINY: Final = Profile(
    name="tiny",
    layers=2,
    width=64,
    heads=4,
    head_dim=16,
    ffn=256,
    tokens=4,
    outputs=256,
    proj=Scale(61, 11),
    attn_out=Scale(61, 8),
    ffn_out=Scale(61, 8),
    score=Scale(46, 12),
    one_in=THRESHOLDS["tiny"].one_in,
    cos2_q64=THRESHOLDS["tiny"].cos2_q64,
)
DEV: Final = Profile(
    name="dev",
    layers=4,
    width=256,
    heads=8,
    head_dim=32,
    ffn=1024,
    tokens=8,
    outputs=2048,
    proj=Scale(61, 12),
    attn_out=Scale(61, 9),
    ffn_out=Scale(61, 9),
    score=Scale(33, 12),
    one_in=THRESHOLDS["dev"].one_in,
    cos2_q64=THRESHOLDS["dev"].cos2_q64,
)
DEV32: Final = Profile(
    name="dev32",
    layers=32,
    width=256,
    heads=8,
    head_dim=32,
    ffn=1024,
    tokens=8,
    outputs=2048,
    proj=Scale(61, 12),
    attn_out=Scale(61, 9),
    ffn_out=Scale(61, 9),
    score=Scale(33, 12),
    one_in=THRESHOLDS["dev32"].one_in,
    cos2_q64=THRESHOLDS["dev32"].cos2_q64,
)
WHITEPAPER: Final = Profile(
    name="whitepaper",
    layers=64,
    width=512,
    heads=128,
    head_dim=88,
    ffn=8192,
    tokens=4,
    outputs=8192,
    proj=Scale(43, 12),
    attn_out=Scale(37, 11),
    ffn_out=Scale(43, 10),
    score=Scale(39, 13),
    one_in=THRESHOLDS["whitepaper"].one_in,
    cos2_q64=THRESHOLDS["whitepaper"].cos2_q64,
)
SERVING: Final = Profile(
    name="serving",
    layers=32,
    width=2048,
    heads=16,
    head_dim=128,
    ffn=8192,
    tokens=512,
    outputs=8192,
    proj=Scale(43, 13),
    attn_out=Scale(43, 10),
    ffn_out=Scale(43, 10),
    score=Scale(33, 11),
    one_in=THRESHOLDS["serving"].one_in,
    cos2_q64=THRESHOLDS["serving"].cos2_q64,
)

PROFILES: Final = MappingProxyType({p.name: p for p in (TINY, DEV, DEV32, WHITEPAPER, SERVING)})


def get_profile(name: str) -> Profile:
    """The profile of that name; ProfileError, with the known names, when there is none."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ProfileError(f"unknown profile {name!r}; known: {', '.join(PROFILES)}") from None
