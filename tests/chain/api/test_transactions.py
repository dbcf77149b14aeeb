from hashlib import sha256

import pytest

from chain.modules.bank.coins import make_coin
from rules.errors import CATALOGUE, RuleError
from tests.chain.api.node import Api, open_api
from tests.chain.ledger import ANN, BALANCE, BOB, STRANGER

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.tx.v1beta1 import service_pb2 as pb
from cosmos.tx.v1beta1.tx_pb2 import TxBody, TxRaw

SERVICE = "/cosmos.tx.v1beta1.Service"


def broadcast(api: Api, tx: bytes, mode: int = pb.BROADCAST_MODE_SYNC) -> pb.BroadcastTxResponse:
    request = pb.BroadcastTxRequest(tx_bytes=tx, mode=mode)
    return api.ask(f"{SERVICE}/BroadcastTx", request, pb.BroadcastTxResponse).tx_response


def get_tx(api: Api, tx: bytes) -> pb.GetTxResponse:
    return api.ask(f"{SERVICE}/GetTx", pb.GetTxRequest(hash=sha256(tx).hexdigest()), pb.GetTxResponse)


def transfer(amount: int) -> MsgSend:
    return MsgSend(from_address=ANN.text, to_address=BOB.text, amount=[make_coin(amount)])


def test_simulate__a_send__tells_its_gas_and_changes_nothing() -> None:
    with open_api() as api:
        request = pb.SimulateRequest(tx_bytes=api.sign(ANN, transfer(5)))
        answer = api.ask(f"{SERVICE}/Simulate", request, pb.SimulateResponse)
        assert answer.gas_info.gas_used > 0
        assert any(event.type == "transfer" for event in answer.result.events)
        assert api.block().block.txs == ()


def test_simulate__a_send_that_would_fail__is_refused_with_its_code() -> None:
    with open_api() as api:
        request = pb.SimulateRequest(tx_bytes=api.sign(ANN, transfer(2 * BALANCE)))
        with pytest.raises(RuleError) as caught:
            api.ask(f"{SERVICE}/Simulate", request, pb.SimulateResponse)
    assert caught.value.code == "insufficient_funds"


def test_broadcast__a_good_transaction__is_found_once_it_is_in_a_block() -> None:
    with open_api() as api:
        tx = api.sign(ANN, transfer(5), memo="hello")
        answer = broadcast(api, tx)
        assert (answer.code, answer.txhash) == (0, sha256(tx).hexdigest().upper())
        with pytest.raises(RuleError, match="tx not found"):
            get_tx(api, tx)
        api.block()
        found = get_tx(api, tx)
        assert (found.tx.body.memo, found.tx_response.height, found.tx_response.code) == ("hello", 2, 0)
        assert found.tx_response.gas_used > 0
        assert found.tx_response.timestamp.endswith("Z")
        assert found.tx_response.tx.type_url == "/cosmos.tx.v1beta1.Tx"


@pytest.mark.parametrize("in_block", [False, True])
def test_broadcast__the_same_transaction_again__is_a_duplicate(in_block: bool) -> None:
    with open_api() as api:
        tx = api.sign(ANN, transfer(5))
        assert broadcast(api, tx).code == 0
        if in_block:
            api.block()
        assert broadcast(api, tx).code == CATALOGUE["tx_duplicate"].number


def with_unknown_field(tx: bytes) -> bytes:
    raw = TxRaw.FromString(tx)
    raw.body_bytes += b"\xfa\x3e\x01x"  # field 1007, length-delimited
    return raw.SerializeToString()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda _tx: b"", "tx_malformed"),
        (lambda _tx: b"\xff\xfe\xfd", "tx_malformed"),
        (lambda tx: tx[:-10], "tx_malformed"),
        (lambda tx: tx + b"\xfa\x3e\x01x", "tx_malformed"),
        (with_unknown_field, "tx_malformed"),
        (lambda _tx: TxRaw(body_bytes=TxBody().SerializeToString()).SerializeToString(), "tx_malformed"),
        (lambda tx: tx[:-3] + bytes(3), "signature_invalid"),
        (lambda tx: tx + bytes(2**20), "tx_too_large"),
    ],
    ids=["empty", "garbage", "truncated", "unknown field", "unknown field inside", "no message", "signature", "size"],
)
def test_broadcast__a_bad_transaction__is_refused_with_its_code_and_nothing_waits(spoil, code: str) -> None:  # type: ignore[no-untyped-def]  # a table of functions
    with open_api() as api:
        answer = broadcast(api, spoil(api.sign(ANN, transfer(5))))
        assert (answer.code, answer.codespace) == (CATALOGUE[code].number, "gonka"), answer.raw_log
        assert answer.raw_log.startswith(f"{code}: ")
        assert api.block().block.txs == ()


@pytest.mark.parametrize("mode", [pb.BROADCAST_MODE_UNSPECIFIED, pb.BROADCAST_MODE_BLOCK, 9])
def test_broadcast__a_mode_that_is_not_taken__is_refused(mode: int) -> None:
    with open_api() as api, pytest.raises(RuleError) as caught:
        broadcast(api, b"", mode)
    assert caught.value.code == "request_invalid"


def test_get_tx__one_whose_message_failed__says_why_and_that_its_fee_is_gone() -> None:
    with open_api() as api:
        first, second = api.sign(ANN, transfer(BALANCE - 500_000)), api.sign(ANN, transfer(500_000), ahead=1)
        assert broadcast(api, first).code == broadcast(api, second).code == 0
        api.block()
        response = get_tx(api, second).tx_response
        assert response.code == CATALOGUE["insufficient_funds"].number
        assert response.raw_log.startswith("insufficient_funds: ")


def search(api: Api, **fields: object) -> pb.GetTxsEventResponse:
    return api.ask(f"{SERVICE}/GetTxsEvent", pb.GetTxsEventRequest(**fields), pb.GetTxsEventResponse)


def test_search__pages_and_orders_as_asked() -> None:
    with open_api() as api:
        for memo in ("a", "b", "c"):
            api.send(ANN, BOB, 1, memo=memo)
            api.block()
        query = f"message.sender='{ANN.text}'"
        assert [tx.body.memo for tx in search(api, query=query).txs] == ["a", "b", "c"]
        assert [tx.body.memo for tx in search(api, events=[query]).txs] == ["a", "b", "c"]
        page = search(api, query=query, page=2, limit=2)
        assert ([tx.body.memo for tx in page.txs], page.total) == (["c"], 3)
        newest = search(api, query=query, order_by=pb.ORDER_BY_DESC, limit=1, page=1)
        assert [response.height for response in newest.tx_responses] == [4]
        assert search(api, query=f"message.sender='{STRANGER.text}'").total == 0


def test_get_block__gives_its_transactions_decoded() -> None:
    with open_api() as api:
        api.send(ANN, BOB, 1, memo="x")
        logged = api.block()
        answer = api.ask(f"{SERVICE}/GetBlockWithTxs", pb.GetBlockWithTxsRequest(height=2), pb.GetBlockWithTxsResponse)
        assert [tx.body.memo for tx in answer.txs] == ["x"]
        assert answer.block_id.hash == logged.block.hash
