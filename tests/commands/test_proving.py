"""`gnk gov prove`, `gnk chain prove`, `gnk verify` and `gnk chain add-to-wallet` against a running chain."""

import json
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from string import Template

import grpc
import pytest
from click.testing import CliRunner
from cosmpy.aerial.client.utils import prepare_and_broadcast_basic_transaction
from cosmpy.aerial.tx import Transaction
from google.protobuf.message import Message

import cli  # noqa: TID251  # what a user types
from chain.modules.bank.coins import make_coin
from rules.presets import MINIMAL
from tests.chain.api.running import run_interfaces
from tests.chain.api.test_cosmpy import connect, wallet
from tests.chain.ledger import ANN, BOB, CHAIN_ID, STRANGER, Person
from tests.commands.people import error_of, furnish, run, run_json

from cosmos.gov.v1.query_pb2 import QueryProposalRequest
from cosmos.gov.v1.query_pb2_grpc import QueryStub
from cosmos.gov.v1.tx_pb2 import MsgSubmitProposal, MsgVote

TIMEOUT_S = 60
PARAMS = replace(MINIMAL, gov=replace(MINIMAL.gov, voting_blocks=40))


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A chain on which proposal 1 has ended, with Ann's vote alone, and proposal 2 is voted on by her."""
    home: Path = tmp_path_factory.mktemp("chain")
    with run_interfaces(home, params=PARAMS) as found:
        propose_and_vote(found["grpc"], 1)
        await_end(found["grpc"])
        yield found


def propose_and_vote(address: str, number: int) -> None:
    send(address, ANN, MsgSubmitProposal(proposer=ANN.text, initial_deposit=[make_coin(10**10)], title="words"))
    send(address, ANN, MsgVote(proposal_id=number, voter=ANN.text, option=1))


def send(address: str, sender: Person, message: Message) -> None:
    tx = Transaction()
    tx.add_message(message)
    prepare_and_broadcast_basic_transaction(connect(address), tx, wallet(sender)).wait_to_complete()


