"""Hosts as wallets and explorers see them."""

import pytest

from chain.modules.stake import staking_queries as queries
from rules.errors import RuleError
from rules.presets import MINIMAL
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import ANN, BOB, DAN, Ledger
from wire.gonka.stake.v1.tx_pb2 import MsgRegisterHost

from cosmos.base.query.v1beta1.pagination_pb2 import PageRequest
from cosmos.staking.v1beta1 import query_pb2 as pb

ANN_OPERATOR = queries.encode_operator(ANN.address)
DECIMAL = 10**18


@pytest.fixture
def ledger() -> Ledger:
    """Dan has joined and proved nothing yet."""
    ledger = Ledger()
    ledger.block()
    assert ledger.send(MsgRegisterHost(host=DAN.text), by=DAN, gas=4_000_000).code == 0
    return ledger


@pytest.mark.parametrize(
    ("status", "count"),
    [("", 4), ("BOND_STATUS_BONDED", 3), ("3", 3), ("BOND_STATUS_UNBONDED", 1), ("BOND_STATUS_UNBONDING", 0)],
)
def test_list_validators__are_the_hosts_bonded_by_their_units(ledger: Ledger, status: str, count: int) -> None:
    found = queries.list_validators(snapshot_of(ledger), pb.QueryValidatorsRequest(status=status)).validators
    assert len(found) == count
    assert all(int(v.delegator_shares) == int(v.tokens) * DECIMAL for v in found)


def test_list_validators__in_pages__are_all_there(ledger: Ledger) -> None:
    first = queries.list_validators(
        snapshot_of(ledger), pb.QueryValidatorsRequest(pagination=PageRequest(limit=3, count_total=True))
    )
    rest = queries.list_validators(
        snapshot_of(ledger), pb.QueryValidatorsRequest(pagination=PageRequest(key=first.pagination.next_key))
    )
    assert first.pagination.total == 4
    assert len({v.operator_address for v in [*first.validators, *rest.validators]}) == 4


def test_list_validators__another_status__is_refused(ledger: Ledger) -> None:
    with pytest.raises(RuleError) as caught:
        queries.list_validators(snapshot_of(ledger), pb.QueryValidatorsRequest(status="bonded"))
    assert caught.value.code == "request_invalid"


def test_the_pool_is_the_sum_of_the_validators_tokens(ledger: Ledger) -> None:
    validators = queries.list_validators(snapshot_of(ledger), pb.QueryValidatorsRequest()).validators
    pool = queries.get_pool(snapshot_of(ledger), pb.QueryPoolRequest()).pool
    assert int(pool.bonded_tokens) == sum(int(v.tokens) for v in validators) > 0
    assert pool.not_bonded_tokens == "0"


def test_a_host_delegates_its_units_to_itself_only(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    validator = queries.get_validator(snapshot, pb.QueryValidatorRequest(validator_addr=ANN_OPERATOR)).validator
    request = pb.QueryDelegatorDelegationsRequest(delegator_addr=ANN.text)
    (own,) = queries.list_delegations_of(snapshot, request).delegation_responses
    assert own.balance.amount == validator.tokens
    assert own.delegation.validator_address == validator.operator_address == ANN_OPERATOR
    to = queries.list_delegations_to(snapshot, pb.QueryValidatorDelegationsRequest(validator_addr=ANN_OPERATOR))
    assert list(to.delegation_responses) == [own]
    pair = pb.QueryDelegationRequest(delegator_addr=ANN.text, validator_addr=ANN_OPERATOR)
    assert queries.get_delegation(snapshot, pair).delegation_response == own
    with pytest.raises(RuleError, match="not_found"):
        queries.get_delegation(
            snapshot, pb.QueryDelegationRequest(delegator_addr=BOB.text, validator_addr=ANN_OPERATOR)
        )


def test_a_host_without_units_has_no_delegation_and_is_a_validator_all_the_same(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    request = pb.QueryDelegatorDelegationsRequest(delegator_addr=DAN.text)
    assert list(queries.list_delegations_of(snapshot, request).delegation_responses) == []
    of = queries.list_validators_of(snapshot, pb.QueryDelegatorValidatorsRequest(delegator_addr=DAN.text))
    assert [v.tokens for v in of.validators] == ["0"]
    unbonding = pb.QueryDelegatorUnbondingDelegationsRequest(delegator_addr=DAN.text)
    assert list(queries.list_unbonding_of(snapshot, unbonding).unbonding_responses) == []


@pytest.mark.parametrize("address", [ANN.text, "gonkavaloper1x", ""])
def test_decode_operator__anything_else__is_refused(address: str) -> None:
    with pytest.raises(RuleError) as caught:
        queries.decode_operator(address)
    assert caught.value.code == "address_invalid"


def test_get_params__unbonding_takes_as_long_as_its_epochs(ledger: Ledger) -> None:
    params = queries.get_params(snapshot_of(ledger), pb.QueryParamsRequest()).params
    assert params.bond_denom == "ngonka"
    assert params.max_validators == MINIMAL.stake.max_validators
    s, b = MINIMAL.sprint, MINIMAL.beacon
    blocks = s.sprint_blocks + 2 * b.reveal_blocks + s.reveal_blocks + s.rows_commit_blocks + s.rows_reveal_blocks
    blocks += s.dispute_commit_blocks + s.dispute_reveal_blocks + 1 + s.serve_blocks
    expected_ms = MINIMAL.stake.unbonding_epochs * blocks * MINIMAL.auth.block_ms
    assert params.unbonding_time.seconds == expected_ms // 1000
