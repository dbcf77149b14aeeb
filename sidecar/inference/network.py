"""A model's weights on a device, and its forward over one step of many requests.

Shapes: N tokens of a step, C width of the model, R rows whose logits are wanted, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from sidecar.errors import SidecarError
from sidecar.inference.attention import NAME, Cache, Place, attend_step
from sidecar.inference.batching import CHUNK
from sidecar.inference.manifest import read_ends, verify_model
from sidecar.inference.sampler import Floats

CACHE_SHARE: Final = 0.5
"""Of the memory that is free when the weights are loaded, what the requests' caches may fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Tokens of one request in a step, from its `first`-th on; the last `rows` of them want logits."""

    cache: Cache
    tokens: Sequence[int]
    first: int
    rows: int


class Network:
    """A loaded causal model.  float32 on the CPU, the weights' own type or bfloat16 on a card."""

    def __init__(self, model: Any, device: str, ends: frozenset[int], max_context: int) -> None:
        self._model = model
        self._device = device
        self.ends = ends
        self.max_context = max_context
        self.vocabulary = int(model.config.vocab_size)

    @classmethod
    def open(cls, folder: Path, device: str) -> Network:
        """Load a model after its manifest was verified.

        Raises what `verify_model` does, model_unsupported, model_incomplete, engine_out_of_memory.
        """
        manifest = verify_model(folder)
        ALL_ATTENTION_FUNCTIONS.register(NAME, attend_step)
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            with coded_shortage():
                model, report = AutoModelForCausalLM.from_pretrained(
                    folder,
                    config=config,
                    dtype=_choose_dtype(config, device),
                    attn_implementation=NAME,
                    use_safetensors=True,
                    local_files_only=True,
                    trust_remote_code=False,
                    output_loading_info=True,
                )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise SidecarError("model_unsupported", f"{manifest.name}: {error}"[:300]) from error
        missing = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
        if missing:
            raise SidecarError("model_incomplete", f"{manifest.name}: no weights for {', '.join(missing)[:200]}")
        with coded_shortage():
            model = model.to(device).eval().requires_grad_(requires_grad=False)
        return cls(model, device, read_ends(folder), manifest.max_context)

    def make_cache(self) -> Cache:
        """Room for a request's keys and values."""
        config = self._model.config
        return Cache(
            layers=config.num_hidden_layers,
            heads=config.num_key_value_heads,
            width=self._width,
            dtype=self._model.dtype,
            device=self._device,
        )

    def count_tokens(self) -> int:
        """Tokens whose keys and values fit into the memory that is free now."""
        config = self._model.config
        numbers = 2 * int(config.num_hidden_layers) * int(config.num_key_value_heads) * self._width
        per_token = numbers * int(self._model.dtype.itemsize)
        return max(self.max_context, int(_get_free_bytes(self._device) * CACHE_SHARE) // per_token)

    def compute_logits(self, parts: Sequence[Part]) -> Floats:
        """float32 (R, V) on the host: the head's products in the model's type, cast once.

        Raises engine_out_of_memory.
        """
        rows = _list_rows(parts)
        with torch.inference_mode(), coded_shortage():
            hidden_NC = self._compute_hidden(parts)
            logits_RV: Floats = self._model.lm_head(hidden_NC[rows]).float().cpu().numpy()
        return logits_RV

    def read_logits(self, tokens: Sequence[int], first: int) -> Iterator[Floats]:
        """The logits after each token from the `first`-th on, teacher-forced: float32 (R, V), one forward a piece.

        Pieces are CHUNK tokens of this request alone, so the numbers depend on no other request.
        Raises engine_out_of_memory.
        """
        for part in self._cut(tokens, first):
            yield self.compute_logits([part])

    def read_hidden(self, tokens: Sequence[int]) -> Iterator[Floats]:
        """The last layer's outputs, float32 (N, C), a piece at a time.  Raises engine_out_of_memory."""
        for part in self._cut(tokens, len(tokens)):
            with torch.inference_mode(), coded_shortage():
                hidden_NC: Floats = self._compute_hidden([part]).float().cpu().numpy()
            yield hidden_NC

    def _cut(self, tokens: Sequence[int], first: int) -> Iterator[Part]:
        cache = self.make_cache()
        for start in range(0, len(tokens), CHUNK):
            piece = tokens[start : start + CHUNK]
            rows = min(len(piece), max(0, start + len(piece) - first))
            yield Part(cache=cache, tokens=piece, first=start, rows=rows)

    def _compute_hidden(self, parts: Sequence[Part]) -> Tensor:
        tokens: list[int] = []
        positions: list[int] = []
        places = []
        for part in parts:
            count = len(part.tokens)
            part.cache.reserve(part.first + count)
            tokens.extend(part.tokens)
            positions.extend(range(part.first, part.first + count))
            places.append(Place(cache=part.cache, first=part.first, count=count))
        output = self._model.base_model(
            input_ids=torch.tensor([tokens], device=self._device),
            position_ids=torch.tensor([positions], device=self._device),
            use_cache=False,
            places=places,
        )
        hidden_NC: Tensor = output.last_hidden_state[0]
        return hidden_NC

    @property
    def _width(self) -> int:
        config = self._model.config
        return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _list_rows(parts: Sequence[Part]) -> list[int]:
    rows: list[int] = []
    end = 0
    for part in parts:
        end += len(part.tokens)
        rows.extend(range(end - part.rows, end))
    return rows


def _choose_dtype(config: Any, device: str) -> torch.dtype:
    if device == "cpu":
        return torch.float32
    own = getattr(config, "dtype", None)
    return own if own in {torch.float16, torch.bfloat16} else torch.bfloat16


def _get_free_bytes(device: str) -> int:
    if device != "cpu":
        return int(torch.cuda.mem_get_info(device)[0])
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("Linux tells its available memory")


@contextmanager
def coded_shortage() -> Iterator[None]:
    """A lack of memory as engine_out_of_memory; PyTorch names it by class on cards, by words on the CPU."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "allocate memory" not in str(error):
            raise
        raise SidecarError("engine_out_of_memory", str(error).partition("\n")[0]) from error
