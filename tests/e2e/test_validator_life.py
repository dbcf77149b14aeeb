"""Four validators that sign the seeds together, and a fifth host that joins them, gets power, and leaves."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands.validators import Validator
from rules.params import GNK
from rules.types import Round
from tests.e2e.test_cometbft import gnk
from tests.e2e.validator_audit import read_record
from tests.e2e.validator_net import KINDS, Net, Watcher

TIMEOUT_S = 400
"""Ten times an epoch."""


def run_gnk(net: Net, one: Validator, *words: str) -> None:
    done = gnk(*words, "--yes", "--home", str(net.net.home(one)))
    assert done.returncode == 0, done.stderr


def await_that(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def look(net: Net) -> Any:
    """What `gnk localnet status` says, by name, with the epoch."""
    told: Any = net.net.describe()
    return {one["name"]: one for one in told["validators"]} | {"epoch": told["epoch"] or 0}


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_validators_sign_every_seed_one_is_killed_and_back_and_a_host_joins_and_leaves(tmp_path: Path) -> None:
    net = Net(tmp_path, cuttable=False)
    try:
        net.start()
        with Watcher(net) as watcher:
            live_through(net, watcher)
        net.stop()
    finally:
        net.kill()
    records = [read_record(net.net.home(one)) for one in net.validators]
    common = min(len(record.blocks) for record in records)
    assert len({tuple(record.hashes[:common]) for record in records}) == 1
    last = max(records[0].summaries)
    seeds = [{key: seed for key, seed in record.seeds.items() if key[0] <= last} for record in records]
    assert all(found == seeds[0] for found in seeds)
    assert len(seeds[0]) >= 2
    signed = [(int(told["epoch"]), told["round"]) for _, told in records[0].named("round_signed")]
    expected = [(epoch, name) for epoch in range(2, last + 1) for name in (r.name.lower() for r in Round)]
    assert set(expected) <= set(signed)
    assert len(signed) == len(set(signed))
    assert not records[0].named("dealing_failed")


def live_through(net: Net, watcher: Watcher) -> None:
    *_, killed = net.validators
    await_that(lambda: look(net)["epoch"] >= 1, "epoch 1")
    newcomer = net.add()
    first = net.validators[0]
    run_gnk(net, first, "tx", "send", newcomer.address, "300GNK")
    key = net.net.home(newcomer) / "cometbft" / "config" / "priv_validator_key.json"
    run_gnk(net, newcomer, "host", "join", "--stake", "100GNK", "--consensus-key", str(key), "--chain", first.grpc)
    joined = look(net)["epoch"]
    for kind in KINDS:
        net.launch(newcomer, kind)
        if kind == "chain":
            net.await_that(lambda: (net.net.home(newcomer) / "grpc-address").exists(), newcomer)
        if kind == "sidecar":
            net.await_that(lambda: (net.net.home(newcomer) / "sidecar.sock").exists(), newcomer)
    at = watcher.height
    net.kill_one(killed, "chain")
    await_that(lambda: watcher.height > at + 8, "three go on without the fourth")
    net.launch(killed, "chain")
    await_that(lambda: (look(net)[killed.name]["height"] or 0) >= watcher.height - 1, "the fourth catches up")
    await_that(lambda: (look(net)[newcomer.name]["power"] or 0) > 0, "power after the first Sprint")
    told = look(net)
    assert told["epoch"] >= joined + 1
    powers = {name: one["power"] for name, one in told.items() if name != "epoch" and one["power"] is not None}
    assert 4 * powers[newcomer.name] <= sum(powers.values())
    run_gnk(net, newcomer, "host", "leave")
    await_that(lambda: look(net)[newcomer.name]["power"] == 0, "out of the set")
    at = watcher.height
    await_that(lambda: watcher.height > at + 5, "the others go on")


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_a_key_that_signs_on_two_nodes_is_shown_slashed_and_retired(tmp_path: Path) -> None:
    """The mistake of an operator who starts a copy of a validator somewhere else."""
    net = Net(tmp_path, cuttable=False)
    *_, doubled = net.validators
    try:
        net.start()
        twin = net.add()
        config = net.net.home(twin) / "cometbft" / "config" / "priv_validator_key.json"
        shutil.copy(net.net.home(doubled) / "cometbft" / "config" / "priv_validator_key.json", config)
        net.launch(twin, "chain")
        with Watcher(net) as watcher:
            await_that(lambda: look(net)[doubled.name]["power"] == 0, "the key is out of the set")
            net.kill_one(twin, "chain")
            at = watcher.height
            await_that(lambda: watcher.height > at + 5, "the others go on")
    finally:
        net.kill()
    record = read_record(net.net.home(net.validators[0]))
    ((height, shown),) = record.named("double_signed")
    assert shown["host"] == doubled.address
    (slashed,) = [told for _, told in record.named("slashed") if told["cause"] == "double_sign"]
    assert (slashed["host"], slashed["amount_ngonka"]) == (doubled.address, str(5 * GNK))
    assert record.blocks[height - 1].block.misbehavior
    others = [read_record(net.net.home(one)) for one in net.validators[1:3]]
    assert all(height <= len(other.blocks) for other in others)
    common = min(len(other.blocks) for other in (record, *others))
    assert all(other.hashes[:common] == record.hashes[:common] for other in others)
