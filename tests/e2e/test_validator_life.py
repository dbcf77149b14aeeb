"""Four validators that sign the seeds together, and a fifth that starts from a snapshot, gets power, and leaves; who
trusts a block from before or from between follows the headers across.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chain_client.light import LightBlock, Trust, verify_path
from chain_client.rpc import RpcNode
from commands.validators import Validator
from rules.params import GNK
from rules.types import Round
from tests.e2e.test_cometbft import gnk
from tests.e2e.validator_audit import read_record
from tests.e2e.validator_net import KINDS, Net, Watcher
from wire.headers import hash_header

TIMEOUT_S = 400
"""Ten times an epoch."""
SNAPSHOT_FLAGS = ("--snapshot-blocks", "20")
HOUR_NS = 3600 * 10**9


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
    net = Net(tmp_path, cuttable=False, flags=SNAPSHOT_FLAGS)
    try:
        net.start()
        with Watcher(net) as watcher:
            live_through(net, watcher)
        net.stop()
    finally:
        net.kill()
    records = [read_record(net.net.home(one)) for one in net.validators]
    hashes = [
        {logged.block.height: (logged.block.hash, logged.result.app_hash) for logged in r.blocks} for r in records
    ]
    common = set.intersection(*map(set, hashes))
    assert len(common) > 20
    assert all(found[height] == hashes[0][height] for found in hashes for height in common)
    assert min(hashes[-1]) > int(SNAPSHOT_FLAGS[1]) - 1, "the newcomer has no block from before its snapshot"
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
    await_that(lambda: watcher.height >= int(SNAPSHOT_FLAGS[1]), "a snapshot")
    before, newcomer, first = watcher.height, net.add(), net.validators[0]
    invite(net, first, newcomer)
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
    assert len(re.findall("snapshot_adopted", net.kept(newcomer, "chain").log.read_text())) == 1
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
    follow_headers(net, newcomer, before)


def invite(net: Net, first: Validator, newcomer: Validator) -> None:
    """Have the newcomer's node start from a snapshot, by an invitation of the first."""
    words = ("--address", first.p2p, "--rpc-server", f"http://{first.rpc}", "--home", str(net.net.home(first)))
    described = gnk("network", "describe", *words)
    assert described.returncode == 0, described.stderr
    invitation = net.directory / "invitation.json"
    invitation.write_text(described.stdout)
    joined = gnk("network", "join", str(invitation), "--home", str(net.net.home(newcomer)))
    assert joined.returncode == 0, joined.stderr


def follow_headers(net: Net, newcomer: Validator, before: int) -> None:
    """From a block before the newcomer was in the set to one after it was: block by block, and by proof files."""
    first = net.validators[0]
    blocks = asyncio.run(read_blocks(first.rpc, before))
    trust = Trust(height=before, block_hash=hash_header(blocks[0].header), period_ns=HOUR_NS, now_ns=time.time_ns())
    assert verify_path(blocks, trust) is blocks[-1]
    config = json.loads((net.net.home(newcomer) / "cometbft" / "config" / "priv_validator_key.json").read_text())
    key = b64decode(config["pub_key"]["value"])
    within = [block for block in blocks if any(one.pub_key.ed25519 == key for one in block.validators.validators)]
    assert within
    assert blocks[0].header.height < within[0].header.height <= within[-1].header.height < blocks[-1].header.height
    for trusted in (blocks[0], within[0]):
        file = net.directory / f"proof-from-{trusted.header.height}.json"
        height, block_hash = str(trusted.header.height), hash_header(trusted.header).hex()
        words = ("--balance", newcomer.address, "--trust-height", height, "--rpc", first.rpc, "--out", str(file))
        made = gnk("chain", "prove", *words)
        assert made.returncode == 0, made.stderr
        checked = gnk("verify", str(file), "--trust-height", height, "--trust-hash", block_hash, "--json")
        assert checked.returncode == 0, checked.stderr
        assert json.loads(checked.stdout)["verified"]
        lied = gnk("verify", str(file), "--trust-height", height, "--trust-hash", "00" * 32)
        assert "trust_mismatch" in lied.stderr


async def read_blocks(rpc: str, first: int) -> tuple[LightBlock, ...]:
    """Every block from `first` to the newest but one, as a light client reads it."""
    async with RpcNode(rpc) as node:
        last = (await node.read_heights())[1] - 1
        return tuple([await node.read_block(height) for height in range(first, last + 1)])


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
