"""What a study comes to: tables, plots, and whether it shows what it must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from detection.statistics import FEATURES, GRID, Floats, Trials, find_tokens

mpl.use("Agg")
from matplotlib import pyplot as plt  # after the choice of what draws

WANTED_AUC = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """An honest host as one verifier found it."""

    host: str
    verifier: str
    answers: int
    tokens: int
    repeated: float
    distance_ppm: float
    longest_run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A cheat: its tokens, the AUC by tokens of a sample and feature, and what the bet makes of it."""

    name: str
    answers: int
    tokens: int
    repeated: float
    distance_ppm: float
    aucs: Floats
    trials: Trials

    @property
    def tokens_needed(self) -> int | None:
        """For WANTED_AUC by the first feature."""
        return find_tokens(self.aucs[:, 0], WANTED_AUC)


def write_honest(rows: Sequence[Sound]) -> str:
    """A table of honest hosts."""
    head = (
        "| host | verifier | answers | tokens | repeated | distance, ppm | longest run |\n|---|---|--:|--:|--:|--:|--:|"
    )
    lines = [
        f"| {r.host} | {r.verifier} | {r.answers:,} | {r.tokens:,} | {r.repeated:.2%} | {r.distance_ppm:,.0f} "
        f"| {r.longest_run} |"
        for r in rows
    ]
    return "\n".join([head, *lines])


def write_cheats(rows: Sequence[Found]) -> str:
    """A table of cheats."""
    place = GRID.index(1000)
    head = (
        "| cheat | answers | tokens | repeated | distance, ppm | tokens for AUC 0.99 | AUC at 1,000 tokens: gap "
        "| run | largest | condemned | answers to a verdict: median | 99 % |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    lines = []
    for r in rows:
        aucs = " | ".join(f"{r.aucs[place, n]:.4f}" for n in range(len(FEATURES)))
        rounds: NDArray[np.int64] = np.array(r.trials.alarm_rounds or (0,))
        median, most = (f"{np.percentile(rounds, p):.0f}" if r.trials.alarms else "-" for p in (50, 99))
        needed = f"{r.tokens_needed:,}" if r.tokens_needed else f"more than {GRID[-1]:,}"
        lines.append(
            f"| {r.name} | {r.answers:,} | {r.tokens:,} | {r.repeated:.2%} | {r.distance_ppm:,.0f} | {needed} | {aucs} "
            f"| {r.trials.alarms / r.trials.hosts:.1%} | {median} | {most} |"
        )
    return "\n".join([head, *lines])


def plot_aucs(rows: Sequence[Found], path: Path) -> None:
    """AUC by the mean clipped gap against the tokens of a sample."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for row in rows:
        axes.plot(GRID, row.aucs[:, 0], marker="o", markersize=3, label=row.name)
    axes.axhline(WANTED_AUC, color="grey", linestyle=":", linewidth=1)
    axes.set(xscale="log", xlabel="tokens of a sample", ylabel="AUC against honest hosts", ylim=(0.45, 1.01))
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_distances(distances: Mapping[str, NDArray[np.int64]], null_ppm: int, path: Path) -> None:
    """How the distances of single answers are spread, by who answered."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, values in distances.items():
        ordered = np.sort(np.maximum(values, 100))
        axes.plot(ordered, np.arange(1, len(ordered) + 1) / len(ordered), label=name)
    axes.axvline(null_ppm, color="grey", linestyle=":", linewidth=1)
    axes.set(xscale="log", xlabel="distance of an answer, ppm (below 100 shown as 100)", ylabel="part of the answers")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)
