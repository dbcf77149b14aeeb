"""What cosmos.staking.v1beta1 answers: hosts as validators, their effective units as bonded tokens.

So wallets and explorers show who decides.  A host delegates to itself only; units are proved, never bonded or unbonded.
"""

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration

from chain.modules.bank.state import DENOM
from chain.modules.pagination import paginate
from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from chain.modules.stake.state import find_host, get_host, get_units, get_weights, scan_hosts, table_epoch
from rules.addresses import ADDRESS_BYTES, PREFIX, decode_address, decode_bech32, encode_address, encode_bech32
from rules.errors import RuleError
from rules.schedule import EpochStart, phase_lengths
from rules.types import Host
from wire.gonka.stake.v1.stake_pb2 import Host as HostRecord

from cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos.crypto.ed25519.keys_pb2 import PubKey
from cosmos.staking.v1beta1 import query_pb2 as pb
from cosmos.staking.v1beta1.staking_pb2 import (
    BOND_STATUS_BONDED,
    BOND_STATUS_UNBONDED,
    BOND_STATUS_UNBONDING,
    BOND_STATUS_UNSPECIFIED,
    Commission,
    CommissionRates,
    Delegation,
    DelegationResponse,
    Description,
    Params,
    Pool,
    Validator,
)

OPERATOR_PREFIX = f"{PREFIX}valoper"
_DECIMALS = "0" * 18
_STATUSES = {
    "": None,
    "BOND_STATUS_UNSPECIFIED": None,
    str(BOND_STATUS_UNSPECIFIED): None,
    "BOND_STATUS_BONDED": BOND_STATUS_BONDED,
    str(BOND_STATUS_BONDED): BOND_STATUS_BONDED,
    "BOND_STATUS_UNBONDED": BOND_STATUS_UNBONDED,
    str(BOND_STATUS_UNBONDED): BOND_STATUS_UNBONDED,
    "BOND_STATUS_UNBONDING": BOND_STATUS_UNBONDING,
    str(BOND_STATUS_UNBONDING): BOND_STATUS_UNBONDING,
}


def list_validators(snapshot: Snapshot, request: pb.QueryValidatorsRequest) -> pb.QueryValidatorsResponse:
    """Every host, in address order; bonded are those with effective units.  RuleError request_invalid."""
    if request.status not in _STATUSES:
        raise RuleError("request_invalid", f"{request.status!r} is no status of a validator")
    status = _STATUSES[request.status]
    found = (validator for validator in _scan(snapshot) if status is None or validator.status == status)
    validators, page = paginate(found, request.pagination)
    return pb.QueryValidatorsResponse(validators=validators, pagination=page)


def get_validator(snapshot: Snapshot, request: pb.QueryValidatorRequest) -> pb.QueryValidatorResponse:
    """A host by its operator address.  RuleError host_unknown."""
    host = decode_operator(request.validator_addr)
    return pb.QueryValidatorResponse(
        validator=_validator(host, find_host(snapshot.store, host), _units(snapshot, host))
    )


def get_delegation(snapshot: Snapshot, request: pb.QueryDelegationRequest) -> pb.QueryDelegationResponse:
    """A host's own units.  RuleError not_found for any other pair, and for a host without."""
    delegator, host = decode_address(request.delegator_addr), decode_operator(request.validator_addr)
    found = _delegations(snapshot, host)
    if delegator != host or not found:
        raise RuleError("not_found", f"delegation of {request.delegator_addr} not found")
    return pb.QueryDelegationResponse(delegation_response=found[0])


def list_delegations_of(
    snapshot: Snapshot, request: pb.QueryDelegatorDelegationsRequest
) -> pb.QueryDelegatorDelegationsResponse:
    """A host's own units; none for an account that is no host."""
    found = _delegations(snapshot, Host(decode_address(request.delegator_addr)))
    delegations, page = paginate(found, request.pagination)
    return pb.QueryDelegatorDelegationsResponse(delegation_responses=delegations, pagination=page)


def list_delegations_to(
    snapshot: Snapshot, request: pb.QueryValidatorDelegationsRequest
) -> pb.QueryValidatorDelegationsResponse:
    """A host's own units."""
    found = _delegations(snapshot, decode_operator(request.validator_addr))
    delegations, page = paginate(found, request.pagination)
    return pb.QueryValidatorDelegationsResponse(delegation_responses=delegations, pagination=page)


