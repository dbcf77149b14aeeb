"""The proof function of one Sprint and host over one backend: nonces in, judgements out, all on one device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pow_kernels import spec
from pow_kernels.acceptance import Judgement
from pow_kernels.backends.backend import Backend
from pow_kernels.model import Network, Weights
from pow_kernels.spec import Profile
from rules.seeds import framed_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class SprintKeys:
    """The three stream keys of a Sprint: weights and target are everybody's, inputs are the host's own."""

    profile: Profile
    sprint_seed: bytes
    weights: bytes
    target: bytes
    inputs: bytes

    @classmethod
    def derive(cls, profile: Profile, sprint_seed: bytes, host: bytes) -> SprintKeys:
        """`sprint_seed` is 32 bytes, `host` the 20 bytes of its address; ValueError for other lengths."""
        if len(sprint_seed) != 32 or len(host) != 20:
            raise ValueError(f"a sprint seed has 32 bytes and a host 20, not {len(sprint_seed)} and {len(host)}")
        descriptor = profile.descriptor.encode("ascii")
        return cls(
            profile=profile,
            sprint_seed=sprint_seed,
            weights=framed_hash(spec.LABEL_WEIGHTS, sprint_seed, descriptor),
            target=framed_hash(spec.LABEL_TARGET, sprint_seed, descriptor),
            inputs=framed_hash(spec.LABEL_INPUTS, sprint_seed, descriptor, host),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """A network over the named backend, with its keys and its target, int8 (V)."""

    backend: str
    keys: SprintKeys
    network: Network
    target_V: Tensor

    @classmethod
    def open(cls, keys: SprintKeys, weights: Weights, backend: Backend) -> Evaluator:
        """BackendError where the backend cannot run on the weights' device."""
        first = torch.zeros(1, dtype=torch.int64, device=weights.head.device)
        network = Network.open(weights, backend)
        target_V = network.stages.draw_int8(keys.target, first, keys.profile.outputs)[0]
        return cls(backend=backend.name, keys=keys, network=network, target_V=target_V)

    def for_host(self, host: bytes) -> Evaluator:
        """The same network and target for another host's inputs; ValueError unless `host` has 20 bytes."""
        return replace(self, keys=SprintKeys.derive(self.keys.profile, self.keys.sprint_seed, host))

    def judge(self, nonces_B: Tensor) -> Judgement:
        """Of int64 nonces (u64 in two's complement) on the weights' device; the same bits whatever B is."""
        p, stages = self.keys.profile, self.network.stages
        with torch.cuda.device_of(nonces_B):  # type: ignore[no-untyped-call]
            x_BTD = stages.draw_int8(self.keys.inputs, nonces_B, p.tokens * p.width).view(-1, p.tokens, p.width)
            return stages.judge(self.keys.inputs, self.target_V, nonces_B, self.network.forward(x_BTD))
