"""The demo holds, says what it has to, and leaves a block log that every replay agrees with.

GNK_DEMO_DIR names the directory of a demo that has ended well, to look at that one instead of running another.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demo import REPLAYS, export_blocks, read_app_hashes, replay_blocks, run_demo

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_500)]
HOST_KEYS = {
    "address", "claimed", "sampled", "mismatched", "verdict", "units", "stake_ngonka", "slashed_ngonka",
    "reward_ngonka", "reward_pending_ngonka", "killed", "cheated", "vote",
}  # fmt: skip
PROPOSAL_KEYS = {"id", "status", "tally", "param_before", "param_after"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A demo that has ended: what it said, and its block log."""

    report: dict[str, Any]
    blocks: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    if given := os.environ.get("GNK_DEMO_DIR"):
        directory = Path(given)
        report = json.loads((directory / "report.json").read_text())
    else:
        directory = tmp_path_factory.mktemp("demo")
        report = run_demo(directory)
    return Demo(report=report, blocks=export_blocks(directory))


def test_the_demo_prints_one_object_with_the_keys_that_scripts_rely_on(demo: Demo) -> None:
    assert demo.report.keys() == {"hosts", "proposal", "epochs", "useful_share", "duration_s"}
    assert [host.keys() for host in demo.report["hosts"]] == [HOST_KEYS] * 3
    assert demo.report["proposal"].keys() == PROPOSAL_KEYS
    assert demo.report["proposal"]["tally"].keys() == {"yes", "no", "abstain", "no_with_veto"}
    assert demo.report["epochs"] == 3
    assert 0 < demo.report["useful_share"] < 1


def test_the_cheat_gets_no_weight_and_loses_stake_and_the_others_are_accepted(demo: Demo) -> None:
    (cheat,) = [host for host in demo.report["hosts"] if host["cheated"]]
    honest = [host for host in demo.report["hosts"] if not host["cheated"]]
    assert (cheat["verdict"], cheat["units"], cheat["reward_pending_ngonka"]) == ("REJECTED", 0, 0)
    assert cheat["slashed_ngonka"] > 0
    assert cheat["mismatched"] >= 3
    assert [(host["verdict"], host["mismatched"], host["slashed_ngonka"]) for host in honest] == [
        ("ACCEPTED", 0, 0)
    ] * 2
    assert all(host["claimed"] * 100 == host["units"] > 0 for host in honest)
    assert all(host["sampled"] == min(host["claimed"], 128) for host in demo.report["hosts"])
    assert [host["cheated"] for host in demo.report["hosts"] if host["killed"]] == [False]


def test_the_proposal_passes_by_what_epoch_1_proved_and_has_acted(demo: Demo) -> None:
    proposal = demo.report["proposal"]
    assert proposal["status"] == "passed"
    assert proposal["param_after"] == proposal["param_before"] + 1
    assert proposal["tally"]["yes"] > proposal["tally"]["no"] > 0
    assert sorted(host["vote"] for host in demo.report["hosts"]) == ["no", "yes", "yes"]


@pytest.mark.parametrize(("hash_seed", "restart"), REPLAYS)
def test_its_blocks_come_to_the_same_app_hashes_in_every_replay(demo: Demo, hash_seed: str, restart: bool) -> None:
    app_hashes = read_app_hashes(demo.blocks)
    assert [height for height, _ in app_hashes] == list(range(1, len(app_hashes) + 1))
    assert len(app_hashes) > 14 + 2 * 76
    assert replay_blocks(demo.blocks, hash_seed, restart=restart) == app_hashes
