"""`gnk tx decode`: every form a transaction comes in, who still has to sign, and what is none."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from chain_client.errors import PermanentError
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.ledger import Account
from chain_client.transactions import Fee, Order, sign_order
from commands.tx import group
from commands.txfile import describe_tx, parse_tx
from tests.commands.people import error_of, run
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.tx.v1beta1.tx_pb2 import Tx, TxRaw

ANN, BOB = SigningKey(Secret(b"\1" * 32)), SigningKey(Secret(b"\2" * 32))
ORDER = Order(
    order_id="x",
    messages=(MsgStake(host=ANN.address, amount_ngonka=5),),
    last_height=77,
    fee=Fee(gas_limit=100, amount_ngonka=1_500_000_000),
    memo="hello",
)
RAW = sign_order(ORDER, ANN, Account(address=ANN.address, number=1, sequence=4), "gonka-test").raw


def as_json(raw: bytes) -> bytes:
    return json_format.MessageToJson(parse_tx(raw)).encode()


FORMS = [
    (RAW, "raw"),
    (RAW.hex().encode() + b"\n", "hex"),
    (RAW.hex().upper().encode(), "capital hex"),
    (base64.b64encode(RAW), "base64"),
    (base64.encodebytes(RAW), "base64 in lines"),
    (as_json(RAW), "JSON"),
]


@pytest.mark.parametrize(("content", "words"), FORMS, ids=[words for _, words in FORMS])
def test_parse_tx__any_form__is_the_same_transaction(content: bytes, words: str) -> None:
    assert describe_tx(parse_tx(content)) == {
        "messages": [{"@type": "gonka.stake.v1.MsgStake", "host": ANN.address, "amount_ngonka": 5}],
        "signers": [
            {
                "address": ANN.address,
                "signature": "present",
                "sequence": 4,
                "key": "the signer's",
                "mode": "SIGN_MODE_DIRECT",
            }
        ],
        "complete": True,
        "fee": ["1.5 GNK"],
        "fee_payer": ANN.address,
        "gas_limit": 100,
        "memo": "hello",
        "last_height": 77,
    }


def change(signatures: list[bytes], *more: object) -> Tx:
    tx = parse_tx(RAW)
    del tx.signatures[:]
    tx.signatures.extend(signatures)
    for message in more:
        tx.body.messages.add().Pack(message, type_url_prefix="/")
    return tx


@pytest.mark.parametrize(
    ("tx", "expected", "words"),
    [
        (change([]), [(ANN.address, "missing")], "not signed"),
        (change([b""]), [(ANN.address, "missing")], "an empty signature"),
        (
            change([b"x"], MsgSend(from_address=BOB.address)),
            [(ANN.address, "present"), (BOB.address, "missing")],
            "a second signer",
        ),
    ],
)
def test_describe_tx__signatures_missing__says_whose(tx: Tx, expected: list[tuple[str, str]], words: str) -> None:
    described = describe_tx(tx)

    signers = described["signers"]
    assert isinstance(signers, list)
    assert [(s["address"], s["signature"]) for s in signers] == expected
    assert described["complete"] is False


def test_describe_tx__a_key_of_somebody_else__is_seen() -> None:
    account = Account(address=BOB.address, number=1, sequence=4)
    tx = parse_tx(sign_order(ORDER, BOB, account, "gonka-test").raw)

    signers = describe_tx(tx)["signers"]
    assert isinstance(signers, list)
    assert signers[0]["key"] == "another account's"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello", "words"),
        (b"{", "broken JSON"),
        (b'{"body": {"messages": [{"@type": "/nobody.v1.Msg"}]}}', "JSON of an unknown message"),
        (b'{"nothing": 1}', "JSON of something else"),
        (RAW[:-5], "cut short"),
        (TxRaw().SerializeToString(), "no messages"),
        (b"\xff" * 64, "noise"),
    ],
)
def test_parse_tx__no_transaction__is_a_coded_error(content: bytes, words: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_tx(content)
    assert caught.value.code == "tx_undecodable"


@given(st.binary(max_size=200))
def test_parse_tx__any_bytes__are_a_transaction_or_a_coded_error(content: bytes) -> None:
    try:
        described = describe_tx(parse_tx(content))
    except PermanentError as error:
        described = {"code": error.code}
    assert described.get("code", "tx_undecodable") == "tx_undecodable"


def test_decode__a_file_or_stdin__prints_it(tmp_path: Path) -> None:
    (tmp_path / "tx.json").write_bytes(as_json(RAW))

    from_file = run(group, "decode", str(tmp_path / "tx.json"), "--json")
    from_stdin = run(group, "decode", "-", "--json", typed=RAW)

    assert json.loads(from_file.stdout) == json.loads(from_stdin.stdout)
    assert "SIGN_MODE_DIRECT" in run(group, "decode", "-", typed=RAW).stdout
    assert error_of(run(group, "decode", "-", typed=b"hello")) == "tx_undecodable"
