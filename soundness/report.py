"""What a run comes to: a table, a verdict, and plots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np

from soundness.experiment import PREDICTORS, Columns
from soundness.statistics import Estimate, Floats, Screen, estimate_mean, find_screen
from soundness.variants import TRUE

mpl.use("Agg")
from matplotlib import pyplot as plt  # after the choice of what draws

LARGEST_GAIN = 1.01
ERROR = 0.05
"""The chance that any gain of a table is called established and is none."""
LOOSE = 8
"""Acceptance of one in so many, where there are hits enough for an AUC; a real predictor works there as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cheat: its correlation with the truth, and the best screen at one hit in LOOSE and at one in `one_in`."""

    name: str
    cost: float
    correlation: Estimate
    loose: Screen
    tight: Screen

    @property
    def pays(self) -> bool:
        """Whether a gain above LARGEST_GAIN is established."""
        return max(self.loose.gain.low, self.tight.gain.low) > LARGEST_GAIN

    def exceeds(self, other: Finding) -> bool:
        """Whether its output is seen to know more of the truth than another's, at 95 %."""
        return self.correlation.low > other.correlation.high


def judge_cheats(columns: Mapping[str, Columns], costs: Mapping[str, float], one_in: int) -> list[Finding]:
    """Every cheat of a run, the errors shared among all of their gains."""
    truth = columns[TRUE.name]["score"]
    loose, tight = (truth > np.quantile(truth, 1 - 1 / n) for n in (LOOSE, one_in))
    error = ERROR / (2 * len(costs))
    findings = []
    for name, cost in costs.items():
        predictors: dict[str, Floats] = {p: columns[name][p] for p in PREDICTORS if p in columns[name]}
        findings.append(
            Finding(
                name=name,
                cost=cost,
                correlation=estimate_mean(columns[name]["correlation"]),
                loose=find_screen(predictors, loose, cost, error),
                tight=find_screen(predictors, tight, cost, error),
            )
        )
    return findings


def write_table(findings: list[Finding], one_in: int) -> str:
    """Markdown; intervals of correlation and AUC at 95 %, of gains at the error shared among them."""
    head = f"| cheat | cost | correlation | AUC, 1 in {LOOSE} | gain, 1 in {LOOSE} | gain, 1 in {one_in} | pays |"
    rows = [head, "|---|--:|--:|--:|--:|--:|---|"]
    for f in findings:
        reach = f.correlation.high - f.correlation.value
        auc = f"{f.loose.auc.value:.3f} ± {f.loose.auc.high - f.loose.auc.value:.3f}"
        gains = " | ".join(f"{s.gain.value:.2f} ({s.gain.low:.2f} to {s.gain.high:.2f})" for s in (f.loose, f.tight))
        correlation = f"{f.correlation.value:+.4f} ± {reach:.4f}"
        rows.append(f"| {f.name} | {f.cost:.3f} | {correlation} | {auc} | {gains} | {'**yes**' if f.pays else 'no'} |")
    return "\n".join(rows)


def plot_correlations(findings: list[Finding], title: str, path: Path) -> None:
    """A row per cheat with its 95 % bound."""
    figure, axes = plt.subplots(figsize=(8, 0.26 * len(findings) + 1.2), layout="constrained")
    for row, f in enumerate(findings):
        axes.plot([f.correlation.low, f.correlation.high], [row, row], color="tab:blue")
        axes.plot(f.correlation.value, row, "o", color="tab:blue", markersize=4)
    axes.set_yticks(range(len(findings)), [f.name for f in findings], fontsize=7)
    axes.invert_yaxis()
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.set_xlabel("correlation of the cheap output with the true one")
    axes.set_title(title)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_layers(within: Columns, title: str, path: Path) -> None:
    """Root mean squares and cosines by layer; the run's chunks are averaged."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
    for axes, names in ((above, ("x_rms", "o_rms")), (below, ("token_cosine", "nonce_cosine"))):
        for name in names:
            axes.plot(within[name], label=name.replace("_", ", "))
        axes.legend()
    below.set_xlabel("layer")
    above.set_title(title)
    figure.savefig(path, dpi=110)
    plt.close(figure)
