import pytest

from chain.modules.stake import queries
from rules.errors import RuleError
from rules.presets import GENESIS_UNITS, MINIMAL
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import ANN, BOB, CAT, DAN, Ledger
from wire.gonka.stake.v1 import query_pb2 as pb
from wire.gonka.stake.v1.tx_pb2 import MsgStake, MsgUnstake


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.block()
    assert ledger.send(MsgStake(host=ANN.text, amount_ngonka=100), by=ANN).code == 0
    assert ledger.send(MsgUnstake(host=ANN.text, amount_ngonka=40), by=ANN).code == 0
    return ledger


def test_get_one__a_host__comes_with_its_unbonding_stake_and_its_line_of_the_table(ledger: Ledger) -> None:
    answer = queries.get_one(snapshot_of(ledger), pb.QueryHostRequest(address=ANN.text))
    assert (answer.host.address, answer.host.stake_ngonka) == (ANN.text, 60)
    assert [entry.amount_ngonka for entry in answer.unbonding] == [40]
    assert (answer.entry.host, answer.entry.units) == (ANN.text, GENESIS_UNITS)


def test_get_one__an_account_that_is_no_host__is_refused(ledger: Ledger) -> None:
    with pytest.raises(RuleError) as caught:
        queries.get_one(snapshot_of(ledger), pb.QueryHostRequest(address=DAN.text))
    assert caught.value.code == "host_unknown"


def test_list_all_and_the_table_in_force_name_the_founders(ledger: Ledger) -> None:
    founders = {ANN.text, BOB.text, CAT.text}
    hosts = queries.list_all(snapshot_of(ledger), pb.QueryHostsRequest()).hosts
    assert {host.address for host in hosts} == founders
    table = queries.get_entries(snapshot_of(ledger), pb.QueryTableRequest())
    assert (table.epoch, {entry.host for entry in table.entries}) == (0, founders)


def test_get_entries__an_epoch_without_a_table__is_not_found(ledger: Ledger) -> None:
    with pytest.raises(RuleError) as caught:
        queries.get_entries(snapshot_of(ledger), pb.QueryTableRequest(epoch=5))
    assert caught.value.code == "not_found"


def test_get_params__are_the_live_ones(ledger: Ledger) -> None:
    params = queries.get_params(snapshot_of(ledger), pb.QueryParamsRequest()).params
    assert params.unbonding_epochs == MINIMAL.stake.unbonding_epochs
