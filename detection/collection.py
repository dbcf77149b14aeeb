"""Scored answers in chunks that are kept on disk, so that a run goes on where it was stopped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.answering import answer, score
from detection.hosts import VERIFIERS, Host, Models
from detection.questions import Questions

Gaps = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Answers of one host as one verifier found them: lengths in tokens, and the gaps of all tokens in thousandths."""

    lengths: NDArray[np.int64]
    gaps: Gaps

    @property
    def answers(self) -> list[Gaps]:
        """The gaps of each answer."""
        return np.split(self.gaps, np.cumsum(self.lengths)[:-1])


def collect(models: Models, questions: Questions, host: Host, number: int, folder: Path) -> None:
    """Have one group of questions answered and verified by each verifier, unless that was done before."""
    path = folder / f"{host.name}.{number}.npz"
    if path.exists():
        return
    began = time.monotonic()
    asked = questions.ask(host, number)
    answers = answer(models, host, questions, asked, number)
    answered = time.monotonic()
    found = {verifier.name: score(models, verifier, asked, answers) for verifier in VERIFIERS}
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, allow_pickle=False, lengths=np.array([len(tokens) for tokens in answers]), **found)
    part.rename(path)
    tokens, ended = sum(map(len, answers)), time.monotonic()
    mismatches = {name: f"{(gaps > 0).mean():.4f}" for name, gaps in found.items()}
    print(f"{path.name}: {tokens} tokens, {answered - began:.0f} + {ended - answered:.0f} s, {mismatches}", flush=True)


def list_kept(folder: Path, hosts: Sequence[Host]) -> tuple[Host, ...]:
    """The hosts of which a chunk is kept."""
    return tuple(host for host in hosts if any(folder.glob(f"{host.name}.*.npz")))


def load(folder: Path, host: Host, verifier: Host) -> Scored:
    """All chunks of a host that are kept, gaps in logits.  Raises FileNotFoundError where there are none."""
    paths = sorted(folder.glob(f"{host.name}.*.npz"), key=lambda path: int(path.name.split(".")[1]))
    if not paths:
        raise FileNotFoundError(f"no answers of {host.name} in {folder}")
    chunks = [np.load(path) for path in paths]
    return Scored(
        lengths=np.concatenate([chunk["lengths"] for chunk in chunks]),
        gaps=np.concatenate([_scale(chunk[verifier.name], chunk["lengths"], host) for chunk in chunks]),
    )


def _scale(gaps: Gaps, lengths: NDArray[np.int64], host: Host) -> Gaps:
    temperatures = [host.get_setting(place)[0] or 1000 for place in range(len(lengths))]
    scaled: Gaps = (gaps.astype(np.int64) * np.repeat(temperatures, lengths) // 1000).astype(np.int32)
    return scaled
