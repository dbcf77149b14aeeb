"""A network of three honest hosts whose processes are killed at random moments loses nothing and does nothing twice."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom

import pytest

from commands.demo.members import STAKE_NGONKA, Member
from commands.demo.network import Network, run_network
from commands.demo.purse import Purse
from commands.homes import make_host_home
from tests.e2e.audit import Evidence, find_faults
from tests.e2e.history import read_history
from tests.e2e.reaper import kill_at_random, now_ms
from tests.e2e.scorecard import render_scorecard
from tests.e2e.uptime import READY, Kill, list_outages, read_events
from tests.e2e.witness import Seen, Witness, read_journal
from wire.gonka.stake.v1.tx_pb2 import MsgStake

Say = Callable[[str], None]
KILLS = int(os.environ.get("GNK_E2E_KILLS", "20"))
SEED = int(os.environ.get("GNK_E2E_SEED") or SystemRandom().getrandbits(32))
FIRST_BLOCK_TIMEOUT_S = 60
REVIEW_TIMEOUT_S = 600
"""Ten times what the rest of an epoch and its review take."""


@pytest.mark.e2e
@pytest.mark.timeout(600 + 60 * KILLS)
def test_processes_killed_at_random_moments_lose_nothing_and_do_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"[{time.monotonic() - began:6.1f} s] {line}", flush=True)

    say(f"GNK_E2E_SEED={SEED}, {KILLS} kills, homes and logs in {tmp_path}")
    members = make_honest_members(tmp_path)
    seen, kills = asyncio.run(run_and_kill(tmp_path, members, say))
    evidence = collect_evidence(tmp_path, members, seen, kills)
    faults = find_faults(evidence)
    say(render_scorecard(evidence, faults, SEED))
    assert not faults


def make_honest_members(directory: Path) -> tuple[Member, ...]:
    homes = [directory / f"host-{number}" for number in (1, 2, 3)]
    return tuple(Member(name=home.name, home=home, key=make_host_home(home), vote="") for home in homes)


async def run_and_kill(directory: Path, members: tuple[Member, ...], say: Say) -> tuple[Seen, list[Kill]]:
    async with run_network(directory, members) as (network, ledger, _):
        witness = Witness(members, ledger)
        watching = asyncio.create_task(witness.watch())
        try:
            async with asyncio.timeout(FIRST_BLOCK_TIMEOUT_S):
                stakes = {m.name: MsgStake(host=m.address, amount_ngonka=STAKE_NGONKA) for m in members}
                await asyncio.gather(*(Purse(m, ledger).send(stakes[m.name]) for m in members))
            say("all have staked")
            kills = await kill_at_random(network, Random(SEED), KILLS, say)
            last_epoch = max(witness.seen.status.epoch, 1)
            say(f"the last kill was in epoch {last_epoch}; waiting for its review")
            async with asyncio.timeout(REVIEW_TIMEOUT_S):
                await witness.until_reviewed(last_epoch, network.check_running)
        finally:
            watching.cancel()
    return witness.seen, kills


def collect_evidence(directory: Path, members: tuple[Member, ...], seen: Seen, kills: list[Kill]) -> Evidence:
    network = Network(directory, members)
    history = read_history(directory / "chain", members)
    logs = {"chain": network.chain.log}
    logs |= {f"{m.name} client": network.clients[m.name].log for m in members}
    logs |= {f"{m.name} {kind}": network.sidecars[m.name].log for m in members for kind in ("sidecar", "worker")}
    outages = {}
    for target, log in logs.items():
        ready_ms = [at for at, event in read_events(log) if event == READY[target.split()[-1]]]
        outages[target] = list_outages([k.at_ms for k in kills if k.target == target], ready_ms, now_ms())
    reviewed = min(read_journal(m, lambda journal: journal.read(0).reviewed) for m in members)
    return Evidence(
        history=history,
        seen=seen,
        kills=tuple(kills),
        outages=outages,
        addresses={m.name: m.address for m in members},
        misses={m.name: read_journal(m, lambda journal: journal.read_misses()) for m in members},
        epochs=range(1, min(reviewed, max(history.summaries)) + 1),
        staked_height=max(sent.height for sent in history.sent if sent.duty == "MsgStake"),
    )
