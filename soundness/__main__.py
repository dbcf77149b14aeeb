"""Every cheat against ITX-1: `python -m soundness`; exit status 1 where one pays, or where a control is not found.

Chunks are kept under --folder, so that a run that was stopped goes on; results.md and the plots go there too.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from pow_kernels.allocator import keep_freed_memory
from pow_kernels.spec import Profile, get_profile
from soundness.collapse import measure_rates
from soundness.experiment import Columns, Experiment, compute_costs, open_experiment, open_unsigned
from soundness.floating import measure_floating
from soundness.report import Finding, judge_cheats, plot_correlations, plot_layers, write_table


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
        controls = _run_controls(profile, arguments)
        text += "\n## Controls, whose outputs must know more than against ITX-1\n\n"
        text += f"{write_table(controls, profile.one_in)}\n"
        usual = {f.name: f for f in findings}
        faults += [f"the control is not found: {f.name}" for f in controls if not f.exceeds(usual[f.name])]
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


def _run_controls(profile: Profile, arguments: argparse.Namespace) -> list[Finding]:
    unsigned: Experiment = open_unsigned(profile, arguments.chunk)
    costs = {v.name: v.compute_cost(profile) for v in unsigned.cheats}
    found = judge_cheats(unsigned.measure(arguments.folder, arguments.nonces), costs, profile.one_in)
    floating = measure_floating(profile, min(arguments.nonces, 1024))
    skipped = 2 * profile.outputs * profile.width / profile.operations_per_nonce
    return found + judge_cheats(floating, {"all layers left out": skipped}, profile.one_in)


if __name__ == "__main__":
    sys.exit(main())