def await_end(address: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    with grpc.insecure_channel(address) as channel:
        while QueryStub(channel).Proposal(QueryProposalRequest(proposal_id=1)).proposal.status == 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_counted_ballot_is_proved_and_verified_by_whoever_knows_a_block(
    addresses: Mapping[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "ballot.json"
    made = run_json(cli.main, "gov", "prove", "1", "--voter", ANN.text, "--rpc", addresses["rpc"], "--out", str(file))
    trust = ["--trust-height", str(made["trust_height"]), "--trust-hash", str(made["trust_hash"])]
    seen = run_json(cli.main, "verify", str(file), *trust)
    assert (seen["verified"], seen["chain_id"], seen["height"]) == (True, CHAIN_ID, made["height"])
    proposal, vote, ballot = seen["statements"]  # type: ignore[misc]  # a list of three
    assert proposal["tally_units"]["yes"] == ballot["counted_units"] > 0
    assert (vote["voter"], list(vote["options"])) == (ANN.text, ["yes"])
    said = run(cli.main, "verify", str(file), *trust).output
    assert f"was counted on proposal 1 with {ballot['counted_units']} units" in " ".join(said.split())


def test_a_ballot_of_the_keys_account_needs_no_address(addresses: Mapping[str, str], tmp_path: Path) -> None:
    furnish(tmp_path)
    file = tmp_path / "ballot.json"
    words = ["--rpc", addresses["rpc"], "--out", str(file), "--home", str(tmp_path)]
    made = run_json(cli.main, "gov", "prove", "1", "--key", "ann", *words)
    assert made["statements"][2]["voter"] == ANN.text  # type: ignore[index]  # a list of three


def test_a_ballot_that_was_not_counted_is_not_proved(addresses: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "ballot.json"
    propose_and_vote(addresses["grpc"], 2)
    for number, voter in (("1", BOB), ("2", ANN), ("99", ANN)):
        words = ["gov", "prove", number, "--voter", voter.text, "--rpc", addresses["rpc"], "--out", str(file)]
        assert error_of(run(cli.main, *words)) == "ballot_missing"
    assert not file.exists()


def test_balances_and_weights_are_proved_also_where_there_are_none(
    addresses: Mapping[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "state.json"
    words = ["--balance", ANN.text, "--balance", STRANGER.text, "--weight", ANN.text, "--weight", STRANGER.text]
    made = run_json(cli.main, "chain", "prove", *words, "--rpc", addresses["rpc"], "--out", str(file))
    trust = ["--trust-height", str(made["trust_height"]), "--trust-hash", str(made["trust_hash"]).lower()]
    statements = run_json(cli.main, "verify", str(file), *trust)["statements"]
    assert [one["kind"] for one in statements] == ["balance", "balance", "table in force", "weight", "weight"]  # type: ignore[union-attr,call-overload,index]
    assert statements[0]["ngonka"] > statements[1]["ngonka"] == 0  # type: ignore[index,call-overload]


def test_a_proof_from_a_later_block_is_verified_from_there(addresses: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    words = ["--balance", ANN.text, "--rpc", addresses["rpc"], "--out", str(file)]
    made = run_json(cli.main, "chain", "prove", *words, "--trust-height", "9")
    assert made["trust_height"] == 9
    good = run(cli.main, "verify", str(file), "--trust-height", "9", "--trust-hash", str(made["trust_hash"]))
    assert good.exit_code == 0
    for height, block_hash, code in [
        ("9", "00" * 32, "trust_mismatch"),
        ("8", str(made["trust_hash"]), "trust_mismatch"),
        ("9", "no hash", "config_invalid"),
        ("9", "", "config_invalid"),
        ("9", "00", "config_invalid"),
    ]:
        refused = run(cli.main, "verify", str(file), "--trust-height", height, "--trust-hash", block_hash)
        assert (refused.exit_code, error_of(refused)) == (1, code)


def test_a_changed_file_is_refused(addresses: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    made = run_json(cli.main, "chain", "prove", "--balance", ANN.text, "--rpc", addresses["rpc"], "--out", str(file))
    trust = ["--trust-height", str(made["trust_height"]), "--trust-hash", str(made["trust_hash"])]
    document = json.loads(file.read_text())
    document["pairs"][0]["value"] = "f/////////8="
    file.write_text(json.dumps(document))
    assert error_of(run(cli.main, "verify", str(file), *trust)) == "proof_invalid"
    file.write_text("{")
    assert error_of(run(cli.main, "verify", str(file), *trust)) == "proof_unreadable"
    assert error_of(run(cli.main, "verify", str(tmp_path / "none"), *trust)) == "file_unusable"


def test_mistakes_at_the_command_line_have_codes(addresses: Mapping[str, str], tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "x.json")]
    for words, code in [
        (["chain", "prove", "--rpc", addresses["rpc"], *out], "config_invalid"),
        (["chain", "prove", "--balance", "nonsense", "--rpc", addresses["rpc"], *out], "address_invalid"),
        (["chain", "prove", "--balance", ANN.text, "--rpc", "127.0.0.1:1", *out], "rpc_unreachable"),
        (["chain", "prove", "--balance", ANN.text, "--rpc", addresses["grpc"], *out], "rpc_unreachable"),
        (["chain", "prove", "--balance", ANN.text, "--rpc", addresses["rest"], *out], "node_unreadable"),
        (["gov", "prove", "1", "--voter", "nonsense", "--rpc", addresses["rpc"], *out], "address_invalid"),
    ]:
        assert error_of(run(cli.main, *words)) == code, words
    assert not (tmp_path / "x.json").exists()


def test_a_wallet_is_told_the_chain(addresses: Mapping[str, str]) -> None:
    words = [
        "chain",
        "add-to-wallet",
        "--chain",
        addresses["grpc"],
        "--rpc",
        "https://rpc.example",
        "--coin-type",
        "118",
    ]
    told = json.loads(run(cli.main, *words).stdout)
    assert (told["chainId"], told["rpc"], told["bip44"]) == (CHAIN_ID, "https://rpc.example", {"coinType": 118})
    assert told["bech32Config"]["bech32PrefixAccAddr"] == "gonka"
    (fee,) = told["feeCurrencies"]
    assert (fee["coinMinimalDenom"], fee["coinDecimals"]) == ("ngonka", 9)
    steps = fee["gasPriceStep"]
    assert 0 < steps["low"] <= steps["average"] <= steps["high"]


def test_the_commands_of_the_page_for_wallets_run(addresses: Mapping[str, str], tmp_path: Path) -> None:
    page = (Path(cli.__file__).parent / "docs" / "wallets.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.split("\n")]
    furnish(tmp_path)
    known = {"NODE": addresses["rpc"], "DIR": str(tmp_path), "ADDRESS": ANN.text}
    environ = {"GNK_HOME": str(tmp_path), "GNK_CHAIN": addresses["grpc"], "GNK_KEY": "ann"}
    commands = [shlex.split(line) for line in lines if line]
    assert [words[:3] for words in commands[1:3]] == [["gnk", "gov", "prove"], ["gnk", "verify", "$DIR/ballot.json"]]
    for words in commands:
        given = [Template(word).substitute(known) for word in words[1:]]
        done = CliRunner().invoke(cli.main, given, env=environ, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        for name, column in (("HEIGHT", "trust_height"), ("BLOCK", "trust_hash")):
            if found := re.search(rf"^{column} +(\w+)$", done.output, re.MULTILINE):
                known[name] = found[1]
