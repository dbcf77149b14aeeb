"""The proof function of one Sprint and host over one backend: nonces in, judgements out, all on one device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pow_kernels import spec
from pow_kernels.acceptance import Judgement
from pow_kernels.backends.backend import Backend
from pow_kernels.backends.cards import on_card, wait_asleep
from pow_kernels.model import Network, Weights
from pow_kernels.replay import Replay
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
    """A network over the named backend, with its keys and its target, int8 (V).

    forward: the network's own, or on a card its replay.
    """

    backend: str
    keys: SprintKeys
    network: Network
    forward: Callable[[Tensor], Tensor]
    target_V: Tensor

    @classmethod
    def open(cls, keys: SprintKeys, weights: Weights, backend: Backend) -> Evaluator:
        """BackendError where the backend cannot run on the weights' device."""
        first = torch.zeros(1, dtype=torch.int64, device=weights.head.device)
        with on_card(str(first.device)):
            network = Network.open(weights, backend)
            target_V = network.stages.draw_int8(keys.target, first, keys.profile.outputs)[0]
        forward = Replay(network).forward if first.is_cuda else network.forward
        return cls(backend=backend.name, keys=keys, network=network, forward=forward, target_V=target_V)

    def for_host(self, host: bytes) -> Evaluator:
        """The same network and target for another host's inputs; ValueError unless `host` has 20 bytes."""
        return replace(self, keys=SprintKeys.derive(self.keys.profile, self.keys.sprint_seed, host))

    def compute_outputs(self, nonces_B: Tensor) -> Tensor:
        """int8 (B, V) of int64 nonces (u64 in two's complement) on the weights' device."""
        p = self.keys.profile
        x_BD = self.network.stages.draw_int8(self.keys.inputs, nonces_B, p.tokens * p.width)
        return self.forward(x_BD.view(-1, p.tokens, p.width))

    def judge(self, nonces_B: Tensor) -> Judgement:
        """Of such nonces; the same bits whatever B is."""
        with on_card(str(nonces_B.device)):
            y_BV = self.compute_outputs(nonces_B)
            if nonces_B.is_cuda:
                wait_asleep()
            return self.network.stages.judge(self.keys.inputs, self.target_V, nonces_B, y_BV)
