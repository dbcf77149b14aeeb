"""Wallet libraries of others, unmodified, against a running chain with each engine: run by `make js`."""

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cosmpy.crypto.address import Address

import cli  # noqa: TID251  # what a user types
from chain.modules.bank.state import balance_key
from chain.modules.stake.state import table_key
from chain.store.proofs import PROOF_SPEC
from rules.presets import MINIMAL
from tests.chain.api.running import run_interfaces
from tests.chain.api.test_cosmpy import DENOM, connect, wallet
from tests.chain.ledger import ANN, BOB, CHAIN_ID, DAN
from tests.commands.people import run_json
from tests.js.cometbft import run_cometbft

pytestmark = pytest.mark.js

HERE = Path(__file__).parent
TIMEOUT_S = 120
LONG_VOTES = replace(MINIMAL, gov=replace(MINIMAL.gov, voting_blocks=2_000))


@pytest.fixture(scope="module", params=["local", "cometbft"])
def addresses(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    home = tmp_path_factory.mktemp("chain")
    running = run_interfaces(home, params=LONG_VOTES) if request.param == "local" else run_cometbft(home, LONG_VOTES)
    with running as found:
        yield found


@pytest.fixture
def rpc(addresses: Mapping[str, str]) -> str:
    return f"http://{addresses['rpc']}"


def run_node(script: str, *words: str) -> Any:
    done = subprocess.run(["node", HERE / script, *words], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_cosmjs_reads_sends_and_votes_in_both_sign_modes(rpc: str) -> None:
    seen = run_node("wallet.mjs", rpc, ANN.secret.hex(), BOB.secret.hex())
    assert (seen["chainId"], seen["client"]) == (CHAIN_ID, True)
    assert (seen["direct"]["code"], seen["direct"]["arrived"], seen["direct"]["memo"]) == (0, "1000", True)
    assert (seen["amino"]["code"], seen["amino"]["arrived"]) == (0, "500")
    assert seen["votes"] == [[1], [1, 3]]
    node = seen["node"]
    assert node.pop("sent") >= 3
    assert node == {
        "version": "0.38.25",
        "txs": 1,
        "results": 1,
        "validators": 1,
        "signatures": 1,
        "genesis": CHAIN_ID,
        "metas": 3,
    }
    assert seen["told"] == {"blocks": True, "txs": 1}


def test_ics23_of_others_accepts_the_proofs_of_pairs_and_refuses_other_values_and_roots(rpc: str) -> None:
    spec = base64.b64encode(PROOF_SPEC.SerializeToString()).decode()
    keys = [balance_key(ANN.address), table_key(0, ANN.address)]
    seen = run_node("proofs.mjs", rpc, spec, *(key.hex() for key in keys))
    assert seen == [[True, False, False], [True, False, False]]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_cosmpy_reads_and_sends(addresses: Mapping[str, str], transport: str) -> None:
    client = connect(addresses[transport], transport=transport)
    before = client.query_bank_balance(Address(BOB.text))
    sent = client.send_tokens(Address(BOB.text), 1_000, DENOM, wallet(DAN), memo="thanks").wait_to_complete()
    assert client.query_bank_balance(Address(BOB.text)) == before + 1_000
    assert sent.response is not None
    assert sent.response.is_successful()
    assert client.query_height() >= 1


def test_a_balance_is_proved_and_verified_without_the_node(addresses: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "balance.json"
    words = ["--balance", ANN.text, "--trust-height", "2", "--rpc", addresses["rpc"], "--out", str(file)]
    made = run_json(cli.main, "chain", "prove", *words)
    seen = run_json(cli.main, "verify", str(file), "--trust-height", "2", "--trust-hash", str(made["trust_hash"]))
    assert (seen["verified"], seen["statements"]) == (True, made["statements"])
