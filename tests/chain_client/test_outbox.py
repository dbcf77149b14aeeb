"""The outbox of files: what was recorded is there after a crash, until it is settled."""

from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from chain_client.ledger import TxResult
from chain_client.outbox import FileOutbox
from chain_client.transactions import Fate, Outcome, SignedTx

FIRST = SignedTx(order_id="a/1", chain_id="gonka-test", address="gonka1x", sequence=4, last_height=9, raw=b"\0\xff")
SECOND = SignedTx(order_id="b", chain_id="gonka-test", address="gonka1x", sequence=3, last_height=9, raw=b"")
DONE = Outcome(order_id="a/1", fate=Fate.APPLIED, result=TxResult(tx_hash="", height=1, code=0))


def open_outbox(home: Path, chain_id: str = "gonka-test", address: str = "gonka1x") -> FileOutbox:
    return FileOutbox.open(home, chain_id=chain_id, address=address)


def test_record__two_transactions__are_there_by_sequence_when_opened_again(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.record(FIRST)
    outbox.record(SECOND)

    assert open_outbox(tmp_path).unsettled() == (SECOND, FIRST)
    assert open_outbox(tmp_path).find("a/1") == FIRST
    assert open_outbox(tmp_path).find("c") is None


def test_record__the_same_order_signed_again__replaces_it(tmp_path: Path) -> None:
    from dataclasses import replace

    outbox = open_outbox(tmp_path)
    outbox.record(FIRST)
    outbox.record(replace(FIRST, sequence=5))

    assert [tx.sequence for tx in outbox.unsettled()] == [5]


def test_settle__once_or_twice__forgets_it(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.record(FIRST)

    outbox.settle(DONE)
    outbox.settle(DONE)

    assert outbox.unsettled() == ()


def test_unsettled__another_chain_or_account__is_another_outbox(tmp_path: Path) -> None:
    open_outbox(tmp_path).record(FIRST)

    assert open_outbox(tmp_path, chain_id="../gonka-test").unsettled() == ()
    assert open_outbox(tmp_path, address="gonka1y").unsettled() == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"raw": "zz"}', b"\xff"])
def test_unsettled__a_damaged_file__says_which(tmp_path: Path, content: bytes) -> None:
    outbox = open_outbox(tmp_path)
    outbox.record(SECOND)
    (path,) = tmp_path.rglob("*.tx.json")
    path.write_bytes(content)

    with pytest.raises(PermanentError, match=r"b\.tx\.json") as caught:
        outbox.unsettled()
    assert caught.value.code == "outbox_unreadable"
