"""Inviting to a running chain, and joining with what came out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result

from chain.process import GENESIS_FILE
from commands.network import NETWORK_FILE, find_invitation, group
from tests.chain.api.running import run_chain
from tests.chain.ledger import CHAIN_ID, make_genesis
from tests.chain.test_invitation import INVITATION, PEER, changed
from tests.commands.people import error_of, run, run_json


@pytest.fixture
def invitation(tmp_path: Path) -> Path:
    path = tmp_path / "invitation.json"
    path.write_bytes(INVITATION.encode())
    return path


def join(home: Path, source: Path, *more: str) -> Result:
    return run(group, "join", str(source), "--home", str(home), *more)


def test_describe__of_a_running_chain__vouches_for_its_newest_block(tmp_path: Path) -> None:
    with run_chain(tmp_path) as target:
        flags = ("--home", str(tmp_path), "--chain", target, "--peer", PEER)
        plain = json.loads(run(group, "describe", *flags).stdout)
        trusting = json.loads(run(group, "describe", *flags, "--rpc-server", "http://203.0.113.8:26657").stdout)
    assert (plain["chain_id"], plain["peers"], plain["trust_height"]) == (CHAIN_ID, [PEER], 0)
    assert trusting["trust_height"] > 0
    assert len(trusting["trust_hash"]) == 64


def test_describe__no_peers__is_refused_before_anybody_gets_it(tmp_path: Path) -> None:
    with run_chain(tmp_path) as target:
        assert error_of(run(group, "describe", "--home", str(tmp_path), "--chain", target)) == "invitation_invalid"
        result = run(group, "describe", "--home", str(tmp_path), "--chain", target, "--address", "203.0.113.7:26656")
    assert error_of(result) == "node_key_unreadable"


def test_join__an_empty_home__has_the_genesis_and_what_to_dial(tmp_path: Path, invitation: Path) -> None:
    home = tmp_path / "home"
    said = run_json(group, "join", str(invitation), "--home", str(home))
    assert said["starts_from"] == "a snapshot after block 1000"
    assert (home / GENESIS_FILE).read_bytes() == make_genesis()
    assert find_invitation(home) == INVITATION
    assert join(home, invitation).exit_code == 0


def test_join__another_block_to_trust__is_taken_in_place_of_the_one_in_the_file(
    tmp_path: Path, invitation: Path
) -> None:
    home = tmp_path / "home"
    assert join(home, invitation, "--trust-height", "7", "--trust-hash", "EF" * 32).exit_code == 0
    found = find_invitation(home)
    assert found is not None
    assert (found.trust_height, found.trust_hash) == (7, "ef" * 32)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--genesis-sha256", "00" * 32), "network_mismatch"),
        (("--chain-id", "another-1"), "network_mismatch"),
        (("--trust-height", "7"), "config_invalid"),
        (("--trust-height", "7", "--trust-hash", "short"), "invitation_invalid"),
    ],
)
def test_join__what_does_not_match__is_refused_and_nothing_written(
    tmp_path: Path, invitation: Path, flags: tuple[str, ...], code: str
) -> None:
    home = tmp_path / "home"
    assert error_of(join(home, invitation, *flags)) == code
    assert not (home / GENESIS_FILE).exists()
    assert not (home / NETWORK_FILE).exists()


def test_join__a_home_of_another_network__is_refused(tmp_path: Path, invitation: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / GENESIS_FILE).write_text("{}")
    assert error_of(join(home, invitation)) == "network_mismatch"
    assert (home / GENESIS_FILE).read_text() == "{}"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("nowhere.json", "file_unusable"),
        ("http://192.0.2.1/x", "config_invalid"),
        ("https://127.0.0.1:1/x", "invitation_unreachable"),
    ],
)
def test_join__a_source_that_cannot_be_had__is_a_coded_error(tmp_path: Path, source: str, code: str) -> None:
    assert error_of(run(group, "join", source, "--home", str(tmp_path))) == code


def test_join__an_invitation_that_was_tampered_with__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "invitation.json"
    path.write_bytes(changed(genesis="{}"))
    assert error_of(join(tmp_path / "home", path)) == "invitation_invalid"
