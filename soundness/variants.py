"""The cheats: networks that leave something out, each with its cost in counted operations.

A cost is a share of the honest one.  Fewer bits, sparse weights and noise are granted twice the speed, more than
hardware gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pow_kernels.spec import Profile

Rule = Callable[[int, int], bool]
"""Of a layer's number and the number of layers."""


def never(number: int, layers: int) -> bool:  # noqa: ARG001  # a Rule
    """No layer."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What is left out.  The defaults are the true network.

    skips: layers left out.  silent: layers without attention.  uniform: layers whose scores count as equal.
    first_tokens, last_tokens: only these are computed, 0 for all.  window: tokens that a token sees, 0 for all before.
    heads, units: one in so many is kept.  activation_step, weight_step: values are rounded to multiples of it.
    sparse: the larger two of four weights.  noise: the probability that an activation is off by one.
    """

    name: str
    skips: Rule = never
    silent: Rule = never
    uniform: Rule = never
    first_tokens: int = 0
    last_tokens: int = 0
    window: int = 0
    heads: int = 1
    units: int = 1
    activation_step: int = 1
    weight_step: int = 1
    sparse: bool = False
    noise: float = 0.0

    @property
    def changes_weights(self) -> bool:
        return self.sparse or self.weight_step > 1

    def compute_cost(self, profile: Profile) -> float:
        """Operations per nonce, as a share of the honest ones."""
        p = profile
        product, ffn = p.width * p.attention_width, 3 * p.width * p.ffn / self.units
        tokens = self.first_tokens or self.last_tokens or p.tokens
        total = 0.0
        for number in range(p.layers):
            if not self.skips(number, p.layers):
                attention = 0 if self.silent(number, p.layers) else 2 if self.uniform(number, p.layers) else 4
                total += 2 * tokens * (attention * product / self.heads + ffn)
        cheap_units = self.changes_weights or self.activation_step > 1 or self.noise > 0
        return (total * (0.5 if cheap_units else 1.0) + 2 * p.outputs * p.width) / p.operations_per_nonce


TRUE: Final = Variant(name="the network itself")


def list_cheats(profile: Profile) -> tuple[Variant, ...]:
    """Every cheat of docs/kernel.md that is a network, for that profile."""
    half = max(1, profile.tokens // 2)
    return (
        Variant(name="first layer left out", skips=lambda n, _: n == 0),
        Variant(name="last layer left out", skips=lambda n, layers: n == layers - 1),
        Variant(name="every second layer left out", skips=lambda n, _: n % 2 == 1),
        Variant(name="first half of the layers left out", skips=lambda n, layers: n < layers // 2),
        Variant(name="last half of the layers left out", skips=lambda n, layers: n >= layers // 2),
        Variant(name="all layers left out", skips=lambda _, __: True),
        Variant(name="first token only", first_tokens=1),
        Variant(name="first half of the tokens", first_tokens=half),
        Variant(name="last token only", last_tokens=1),
        Variant(name="last half of the tokens", last_tokens=half),
        Variant(name="window of one token", window=1),
        Variant(name="window of two tokens", window=2),
        Variant(name="no attention", silent=lambda _, __: True),
        Variant(name="no attention in the last two layers", silent=lambda n, layers: n >= layers - 2),
        Variant(name="uniform attention", uniform=lambda _, __: True),
        Variant(name="uniform attention in the last two layers", uniform=lambda n, layers: n >= layers - 2),
        Variant(name="uniform attention in the last layer", uniform=lambda n, layers: n == layers - 1),
        Variant(name="half of the heads", heads=2),
        Variant(name="half of the ffn units", units=2),
        Variant(name="an eighth of the ffn units", units=8),
        Variant(name="activations of 7 bits", activation_step=2),
        Variant(name="activations of 6 bits", activation_step=4),
        Variant(name="activations of 4 bits", activation_step=16),
        Variant(name="weights of 3 bits", weight_step=2),
        Variant(name="weights of 2 bits", weight_step=4),
        Variant(name="weights sparse, two of four", sparse=True),
        Variant(name="one activation in 1000 off by one", noise=0.001),
    )
