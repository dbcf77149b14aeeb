"""Every cheat against ITX-1: `python -m soundness`; exit status 1 where one pays, or where a control is not found.

Chunks are kept under --folder, so that a run that was stopped goes on; results.md and the plots go there too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from pow_kernels.allocator import keep_freed_memory
from pow_kernels.spec import Profile, get_profile
from soundness.collapse import measure_rates
from soundness.experiment import FREE, Columns, compute_costs, open_experiment, open_unsigned
from soundness.floating import measure_floating
from soundness.guesses import measure_guesses
from soundness.report import Finding, judge_cheats, plot_correlations, plot_layers, write_table

GUESSED = 1 << 16
FLOATED = 1024


def main() -> int:
    """Run, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="dev32")
    parser.add_argument("--nonces", type=int, default=4096)
    parser.add_argument("--chunk", type=int, default=128, help="nonces at a time; a kept chunk must have this size")
    parser.add_argument("--folder", type=Path, default=Path("build/soundness"))
    parser.add_argument("--cheats-only", action="store_true", help="no controls and no hit rates")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    profile = get_profile(arguments.profile)
    experiment = open_experiment(profile, arguments.chunk)
    columns = experiment.measure(arguments.folder, arguments.nonces)
    findings = judge_cheats(columns, compute_costs(experiment), profile.one_in)
    text = f"## {profile.name}, {arguments.nonces} nonces\n\n{write_table(findings, profile.one_in)}\n"
    faults = [f"{f.name} pays" for f in findings if f.pays]
    text += _describe_layers(columns["within"], profile, arguments.folder)
    plot_correlations(findings, f"{profile.name}, {arguments.nonces} nonces", arguments.folder / f"{profile.name}.png")
    if not arguments.cheats_only:
        usual = {f.name: f for f in findings}
        for section in (_run_unsigned(profile, arguments, usual), _run_guesses(profile), _run_floating(profile)):
            text += section.text
            faults += section.faults
        text += f"\n## Hit rates\n\n{asdict(measure_rates(profile, arguments.nonces))}\n"
    (arguments.folder / f"{profile.name}.md").write_text(text)
    print(text)
    print("\n".join(faults) or "no cheat pays")
    return 1 if faults else 0


def _describe_layers(within: Columns, profile: Profile, folder: Path) -> str:
    by_layer = {name: values.reshape(-1, profile.layers).mean(0) for name, values in within.items()}
    plot_layers(by_layer, f"{profile.name}: within the network", folder / f"{profile.name}-layers.png")
    rows = [f"| {name} | {v.min():.4f} | {v.mean():.4f} | {v.max():.4f} |" for name, v in by_layer.items()]
    return "\n".join(["", "| by layer | least | mean | greatest |", "|---|--:|--:|--:|", *rows, ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the results, and what is wrong in it."""

    text: str
    faults: list[str]

    @classmethod
    def write(cls, title: str, findings: list[Finding], one_in: int, faults: list[str]) -> Section:
        return cls(text=f"\n## {title}\n\n{write_table(findings, one_in)}\n", faults=faults)


def _run_unsigned(profile: Profile, arguments: argparse.Namespace, usual: Mapping[str, Finding]) -> Section:
    """Without signs the first token knows more than against ITX-1; with attention twice as strong it pays."""
    found = []
    for strong in (False, True):
        experiment = open_unsigned(profile, arguments.chunk, strong=strong)
        costs = {v.name: v.compute_cost(profile) for v in experiment.cheats}
        found += judge_cheats(experiment.measure(arguments.folder, arguments.nonces), costs, profile.one_in)
    plain, strong_one = found
    faults = [] if plain.exceeds(usual[plain.name]) else ["the control is not found: no signs"]
    faults += [] if strong_one.pays else ["the control does not pay: no signs, attention twice as strong"]
    title = "Control: no signs, keys from the nonce; below, attention twice as strong"
    return Section.write(title, found, profile.one_in, faults)


def _run_guesses(profile: Profile) -> Section:
    """Without a forward pass nothing pays against ITX-1, and the mean output does where the permutation is known."""
    usual, known = (
        judge_cheats(c, dict.fromkeys(FREE, 0.0), profile.one_in) for c in measure_guesses(profile, GUESSED)
    )
    faults = [f"{f.name} pays" for f in usual if f.pays]
    faults += [] if known[0].pays else ["the control does not pay: keys from the nonce"]
    one, two = (
        Section.write(title, findings, profile.one_in, [])
        for title, findings in (
            (f"Without a forward pass, {GUESSED} nonces", usual),
            ("Control: the same, keys from the nonce", known),
        )
    )
    return Section(text=one.text + two.text, faults=faults)


def _run_floating(profile: Profile) -> Section:
    """A float network with gains of N(0, 0.02): leaving out every layer pays."""
    skipped = 2 * profile.outputs * profile.width / profile.operations_per_nonce
    found = judge_cheats(measure_floating(profile, FLOATED), {"all layers left out": skipped}, profile.one_in)
    faults = [] if found[0].pays else ["the control does not pay: a float network"]
    return Section.write(f"Control: a float network, {FLOATED} nonces", found, profile.one_in, faults)


if __name__ == "__main__":
    sys.exit(main())
