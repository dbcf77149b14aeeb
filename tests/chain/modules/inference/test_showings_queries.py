"""What the chain tells of settled vouchers and shown receipts."""

import pytest

from chain.modules.inference import showings_queries as queries
from chain.modules.query import Snapshot
from rules.errors import RuleError
from tests.chain.ledger import ANN, BOB, CHAIN_ID
from tests.chain.modules.inference.test_showings import Case, tree_of
from wire.gonka.inference.v1 import receipt_pb2 as pb


@pytest.fixture
def case() -> Case:
    return Case.open()


def snapshot_of(case: Case) -> Snapshot:
    network = case.court.network
    return Snapshot(store=network.store, records=network.store, height=network.height, time_ns=0, chain_id=CHAIN_ID)


def test_settled__two_vouchers_of_two_epochs__come_by_serial_with_the_serial_before(case: Case) -> None:
    case.settle(3, 1, 2)
    case.settle_epochs(1)
    case.settle(8)
    request = pb.QuerySettledRequest(escrow_id=case.escrow_id, host=ANN.text)
    found = queries.list_settled_vouchers(snapshot_of(case), request).settled
    assert [(one.after_serial, one.serial, one.receipts_count) for one in found] == [(0, 3, 2), (3, 8, 0)]
    assert found[0].receipts_root == tree_of(1, 2).root


def test_settled__another_host_of_the_escrow_or_all__are_told_apart(case: Case) -> None:
    case.settle(3, 1)
    other = pb.QuerySettledRequest(escrow_id=case.escrow_id, host=BOB.text)
    assert list(queries.list_settled_vouchers(snapshot_of(case), other).settled) == []
    every = pb.QuerySettledRequest(escrow_id=case.escrow_id)
    assert [one.host for one in queries.list_settled_vouchers(snapshot_of(case), every).settled] == [ANN.text]


def test_settled__an_escrow_that_never_was__is_refused(case: Case) -> None:
    with pytest.raises(RuleError, match="escrow_unknown"):
        queries.list_settled_vouchers(snapshot_of(case), pb.QuerySettledRequest(escrow_id=99))


def test_showings__shown_and_placed__are_its_hosts_until_they_are_judged(case: Case) -> None:
    case.settle(3, 1, 2)
    message = case.show(2)
    case.send(message)
    (showing,) = queries.list_showings(snapshot_of(case), pb.QueryShowingsRequest(host=ANN.text)).showings
    assert (showing.receipt, showing.serial, showing.root) == (message.receipt, 3, tree_of(1, 2).root)
    assert not showing.placed
    case.send(case.place(2, 1, 2))
    answer = queries.list_showings(snapshot_of(case), pb.QueryShowingsRequest())
    assert (answer.epoch, [one.placed for one in answer.showings]) == (case.court.network.epoch, [True])
    assert not queries.list_showings(snapshot_of(case), pb.QueryShowingsRequest(host=BOB.text)).showings
    case.settle_epochs(1)
    assert not queries.list_showings(snapshot_of(case), pb.QueryShowingsRequest()).showings