def list_unbonding_of(
    _snapshot: Snapshot, request: pb.QueryDelegatorUnbondingDelegationsRequest
) -> pb.QueryDelegatorUnbondingDelegationsResponse:
    """Nothing: units do not unbond.  Unbonding stake is in gonka.stake.v1.Query.Host."""
    decode_address(request.delegator_addr)
    return pb.QueryDelegatorUnbondingDelegationsResponse()


def list_validators_of(
    snapshot: Snapshot, request: pb.QueryDelegatorValidatorsRequest
) -> pb.QueryDelegatorValidatorsResponse:
    """The host itself; none for an account that is no host."""
    host = Host(decode_address(request.delegator_addr))
    record = get_host(snapshot.store, host)
    found = [_validator(host, record, _units(snapshot, host))] if record else []
    validators, page = paginate(found, request.pagination)
    return pb.QueryDelegatorValidatorsResponse(validators=validators, pagination=page)


def get_pool(snapshot: Snapshot, _request: pb.QueryPoolRequest) -> pb.QueryPoolResponse:
    """The total of effective units in the table in force: what a quorum is counted from."""
    total = sum(get_weights(snapshot.store, table_epoch(snapshot.store)).values())
    return pb.QueryPoolResponse(pool=Pool(bonded_tokens=str(total), not_bonded_tokens="0"))


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """The live parameters in staking's words; the time of unbonding as the epochs would take without delays."""
    live = get_live(snapshot.store)
    epoch_blocks = sum(length for _, length in phase_lengths(EpochStart(epoch=1, first_height=1), live))
    seconds = live.stake.unbonding_epochs * epoch_blocks * live.auth.block_ms // 1000
    params = Params(
        unbonding_time=Duration(seconds=seconds),
        max_validators=live.stake.max_validators,
        bond_denom=DENOM,
        min_commission_rate="0",
    )
    return pb.QueryParamsResponse(params=params)


def encode_operator(host: bytes) -> str:
    """A host's address as wallets name a validator."""
    return encode_bech32(OPERATOR_PREFIX, host)


def decode_operator(text: str) -> Host:
    """The inverse of `encode_operator`.  RuleError address_invalid."""
    prefix, payload = decode_bech32(text)
    if prefix != OPERATOR_PREFIX or len(payload) != ADDRESS_BYTES:
        raise RuleError("address_invalid", f"a validator's address is 20 bytes with prefix {OPERATOR_PREFIX}")
    return Host(payload)


def _units(snapshot: Snapshot, host: Host) -> int:
    return get_units(snapshot.store, table_epoch(snapshot.store), host)


def _scan(snapshot: Snapshot) -> Iterator[Validator]:
    weights = get_weights(snapshot.store, table_epoch(snapshot.store))
    for host, record in scan_hosts(snapshot.store):
        yield _validator(host, record, weights.get(host, 0))


def _validator(host: Host, record: HostRecord, units: int) -> Validator:
    validator = Validator(
        operator_address=encode_operator(host),
        jailed=record.down,
        status=BOND_STATUS_BONDED if units else BOND_STATUS_UNBONDED,
        tokens=str(units),
        delegator_shares=f"{units}{_DECIMALS}",
        description=Description(moniker=encode_address(host)),
        commission=Commission(commission_rates=CommissionRates(rate="0", max_rate="0", max_change_rate="0")),
        min_self_delegation="0",
    )
    if record.consensus_pubkey:
        validator.consensus_pubkey.Pack(PubKey(key=record.consensus_pubkey), type_url_prefix="/")
    return validator


def _delegations(snapshot: Snapshot, host: Host) -> list[DelegationResponse]:
    units = _units(snapshot, host)
    if not units:
        return []
    delegation = Delegation(
        delegator_address=encode_address(host),
        validator_address=encode_operator(host),
        shares=f"{units}{_DECIMALS}",
    )
    return [DelegationResponse(delegation=delegation, balance=Coin(denom=DENOM, amount=str(units)))]


QUERIES = (
    Query("cosmos.staking.v1beta1.Query.Validators", list_validators),
    Query("cosmos.staking.v1beta1.Query.Validator", get_validator),
    Query("cosmos.staking.v1beta1.Query.Delegation", get_delegation),
    Query("cosmos.staking.v1beta1.Query.DelegatorDelegations", list_delegations_of),
    Query("cosmos.staking.v1beta1.Query.ValidatorDelegations", list_delegations_to),
    Query("cosmos.staking.v1beta1.Query.DelegatorUnbondingDelegations", list_unbonding_of),
    Query("cosmos.staking.v1beta1.Query.DelegatorValidators", list_validators_of),
    Query("cosmos.staking.v1beta1.Query.Pool", get_pool),
    Query("cosmos.staking.v1beta1.Query.Params", get_params),
)
