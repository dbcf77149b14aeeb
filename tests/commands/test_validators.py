import json
from base64 import b64decode
from pathlib import Path

import pytest

from chain.engine.abci import describe_app_state
from chain.genesis import read_genesis
from chain_client.errors import PermanentError
from commands.validators import LEAST_BLOCK_MS, ValidatorNet, widen
from rules.params import THRESHOLD_BLS
from rules.presets import MAINNET, MINIMAL, PRESETS
from wire.codec import decode_params


def test_make__a_new_directory__has_one_genesis_and_a_home_for_each(tmp_path: Path) -> None:
    net = ValidatorNet(directory=tmp_path / "net")
    net.make(3, "minimal")
    files = {(net.home(one) / "genesis.json").read_bytes() for one in net.validators}
    (genesis,) = files
    described = read_genesis(genesis)
    assert [host.address for host in described.hosts] == [one.address for one in net.validators]
    keys = []
    for one in net.validators:
        key = json.loads((net.home(one) / "cometbft" / "config" / "priv_validator_key.json").read_text())
        keys.append(b64decode(key["pub_key"]["value"]))
        config = (net.home(one) / "config.toml").read_text()
        assert str(net.home(one) / "beacon_key") in config
        assert "draft" not in config
    assert [host.consensus_pubkey for host in described.hosts] == keys
    assert decode_params(described.params).beacon.kind == THRESHOLD_BLS
    places = [place for one in net.validators for place in (one.grpc, one.p2p, one.rpc)]
    assert len(set(places)) == 9
    assert describe_app_state(genesis)


def test_make__a_directory_that_holds_something__is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(PermanentError) as caught:
        ValidatorNet(directory=tmp_path).make(2, "minimal")
    assert caught.value.code == "network_directory_used"


def test_make__what_an_earlier_one_left_half_done__is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "net.draft" / "validator-1").mkdir(parents=True)
    net = ValidatorNet(directory=tmp_path / "net")
    net.make(1, "minimal")
    assert [one.name for one in net.validators] == ["validator-1"]
    assert not (tmp_path / "net.draft").exists()


def test_chains__each__knows_all_others_and_not_itself(tmp_path: Path) -> None:
    net = ValidatorNet(directory=tmp_path / "net")
    net.make(3, "minimal")
    for one, chain in zip(net.validators, net.chains, strict=True):
        peers = {word.partition("@")[0] for word in chain.words if "@" in word}
        assert peers == {other.node_id for other in net.validators} - {one.node_id}


def test_describe__nobody_answers__says_none(tmp_path: Path) -> None:
    net = ValidatorNet(directory=tmp_path / "net")
    net.make(1, "minimal")
    nothing = {"name": "validator-1", "height": None, "app_hash": None, "power": None, "units": None, "peers": None}
    assert net.describe() == {
        "validators": [nothing],
        "epoch": None,
        "phase": None,
        "round_late_blocks": None,
    }


@pytest.mark.parametrize("name", PRESETS)
def test_widen__any_preset__is_signed_in_votes_and_never_shorter(name: str) -> None:
    before, after = PRESETS[name], widen(PRESETS[name])
    assert after.beacon.kind == THRESHOLD_BLS
    assert after.auth.block_ms >= LEAST_BLOCK_MS
    for field in ("genesis_blocks", "serve_blocks", "reveal_blocks", "rows_commit_blocks"):
        assert getattr(after.sprint, field) >= getattr(before.sprint, field)


def test_widen__mainnet__changes_nothing() -> None:
    assert widen(MAINNET) == MAINNET
    assert widen(MINIMAL) != MINIMAL
