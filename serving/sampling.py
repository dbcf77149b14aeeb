"""From a request's fields to the sidecar's integers: the same for the host that answers and for one that verifies."""

from __future__ import annotations

from typing import Final

from rules.seeds import framed_hash, le64
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.requests import SamplingRequest

THOUSAND: Final = 1_000
MILLION: Final = 1_000_000
DEFAULT_TEMPERATURE: Final = 1.0


def build_sampling(request: SamplingRequest, seed: bytes) -> pb.Sampling:
    """The sampling of one answer; what is between two steps is rounded to the nearer, and to the even one."""
    temperature = DEFAULT_TEMPERATURE if request.temperature is None else request.temperature
    top_p = 1.0 if request.top_p is None else request.top_p
    return pb.Sampling(
        temperature_milli=round(temperature * THOUSAND),
        top_p_ppm=max(1, round(top_p * MILLION)),
        frequency_penalty_milli=round((request.frequency_penalty or 0) * THOUSAND),
        presence_penalty_milli=round((request.presence_penalty or 0) * THOUSAND),
        bias=[
            pb.TokenBias(token=int(token), bias_milli=round(bias * THOUSAND))
            for token, bias in sorted((request.logit_bias or {}).items(), key=lambda item: int(item[0]))
        ],
        seed=seed,
    )


def seed_of_number(number: int) -> bytes:
    """The 32 bytes for the `seed` of a request that no escrow pays for; a paid one has both sides' nonces instead."""
    return framed_hash("gonka/seed-number", le64(number % (1 << 64)))
