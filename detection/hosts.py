"""Who answers in the study: honest hosts of several kinds, hosts that cheat, and those that verify them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

GROUP: Final = 64
"""Weights that share a scale when they are quantised."""


USUAL: Final = ((1000, 0), (700, 950_000))
"""Temperature in thousandths and top-p in millionths: OpenAI's default, and what is widely recommended."""
COLD: Final = ((200, 0), (0, 0))


class Cheat(Enum):
    """What a host does instead of what it is paid for."""

    NONE = "honest"
    INT4 = "4-bit"
    INT8 = "8-bit"
    HALF = "half the layers"
    TEMPLATE = "another template"
    TEMPERATURE = "temperature + 10 %"
    TEXT = "made-up text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One way to compute; `batch` answers at a time, on `threads` cores, and so many of a group's questions, with the
    settings in turn.
    """

    name: str
    dtype: torch.dtype
    batch: int
    threads: int
    cheat: Cheat = Cheat.NONE
    answers: int = 64
    settings: tuple[tuple[int, int], ...] = USUAL

    def get_setting(self, place: int) -> tuple[int, int]:
        """Temperature and top-p of a group's question."""
        return self.settings[place % len(self.settings)]


HONEST: Final = (
    Host(name="fp32-b64-t2", dtype=torch.float32, batch=64, threads=2),
    Host(name="bf16-b64-t2", dtype=torch.bfloat16, batch=64, threads=2),
    Host(name="bf16-b64-t1", dtype=torch.bfloat16, batch=64, threads=1),
    Host(name="fp32-b16-t1", dtype=torch.float32, batch=16, threads=1, answers=16),
    Host(name="bf16-b8-t1", dtype=torch.bfloat16, batch=8, threads=1, answers=16),
    Host(name="bf16-b16-cold", dtype=torch.bfloat16, batch=16, threads=1, answers=16, settings=COLD),
)
CHEATS: Final = tuple(
    Host(name=cheat.name.lower(), dtype=torch.bfloat16, batch=64, threads=1, cheat=cheat)
    for cheat in Cheat
    if cheat is not Cheat.NONE
)
VERIFIERS: Final = (
    Host(name="fp32", dtype=torch.float32, batch=8, threads=1),
    Host(name="bf16", dtype=torch.bfloat16, batch=16, threads=1),
)


class Models:
    """The networks of a study, each loaded when it is first wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[tuple[torch.dtype, Cheat], Any] = {}

    def get(self, host: Host) -> Any:
        """The network that a host runs, in its mode for inference; sets the threads that it runs on."""
        torch.set_num_threads(host.threads)
        altered = host.cheat if host.cheat in ALTERATIONS else Cheat.NONE
        key = (host.dtype, altered)
        if key not in self._loaded:
            network = AutoModelForCausalLM.from_pretrained(self._folder, dtype=torch.float32).eval()
            ALTERATIONS.get(altered, _leave)(network)
            self._loaded[key] = network.to(host.dtype)
        return self._loaded[key]


def quantise(weight_ON: Tensor, largest: int) -> Tensor:
    """Weights rounded to nearest, symmetric, to [-largest, largest] steps; GROUP neighbours of a row share a scale."""
    groups = weight_ON.reshape(weight_ON.shape[0], -1, GROUP)
    step = (groups.abs().amax(-1, keepdim=True) / largest).clamp(min=1e-12)
    return torch.round(groups / step).mul(step).reshape(weight_ON.shape)


def _quantise_layers(network: nn.Module, largest: int) -> None:
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear) and name != "lm_head":  # tied to the embedding, which is a table
            layer.weight.data = quantise(layer.weight.data, largest)


def _halve(network: Any) -> None:
    """Every other layer."""
    network.model.layers = network.model.layers[::2]
    for number, layer in enumerate(network.model.layers):
        layer.self_attn.layer_idx = number
    network.config.num_hidden_layers = len(network.model.layers)


def _leave(_network: nn.Module) -> None:
    """Nothing is altered."""


ALTERATIONS: Final[Mapping[Cheat, Any]] = {
    Cheat.INT4: lambda network: _quantise_layers(network, 7),
    Cheat.INT8: lambda network: _quantise_layers(network, 127),
    Cheat.HALF: _halve,
}
