"""Cheats against the truth, in chunks that are kept on disk, so that a run goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels.acceptance import compute_digests, compute_permutation
from pow_kernels.evaluator import SprintKeys
from pow_kernels.numba.stream import draw_int8
from pow_kernels.spec import Profile, Scale
from soundness.forward import run_variants
from soundness.variants import TRUE, Variant, list_cheats

SEED: Final = bytes(range(32))
HOST, OTHER_HOST = bytes(20), bytes(19) + b"\x01"
PREDICTORS: Final[tuple[str, ...]] = ("score", "score without permutation", "norm")
FREE: Final = ("the mean output, without a forward pass", "the nonce before", "another host's nonce")
"""Guesses that need no forward pass of their own."""
Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A network and the cheats against it.

    signed: attention with its signs.  keyed_by_output: the permutation's keys come from it, else from the nonce.
    """

    name: str
    profile: Profile
    cheats: tuple[Variant, ...]
    chunk: int
    signed: bool = True
    keyed_by_output: bool = True

    def measure(self, folder: Path, count: int) -> dict[str, Columns]:
        """Columns by cheat over the nonces [0, count): `correlation` and the predictors; the truth's are `score`."""
        parts = [self._load_chunk(folder, first) for first in range(0, count, self.chunk)]
        return {
            name: {column: np.concatenate([part[name][column] for part in parts]) for column in parts[0][name]}
            for name in parts[0]
        }

    def _load_chunk(self, folder: Path, first: int) -> dict[str, Columns]:
        path = folder / self.name / f"{first}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            flat = {f"{n}|{c}": v for n, columns in self._measure_chunk(first).items() for c, v in columns.items()}
            part = path.with_suffix(".part.npz")
            np.savez_compressed(part, allow_pickle=False, **flat)
            part.rename(path)
            print(f"{self.name}: nonces {first} to {first + self.chunk - 1}", flush=True)
        columns_by_name: dict[str, Columns] = {}
        with np.load(path) as data:
            for key in data.files:
                name, column = key.split("|")
                columns_by_name.setdefault(name, {})[column] = data[key]
        return columns_by_name

    def _measure_chunk(self, first: int) -> dict[str, Columns]:
        keys = SprintKeys.derive(self.profile, SEED, HOST)
        nonces_B = torch.arange(first, first + self.chunk)
        torch.manual_seed(first)
        outputs, trace = run_variants(keys, (TRUE, *self.cheats), nonces_B, signed=self.signed)
        other = SprintKeys.derive(self.profile, SEED, OTHER_HOST)
        strange, _ = run_variants(other, (TRUE,), nonces_B, signed=self.signed)
        truth = outputs[TRUE.name]
        outputs["another host's nonce"] = strange[TRUE.name]
        outputs["the nonce before"] = truth.roll(1, 0)
        wide = truth.to(torch.float32)
        mean_of_others = (wide.sum(0) - wide) / (self.chunk - 1)
        outputs["the mean output, without a forward pass"] = mean_of_others.round().to(torch.int8)
        keyed = self.keyed_by_output
        columns = {name: describe(keys, nonces_B, y, truth, keyed_by_output=keyed) for name, y in outputs.items()}
        return columns | {"within": {name: np.array(values) for name, values in asdict(trace).items()}}


def describe(
    keys: SprintKeys, nonces_B: Tensor, y_BV: Tensor, truth_BV: Tensor, *, keyed_by_output: bool = True
) -> Columns:
    """The columns of some outputs, int8 (B, V), beside the true ones."""
    outputs = keys.profile.outputs
    target_V = draw_int8(keys.target, torch.zeros(1, dtype=torch.int64), outputs)[0].to(torch.float64)
    bound_BV = y_BV if keyed_by_output else torch.zeros_like(y_BV)
    image_BV = compute_permutation(compute_digests(keys.inputs, nonces_B, bound_BV), outputs)
    y = y_BV.to(torch.float64)
    norm = y.norm(dim=1).clamp(min=1)
    length = norm * target_V.norm()
    return {
        "correlation": correlate(y, truth_BV.to(torch.float64)),
        "score": ((y.gather(1, image_BV) @ target_V) / length).numpy(),
        "score without permutation": ((y @ target_V) / length).numpy(),
        "norm": norm.numpy(),
    }


def correlate(a_BV: Tensor, b_BV: Tensor) -> NDArray[np.float64]:
    """Pearson's, of each row."""
    a, b = (x - x.mean(1, keepdim=True) for x in (a_BV, b_BV))
    result: NDArray[np.float64] = ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-9)).numpy()
    return result


def compute_costs(experiment: Experiment) -> Mapping[str, float]:
    """Share of the honest operations by cheat; what needs no forward pass of its own is free."""
    costs = {v.name: v.compute_cost(experiment.profile) for v in experiment.cheats}
    return costs | dict.fromkeys(FREE, 0.0)


def open_experiment(profile: Profile, chunk: int) -> Experiment:
    """Every cheat against ITX-1 as it is."""
    return Experiment(name=profile.name, profile=profile, cheats=list_cheats(profile), chunk=chunk)


def open_unsigned(profile: Profile, chunk: int, *, strong: bool) -> Experiment:
    """A control: no signs, and a permutation that is known before the output.

    With attention as strong as it is, tokens stay apart without signs too, only less far.  `strong` doubles what
    attention adds; then they fall onto one direction, which the signs would prevent.
    """
    m, s = profile.attn_out
    return Experiment(
        name=f"{profile.name}-unsigned{'-strong' * strong}",
        profile=replace(profile, attn_out=Scale(m, s - 1)) if strong else profile,
        cheats=(Variant(name="first token only", first_tokens=1),),
        chunk=chunk,
        signed=False,
        keyed_by_output=False,
    )
