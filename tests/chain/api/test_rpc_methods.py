"""CometBFT's RPC on the local engine, and what its answers hang together by."""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from chain.modules.bank.state import balance_key
from chain.store.proofs import check_presence
from chain_client.light import LightBlock, find_fault, find_gap
from tests.chain.api.asking import TIMEOUT_S, ask, call
from tests.chain.api.running import run_interfaces
from tests.chain.api.test_cosmpy import DENOM, connect, wallet
from tests.chain.ledger import ANN, BOB, CHAIN_ID, DAN
from wire.headers import compute_root, hash_header, hash_results, hash_txs
from wire.headers_json import read_signed_header, read_validators

from cosmos.bank.v1beta1.query_pb2 import QueryBalanceRequest, QueryBalanceResponse
from tendermint.abci.types_pb2 import ExecTxResult


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    home: Path = tmp_path_factory.mktemp("chain")
    with run_interfaces(home) as found:
        yield found


@pytest.fixture
def rpc(addresses: Mapping[str, str]) -> str:
    return addresses["rpc"]


@pytest.fixture(scope="module")
def sent(addresses: Mapping[str, str]) -> tuple[str, int]:
    """Hash and height of a transfer."""
    from cosmpy.crypto.address import Address

    done = connect(addresses["grpc"]).send_tokens(Address(BOB.text), 5, DENOM, wallet(DAN)).wait_to_complete()
    assert done.response is not None
    return done.tx_hash, done.response.height


def result(rpc: str, method: str, **params: Any) -> Any:
    answer = call(rpc, method, **params)
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
    return answer["result"]


def read_light(rpc: str, height: int) -> LightBlock:
    """As soon as there is such a block."""
    deadline = time.monotonic() + TIMEOUT_S
    while int(result(rpc, "status")["sync_info"]["latest_block_height"]) < height:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    commit = result(rpc, "commit", height=str(height))
    validators = read_validators(result(rpc, "validators", height=str(height))["validators"])
    return LightBlock(
        signed=read_signed_header(commit["signed_header"]), validators=validators, next_validators=validators
    )


def test_status_names_a_comet_that_clients_know_and_the_latest_block(rpc: str) -> None:
    status = result(rpc, "status")
    assert status["node_info"]["version"].startswith("0.38.")
    assert status["node_info"]["network"] == CHAIN_ID
    assert status["sync_info"]["catching_up"] is False
    assert int(status["sync_info"]["latest_block_height"]) >= int(status["sync_info"]["earliest_block_height"]) == 1
    own = read_light(rpc, 1).validators.validators[0]
    assert status["validator_info"]["address"] == own.address.hex().upper()


def test_headers_and_commits_satisfy_a_light_client(rpc: str, sent: tuple[str, int]) -> None:
    _, height = sent
    blocks = [read_light(rpc, number) for number in (1, 2, height)]
    assert [find_fault(block) for block in blocks] == ["", "", ""]
    assert (find_gap(blocks[0], blocks[1]), find_gap(blocks[0], blocks[2])) == ("", "")


def test_a_block_is_found_by_height_and_hash_and_its_header_covers_it(rpc: str, sent: tuple[str, int]) -> None:
    tx_hash, height = sent
    found = result(rpc, "block", height=str(height))
    raw = bytes.fromhex(found["block_id"]["hash"])
    assert result(rpc, "block_by_hash", hash=b64encode(raw).decode()) == found
    signed = read_signed_header({"header": found["block"]["header"], "commit": found["block"]["last_commit"]})
    txs = [b64decode(tx) for tx in found["block"]["data"]["txs"]]
    assert hash_header(signed.header) == raw
    assert hash_txs(txs) == signed.header.data_hash
    assert sha256(txs[0]).hexdigest().upper() == tx_hash
    assert result(rpc, "header", height=str(height))["header"] == found["block"]["header"]
    assert result(rpc, "blockchain", minHeight=str(height), maxHeight=str(height))["block_metas"][0]["num_txs"] == "1"
    unknown = result(rpc, "block_by_hash", hash=b64encode(bytes(32)).decode())
    assert unknown["block"] is None


def test_the_next_header_covers_results_and_state(rpc: str, sent: tuple[str, int]) -> None:
    _, height = sent
    results = result(rpc, "block_results", height=str(height))
    hashed = hash_results(
        ExecTxResult(
            code=one["code"],
            data=b64decode(one["data"]),
            gas_wanted=int(one["gas_wanted"]),
            gas_used=int(one["gas_used"]),
        )
        for one in results["txs_results"]
    )
    after = read_light(rpc, height + 1).header
    assert (hashed, b64decode(results["app_hash"])) == (after.last_results_hash, after.app_hash)


