"""The outbox of files: what was recorded is there after a crash, until it is settled."""

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from chain_client.errors import PermanentError, TransientError
from chain_client.ledger import TxResult
from chain_client.outbox import FileOutbox
from chain_client.transactions import Fate, Outcome, SignedTx

FIRST = SignedTx(order_id="a/1", chain_id="gonka-test", address="gonka1x", sequence=4, last_height=9, raw=b"\0\xff")
SECOND = SignedTx(order_id="b", chain_id="gonka-test", address="gonka1x", sequence=3, last_height=9, raw=b"")
DONE = Outcome(order_id="a/1", fate=Fate.APPLIED, result=TxResult(tx_hash="", height=1, code=0))


def open_outbox(
    home: Path, chain_id: str = "gonka-test", address: str = "gonka1x"
) -> AbstractContextManager[FileOutbox]:
    return FileOutbox.open(home, chain_id=chain_id, address=address)


def test_record__two_transactions__are_there_by_sequence_when_opened_again(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.record(FIRST)
        outbox.record(SECOND)

    with open_outbox(tmp_path) as outbox:
        assert outbox.unsettled() == (SECOND, FIRST)
        assert outbox.find("a/1") == FIRST
        assert outbox.find("c") is None


def test_record__the_same_order_signed_again__replaces_it(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.record(FIRST)
        outbox.record(replace(FIRST, sequence=5))

        assert [tx.sequence for tx in outbox.unsettled()] == [5]


def test_settle__once_or_twice__forgets_it(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.record(FIRST)

        outbox.settle(DONE)
        outbox.settle(DONE)

        assert outbox.unsettled() == ()


def test_unsettled__another_chain_or_account__is_another_outbox(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.record(FIRST)

    with open_outbox(tmp_path, chain_id="../gonka-test") as outbox:
        assert outbox.unsettled() == ()
    with open_outbox(tmp_path, address="gonka1y") as outbox:
        assert outbox.unsettled() == ()
    assert {path.name for path in tmp_path.iterdir()} == {"outbox"}


def test_open__held_by_another__is_busy_until_it_ends(tmp_path: Path) -> None:
    with open_outbox(tmp_path), pytest.raises(TransientError) as caught, open_outbox(tmp_path):
        pass
    assert caught.value.code == "outbox_busy"

    with open_outbox(tmp_path) as outbox:
        assert outbox.unsettled() == ()


def test_open__a_file_in_the_way__is_a_coded_error(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("")

    with pytest.raises(PermanentError) as caught, open_outbox(tmp_path):
        pass
    assert caught.value.code == "disk_write_failed"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"raw": "zz"}', b"\xff", b"[" * 100_000], ids=range(6))
def test_unsettled__a_damaged_file__says_which(tmp_path: Path, content: bytes) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.record(SECOND)
        (path,) = tmp_path.rglob("*.tx.json")
        path.write_bytes(content)

        with pytest.raises(PermanentError, match=r"b\.tx\.json") as caught:
            outbox.unsettled()
    assert caught.value.code == "outbox_unreadable"
