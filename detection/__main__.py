"""Cheating hosts told from honest ones on a real model: `python -m detection`; exit status 1 where a claim fails.

Answers are kept under --folder, so that a run that was stopped goes on; results.md and the plots go there too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.collection import Gaps, collect, list_kept, load
from detection.hosts import CHEATS, HONEST, VERIFIERS, Host, Models
from detection.questions import Questions
from detection.report import WANTED_AUC, Found, Sound, plot_aucs, plot_distances, write_cheats, write_honest
from detection.statistics import (
    GRID,
    Floats,
    Trials,
    compute_aucs,
    compute_distances,
    find_longest_run,
    resample_all,
    try_hosts,
)
from rules.evidence import ALARM
from rules.presets import MAINNET

SAMPLES: Final = 1_000
"""Of each length, for an AUC."""
VERDICTS: Final = 100_000
ROUNDS: Final = 100
CHEATS_TRIED: Final = 1_000


def main() -> int:
    """Collect, measure, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(".models/smollm2-135m-instruct"), help="a model's folder")
    parser.add_argument("--folder", type=Path, default=Path("build/detection"))
    parser.add_argument("--honest", type=int, default=4, help="groups of questions for each kind of honest host")
    parser.add_argument("--cheats", type=int, default=2, help="groups of questions for each cheat")
    parser.add_argument("--kept", action="store_true", help="ask nothing more: judge what is kept")
    arguments = parser.parse_args()
    if not arguments.kept:
        _collect(arguments)
    text, faults = judge(arguments.folder, MAINNET.inference.answer_null_ppm)
    (arguments.folder / "results.md").write_text(text)
    print(text)
    print("\n".join(faults) or "every claim holds")
    return 1 if faults else 0


def _collect(arguments: argparse.Namespace) -> None:
    arguments.folder.mkdir(parents=True, exist_ok=True)
    models, questions = Models(arguments.model), Questions.open(arguments.model)
    for number in range(max(arguments.honest, arguments.cheats)):
        for hosts, count in ((HONEST, arguments.honest), (CHEATS, arguments.cheats)):
            for host in hosts if number < count else ():
                collect(models, questions, host, number, arguments.folder)


def judge(folder: Path, null_ppm: int) -> tuple[str, list[str]]:
    """The results as Markdown, and the claims that do not hold.  Every other pair of honest answers is held out.

    Honest hosts of which nothing is kept are left out.
    """
    hosts = list_kept(folder, HONEST)
    honest = [found for host in hosts for found in _describe(folder, host)]
    distances = np.concatenate([_measure(folder, host) for host in hosts])
    is_held_out = np.arange(len(distances)) // 2 % 2 == 1  # neighbours differ in their settings
    used, held_out = distances[~is_held_out], distances[is_held_out]
    sound = resample_all([answer for host in hosts for answer in _list_answers(folder, host)], SAMPLES, seed=2)
    cheats = [_find(folder, host, sound, null_ppm) for host in CHEATS]
    verdicts = try_hosts(held_out, null_ppm, VERDICTS, ROUNDS, seed=1)
    spread = {"honest": distances} | {host.cheat.value: _measure(folder, host) for host in CHEATS}
    plot_aucs(cheats, folder / "auc.png")
    plot_distances(spread, null_ppm, folder / "distances.png")
    tokens = sum(row.tokens for row in honest) // len(VERIFIERS)
    text = f"{write_honest(honest)}\n\n{tokens:,} honest tokens.  {_say_null(used, held_out, null_ppm)}\n\n"
    text += f"{_say_verdicts(verdicts)}\n\n{write_cheats(cheats)}\n"
    return text, _list_faults(cheats, verdicts, held_out, null_ppm)


def _list_answers(folder: Path, host: Host) -> list[Gaps]:
    return [answer for verifier in VERIFIERS for answer in load(folder, host, verifier).answers]


def _measure(folder: Path, host: Host) -> NDArray[np.int64]:
    return compute_distances([load(folder, host, verifier).answers for verifier in VERIFIERS])


def _describe(folder: Path, host: Host) -> list[Sound]:
    rows = []
    for verifier in VERIFIERS:
        scored = load(folder, host, verifier)
        rows.append(
            Sound(
                host=host.name,
                verifier=verifier.name,
                answers=len(scored.lengths),
                tokens=len(scored.gaps),
                repeated=float((scored.gaps == 0).mean()),
                distance_ppm=float(compute_distances([scored.answers]).mean()),
                longest_run=max(map(find_longest_run, scored.answers)),
            )
        )
    return rows


def _find(folder: Path, host: Host, sound: Floats, null_ppm: int) -> Found:
    answers, distances = _list_answers(folder, host), _measure(folder, host)
    scored = load(folder, host, VERIFIERS[0])
    return Found(
        name=host.cheat.value,
        answers=len(scored.lengths),
        tokens=len(scored.gaps),
        repeated=float((np.concatenate(answers) == 0).mean()),
        distance_ppm=float(distances.mean()),
        aucs=compute_aucs(sound, resample_all(answers, SAMPLES, seed=4)),
        trials=try_hosts(distances, null_ppm, CHEATS_TRIED, 10 * ROUNDS, seed=3),
    )


def _say_null(used: NDArray[np.int64], held_out: NDArray[np.int64], null_ppm: int) -> str:
    return (
        "Distance of an honest answer, the greater of the verifiers': "
        f"{used.mean():,.0f} ppm on average over one half of the answers, "
        f"{held_out.mean():,.0f} over the half held out; the bound is {null_ppm:,}."
    )


def _say_verdicts(verdicts: Trials) -> str:
    return (
        f"{verdicts.alarms} of {verdicts.hosts:,} honest hosts condemned within {verdicts.rounds_each} answers each; "
        f"the greatest wealth of any was {verdicts.greatest_wealth:,.2f} of {ALARM:,}."
    )


def _list_faults(cheats: Sequence[Found], verdicts: Trials, held_out: NDArray[np.int64], null_ppm: int) -> list[str]:
    faults = []
    auc = next(float(cheat.aucs[GRID.index(1000), 0]) for cheat in cheats if cheat.name == "4-bit")
    if auc < WANTED_AUC:
        faults.append(f"4-bit: AUC {auc:.4f} within 1,000 tokens")
    if verdicts.alarms * ALARM > verdicts.hosts:
        faults.append(f"{verdicts.alarms} honest hosts of {verdicts.hosts} were condemned")
    if held_out.mean() > null_ppm:
        faults.append(f"honest answers lie {held_out.mean():.0f} ppm away, the bound is {null_ppm}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
