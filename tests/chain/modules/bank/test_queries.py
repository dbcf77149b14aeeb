import pytest

from chain.modules.bank import queries
from rules.errors import RuleError
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import ANN, BALANCE, STRANGER, Ledger

from cosmos.bank.v1beta1 import query_pb2 as pb


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.block()
    return ledger


@pytest.mark.parametrize(
    ("address", "denom", "amount"),
    [(ANN.text, "ngonka", BALANCE), (ANN.text, "uatom", 0), (STRANGER.text, "ngonka", 0)],
)
def test_get_one__is_what_is_held_of_the_denomination(ledger: Ledger, address: str, denom: str, amount: int) -> None:
    coin = queries.get_one(snapshot_of(ledger), pb.QueryBalanceRequest(address=address, denom=denom)).balance
    assert (coin.denom, coin.amount) == (denom, str(amount))
    request = pb.QuerySpendableBalanceByDenomRequest(address=address, denom=denom)
    assert queries.get_spendable(snapshot_of(ledger), request).balance == coin


def test_get_one__no_address__is_refused(ledger: Ledger) -> None:
    with pytest.raises(RuleError) as caught:
        queries.get_one(snapshot_of(ledger), pb.QueryBalanceRequest(address="cosmos1x", denom="ngonka"))
    assert caught.value.code == "address_invalid"


def test_list_all__is_one_coin_or_none(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    held = queries.list_all(snapshot, pb.QueryAllBalancesRequest(address=ANN.text)).balances
    assert [(coin.denom, coin.amount) for coin in held] == [("ngonka", str(BALANCE))]
    assert list(queries.list_spendable(snapshot, pb.QuerySpendableBalancesRequest(address=ANN.text)).balances) == list(
        held
    )
    assert list(queries.list_all(snapshot, pb.QueryAllBalancesRequest(address=STRANGER.text)).balances) == []


def test_the_supply_is_the_sum_of_what_its_owners_hold(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    owners = queries.list_owners(snapshot, pb.QueryDenomOwnersRequest(denom="ngonka")).denom_owners
    total = sum(int(owner.balance.amount) for owner in owners)
    assert total == 4 * BALANCE
    (coin,) = queries.get_total(snapshot, pb.QueryTotalSupplyRequest()).supply
    assert int(coin.amount) == total
    assert int(queries.get_supply_of(snapshot, pb.QuerySupplyOfRequest(denom="ngonka")).amount.amount) == total
    assert queries.get_supply_of(snapshot, pb.QuerySupplyOfRequest(denom="uatom")).amount.amount == "0"
    assert list(queries.list_owners(snapshot, pb.QueryDenomOwnersRequest(denom="uatom")).denom_owners) == []


def test_get_metadata__ngonka__is_shown_as_gnk_with_nine_decimals(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    metadata = queries.get_metadata(snapshot, pb.QueryDenomMetadataRequest(denom="ngonka")).metadata
    assert {unit.denom: unit.exponent for unit in metadata.denom_units} == {"ngonka": 0, "gnk": 9}
    assert list(queries.list_metadata(snapshot, pb.QueryDenomsMetadataRequest()).metadatas) == [metadata]
    with pytest.raises(RuleError, match="not_found"):
        queries.get_metadata(snapshot, pb.QueryDenomMetadataRequest(denom="uatom"))
    assert queries.get_params(snapshot, pb.QueryParamsRequest()).params.default_send_enabled