def test_a_transaction_is_found_by_hash_and_search_and_proved(rpc: str, sent: tuple[str, int]) -> None:
    tx_hash, height = sent
    found = result(rpc, "tx", hash=b64encode(bytes.fromhex(tx_hash)).decode(), prove=True)
    assert (found["hash"], found["height"], found["tx_result"]["code"]) == (tx_hash, str(height), 0)
    assert bytes.fromhex(found["proof"]["root_hash"]) == read_light(rpc, height).header.data_hash
    assert compute_root([sha256(b64decode(found["tx"])).digest()]) == bytes.fromhex(found["proof"]["root_hash"])
    for query in (f"tx.hash='{tx_hash}'", f"message.sender='{DAN.text}'", f"tx.height={height}"):
        listed = result(rpc, "tx_search", query=query, per_page="1", order_by="desc")
        assert (listed["total_count"], listed["txs"][0]["hash"]) == ("1", tx_hash)


def test_abci_query_answers_methods_and_proves_pairs_against_the_next_header(rpc: str) -> None:
    request = QueryBalanceRequest(address=ANN.text, denom=DENOM).SerializeToString()
    asked = result(rpc, "abci_query", path="/cosmos.bank.v1beta1.Query/Balance", data=request.hex())["response"]
    held = int(QueryBalanceResponse.FromString(b64decode(asked["value"])).balance.amount)
    key = balance_key(ANN.address)
    proved = result(rpc, "abci_query", path="/key", data=key.hex(), prove=True)["response"]
    value, proof = b64decode(proved["value"]), b64decode(proved["proofOps"]["ops"][0]["data"])
    assert int.from_bytes(value, "big") == held
    height = int(proved["height"])
    check_presence(proof, app_hash=read_light(rpc, height + 1).header.app_hash, key=key, value=value)
    unknown = result(rpc, "abci_query", path="/nothing")["response"]
    assert (unknown["codespace"], unknown["log"].partition(":")[0]) == ("gonka", "not_found")


def test_broadcast__sync_async_and_commit__take_a_good_transaction_once(addresses: Mapping[str, str]) -> None:
    from cosmpy.aerial.tx import SigningCfg, Transaction, TxFee

    from cosmos.bank.v1beta1.tx_pb2 import MsgSend
    from cosmos.base.v1beta1.coin_pb2 import Coin

    client, sender = connect(addresses["grpc"]), wallet(ANN)
    for method in ("broadcast_tx_commit", "broadcast_tx_sync", "broadcast_tx_async"):
        account = client.query_account(sender.address())
        tx = Transaction()
        tx.add_message(MsgSend(from_address=ANN.text, to_address=BOB.text, amount=[Coin(denom=DENOM, amount="1")]))
        tx.seal(SigningCfg.direct(sender.public_key(), account.sequence), TxFee("50000ngonka", gas_limit=50_000))
        tx.sign(sender.signer(), CHAIN_ID, account.number)
        raw = b64encode(tx.complete().tx.SerializeToString()).decode()
        answer = result(addresses["rpc"], method, tx=raw)
        if method == "broadcast_tx_commit":
            assert (answer["check_tx"]["code"], answer["tx_result"]["code"]) == (0, 0)
            assert int(answer["height"]) > 0
        else:
            assert answer["code"] == 0
            client.wait_for_query_tx(answer["hash"])
        assert "tx_duplicate" in result(addresses["rpc"], "broadcast_tx_sync", tx=raw)["log"]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing", {}, -32601),
        ("block", {"height": "x"}, -32602),
        ("block", {"height": [1]}, -32602),
        ("block", {"height": "99999999"}, -32603),
        ("block", {"height": "-1"}, -32603),
        ("commit", {"height": "99999999"}, -32603),
        ("tx", {"hash": "!!"}, -32602),
        ("tx", {"hash": "AA=="}, -32603),
        ("tx_search", {"query": "nonsense"}, -32602),
        ("tx_search", {"query": "tx.height=1", "page": "9"}, -32602),
        ("abci_query", {"path": "/key", "data": "xyz"}, -32602),
        ("broadcast_tx_sync", {"tx": 5}, -32602),
        ("validators", {"page": "0"}, -32602),
    ],
)
def test_a_call_that_cannot_be_answered_has_a_code(rpc: str, method: str, params: dict[str, Any], code: int) -> None:
    answer = call(rpc, method, **params)
    assert answer["error"]["code"] == code
    assert ask(f"http://{rpc}/health").json["result"] == {}


def test_uris_are_calls_too(rpc: str, sent: tuple[str, int]) -> None:
    tx_hash, height = sent
    assert ask(f"http://{rpc}/tx?hash=0x{tx_hash}").json["result"]["height"] == str(height)
    found = ask(f"http://{rpc}/tx_search?query=%22tx.hash='{tx_hash}'%22").json
    assert found["result"]["total_count"] == "1"
    assert ask(f"http://{rpc}/block?height={height}").json["id"] == -1
    assert ask(f"http://{rpc}/block?height=x").status == 500
    assert ask(f"http://{rpc}/nothing").status == 404
    assert "status" in ask(f"http://{rpc}/").json["methods"]
    assert json.loads(ask(f"http://{rpc}/genesis").body)["result"]["genesis"]["chain_id"] == CHAIN_ID
