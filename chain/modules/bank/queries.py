"""What cosmos.bank.v1beta1 answers: one denomination, ngonka."""

from chain.modules.bank.coins import make_coin
from chain.modules.bank.state import DENOM, get_balance, get_supply, scan_balances
from chain.modules.pagination import paginate
from chain.modules.query import Query, Snapshot
from rules.addresses import decode_address, encode_address
from rules.errors import RuleError

from cosmos.bank.v1beta1 import query_pb2 as pb
from cosmos.bank.v1beta1.bank_pb2 import DenomUnit, Metadata, Params
from cosmos.base.v1beta1.coin_pb2 import Coin

METADATA = Metadata(
    description="The token staked behind compute, which pays for inference",
    denom_units=[DenomUnit(denom=DENOM, exponent=0), DenomUnit(denom="gnk", exponent=9)],
    base=DENOM,
    display="gnk",
    name="GNK",
    symbol="GNK",
)


def get_one(snapshot: Snapshot, request: pb.QueryBalanceRequest) -> pb.QueryBalanceResponse:
    """What an account holds of a denomination; nothing of any other than ngonka."""
    return pb.QueryBalanceResponse(balance=_balance(snapshot, request.address, request.denom))


def get_spendable(
    snapshot: Snapshot, request: pb.QuerySpendableBalanceByDenomRequest
) -> pb.QuerySpendableBalanceByDenomResponse:
    """The same: what is staked has left the balance."""
    return pb.QuerySpendableBalanceByDenomResponse(balance=_balance(snapshot, request.address, request.denom))


def list_all(snapshot: Snapshot, request: pb.QueryAllBalancesRequest) -> pb.QueryAllBalancesResponse:
    """What an account holds."""
    coins, page = paginate(_coins(snapshot, request.address), request.pagination)
    return pb.QueryAllBalancesResponse(balances=coins, pagination=page)


def list_spendable(snapshot: Snapshot, request: pb.QuerySpendableBalancesRequest) -> pb.QuerySpendableBalancesResponse:
    """The same: what is staked has left the balance."""
    coins, page = paginate(_coins(snapshot, request.address), request.pagination)
    return pb.QuerySpendableBalancesResponse(balances=coins, pagination=page)


def get_total(snapshot: Snapshot, request: pb.QueryTotalSupplyRequest) -> pb.QueryTotalSupplyResponse:
    """The sum of all balances."""
    coins, page = paginate([make_coin(get_supply(snapshot.store))], request.pagination)
    return pb.QueryTotalSupplyResponse(supply=coins, pagination=page)


def get_supply_of(snapshot: Snapshot, request: pb.QuerySupplyOfRequest) -> pb.QuerySupplyOfResponse:
    """The sum of all balances in a denomination."""
    amount = get_supply(snapshot.store) if request.denom == DENOM else 0
    return pb.QuerySupplyOfResponse(amount=Coin(denom=request.denom, amount=str(amount)))


def get_params(_snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """Everything may be sent, always."""
    return pb.QueryParamsResponse(params=Params(default_send_enabled=True))


def get_metadata(_snapshot: Snapshot, request: pb.QueryDenomMetadataRequest) -> pb.QueryDenomMetadataResponse:
    """How wallets show ngonka.  RuleError not_found for another denomination."""
    if request.denom != DENOM:
        raise RuleError("not_found", f"denomination {request.denom!r} not found")
    return pb.QueryDenomMetadataResponse(metadata=METADATA)


def list_metadata(_snapshot: Snapshot, request: pb.QueryDenomsMetadataRequest) -> pb.QueryDenomsMetadataResponse:
    """How wallets show ngonka."""
    found, page = paginate([METADATA], request.pagination)
    return pb.QueryDenomsMetadataResponse(metadatas=found, pagination=page)


def list_owners(snapshot: Snapshot, request: pb.QueryDenomOwnersRequest) -> pb.QueryDenomOwnersResponse:
    """Who holds how much, in address order."""
    balances = scan_balances(snapshot.store) if request.denom == DENOM else iter(())
    found, page = paginate(balances, request.pagination)
    owners = [pb.DenomOwner(address=encode_address(address), balance=make_coin(amount)) for address, amount in found]
    return pb.QueryDenomOwnersResponse(denom_owners=owners, pagination=page)


def _balance(snapshot: Snapshot, address: str, denom: str) -> Coin:
    held = get_balance(snapshot.store, decode_address(address))
    return Coin(denom=denom, amount=str(held if denom == DENOM else 0))


def _coins(snapshot: Snapshot, address: str) -> list[Coin]:
    held = get_balance(snapshot.store, decode_address(address))
    return [make_coin(held)] if held else []


QUERIES = (
    Query("cosmos.bank.v1beta1.Query.Balance", get_one),
    Query("cosmos.bank.v1beta1.Query.AllBalances", list_all),
    Query("cosmos.bank.v1beta1.Query.SpendableBalances", list_spendable),
    Query("cosmos.bank.v1beta1.Query.SpendableBalanceByDenom", get_spendable),
    Query("cosmos.bank.v1beta1.Query.TotalSupply", get_total),
    Query("cosmos.bank.v1beta1.Query.SupplyOf", get_supply_of),
    Query("cosmos.bank.v1beta1.Query.Params", get_params),
    Query("cosmos.bank.v1beta1.Query.DenomMetadata", get_metadata),
    Query("cosmos.bank.v1beta1.Query.DenomsMetadata", list_metadata),
    Query("cosmos.bank.v1beta1.Query.DenomOwners", list_owners),
)
