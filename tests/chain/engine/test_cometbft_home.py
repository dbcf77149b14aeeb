"""What CometBFT is told: the same genesis on every node, a config that is TOML, and a key for one user."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from chain.engine.cometbft_home import (
    Network,
    Sockets,
    describe_config,
    describe_genesis,
    make_consensus_key,
    make_node_key,
    read_node_id,
    write_home,
)
from chain.engine.errors import EngineError
from chain.genesis import read_genesis
from chain_client.consensus_key import prove_consensus_key
from rules.params import COMMIT_REVEAL, THRESHOLD_BLS
from rules.presets import MINIMAL, PRESETS
from tests.chain.engine.abci_node import make_validator_genesis
from tests.chain.ledger import ANN, CHAIN_ID

GENESIS = make_validator_genesis()
SOCKETS = Sockets(app=Path("/run/a"), rpc=Path("/run/r"))
NETWORK = Network(p2p="127.0.0.1:26656")


def config_of(network: Network = NETWORK, block_ms: int = 100) -> str:
    return describe_config(network, SOCKETS, block_ms=block_ms)


def test_describe_genesis__any_node__names_our_file_and_leaves_the_validators_to_it() -> None:
    described = describe_genesis(GENESIS, read_genesis(GENESIS))
    assert described == describe_genesis(GENESIS, read_genesis(GENESIS))
    assert described["genesis_time"] == "2023-11-14T22:13:20.000Z"
    assert described["chain_id"] == CHAIN_ID
    assert "validators" not in described
    assert described["app_state"] != describe_genesis(GENESIS + b"\n", read_genesis(GENESIS))["app_state"]


def test_describe_genesis__evidence__counts_as_long_as_stake_unbonds() -> None:
    """MINIMAL: 2 epochs of 1 + 6 + 1 + 2 + 4 + 4 + 1 + 4 blocks, of 100 ms each."""
    evidence = describe_genesis(GENESIS, read_genesis(GENESIS))["consensus_params"]["evidence"]
    assert (evidence["max_age_num_blocks"], evidence["max_age_duration"]) == ("46", str(46 * 100 * 10**6))


def test_describe_config__sockets_and_ports__is_toml() -> None:
    config = tomllib.loads(config_of(replace(NETWORK, rpc="127.0.0.1:1", peers=("a@h:1", "b@h:2"))))
    assert config["proxy_app"] == "unix:///run/a"
    assert config["rpc"]["laddr"] == "unix:///run/r,tcp://127.0.0.1:1"
    assert config["p2p"]["persistent_peers"] == "a@h:1,b@h:2"
    assert config["consensus"]["timeout_commit"] == "100ms"
    assert tomllib.loads(config_of())["rpc"]["laddr"] == "unix:///run/r"


@pytest.mark.parametrize("name", PRESETS)
def test_describe_config__the_longest_transaction__is_taken_by_the_rpc_in_base64(name: str) -> None:
    body = tomllib.loads(config_of())["rpc"]["max_body_bytes"]
    assert 4 * PRESETS[name].auth.max_tx_bytes // 3 + 1000 <= body


@pytest.mark.parametrize(("rpc", "indexer"), [("127.0.0.1:1", "kv"), ("", "null")])
def test_describe_config__transactions__are_indexed_where_somebody_can_ask_for_them(rpc: str, indexer: str) -> None:
    """CometBFT's index never forgets, and nobody but its RPC reads it."""
    config = tomllib.loads(config_of(replace(NETWORK, rpc=rpc)))
    assert config["tx_index"]["indexer"] == indexer


def test_describe_config__a_quick_chain__still_waits_a_second_for_a_proposal() -> None:
    assert tomllib.loads(config_of(block_ms=100))["consensus"]["timeout_propose"] == "1000ms"
    assert tomllib.loads(config_of(block_ms=6000))["consensus"]["timeout_propose"] == "6000ms"


def test_make_consensus_key__a_new_one__is_proved_and_private(tmp_path: Path) -> None:
    path = tmp_path / "config" / "priv_validator_key.json"
    make_consensus_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(prove_consensus_key(path, CHAIN_ID, ANN.text).public_key) == 32


def test_make_consensus_key__one_that_is_there__stays(tmp_path: Path) -> None:
    make_consensus_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(EngineError, match="consensus_key_exists"):
        make_consensus_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


def test_write_home__a_key_that_never_signed__begins_at_height_0_and_only_then(tmp_path: Path) -> None:
    """A key whose data is there but whose last signature is forgotten must not sign: it could sign a block twice."""
    make_consensus_key(tmp_path / "config" / "priv_validator_key.json")
    state = tmp_path / "data" / "priv_validator_state.json"
    write_home(tmp_path, GENESIS, read_genesis(GENESIS), config_of())
    assert json.loads(state.read_text()) == {"height": "0", "round": 0, "step": 0}
    state.write_text('{"height": "7", "round": 0, "step": 3}')
    write_home(tmp_path, GENESIS, read_genesis(GENESIS), config_of())
    assert json.loads(state.read_text())["height"] == "7"
    state.unlink()
    (tmp_path / "data" / "blockstore.db").touch()
    write_home(tmp_path, GENESIS, read_genesis(GENESIS), config_of())
    assert not state.exists()


def test_write_home__no_key__leaves_it_to_cometbft(tmp_path: Path) -> None:
    write_home(tmp_path, GENESIS, read_genesis(GENESIS), config_of())
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["config.toml", "genesis.json"]


def test_make_node_key__a_new_home__has_the_id_that_others_dial(tmp_path: Path) -> None:
    name = make_node_key(tmp_path)
    assert name == read_node_id(tmp_path)
    assert re.fullmatch("[0-9a-f]{40}", name)
    assert make_node_key(tmp_path / "other") != name


@pytest.mark.parametrize(("kind", "height"), [(COMMIT_REVEAL, "0"), (THRESHOLD_BLS, "1")])
def test_describe_genesis__seeds_signed_in_votes__has_them_extended_from_the_first(kind: int, height: str) -> None:
    params = replace(MINIMAL, beacon=replace(MINIMAL.beacon, kind=kind))
    genesis = make_validator_genesis(params=params)
    described = describe_genesis(genesis, read_genesis(genesis))
    assert described["consensus_params"]["abci"]["vote_extensions_enable_height"] == height
