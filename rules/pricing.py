"""The price of a token, and how a model's base price follows its settled volume.  Source: docs/protocol.md,
"Inference".
"""

from __future__ import annotations

from rules.params import MILLION, InferenceParams
from rules.vouchers import Price


def compute_price(base_price: int, units_in: int, units_out: int) -> Price:
    """ngonka for 10^6 tokens, from the base price (ngonka for 10^6 units) and the units of one token."""
    return Price(in_ngonka=base_price * units_in, out_ngonka=base_price * units_out)


def compute_next_base_price(base_price: int, volume: int, capacity: int, params: InferenceParams) -> int:
    """The base price after an epoch in which `volume` units were settled, and hosts with `capacity` effective units
    offered the model.

    It moves by the part of a step by which volume misses the target, floored, a whole step from nothing or from twice
    the target on; then it is brought within the bounds.  With nobody to serve, it stays.
    """
    target, reached = capacity * params.target_volume_ppm, volume * MILLION
    moved = base_price
    if target:
        distance = min(abs(reached - target), target)
        step = base_price * params.price_step_ppm * distance // (MILLION * target)
        moved += step if reached > target else -step
    return min(max(moved, params.min_price_ngonka), params.max_price_ngonka)
