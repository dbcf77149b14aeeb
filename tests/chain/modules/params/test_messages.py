"""Changing parameters by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chain.modules.handler import pack_any
from chain.modules.params import state
from rules.addresses import encode_address, module_address
from rules.errors import RuleError
from rules.presets import MINIMAL
from tests.chain.ledger import ANN, apply, make_context
from wire.gonka.beacon.v1 import beacon_pb2
from wire.gonka.params.v1.params_pb2 import GovParams, RewardParams, TxParams
from wire.gonka.params.v1.tx_pb2 import MsgUpdateParams
from wire.gonka.sprint.v1 import sprint_pb2
from wire.gonka.stake.v1 import stake_pb2

GOV = encode_address(module_address("gov"))


def update(module: str, params: Message, *paths: str, authority: str = GOV) -> MsgUpdateParams:
    return MsgUpdateParams(authority=authority, module=module, params=pack_any(params), mask=FieldMask(paths=paths))


def test_update__one_field__leaves_the_others() -> None:
    ctx = make_context()
    apply(ctx, update("stake", stake_pb2.Params(unbonding_epochs=9, max_validators=1), "unbonding_epochs"))
    expected = replace(MINIMAL, stake=replace(MINIMAL.stake, unbonding_epochs=9))
    assert state.get_live(ctx.store) == expected
    assert state.get_frozen(ctx.store) == MINIMAL
    changed = [dict(event.attributes) for event in ctx.events if event.type == "params_changed"]
    assert changed == [{"name": "stake.unbonding_epochs", "before": "2", "after": "9"}]


def test_update__threshold__changes_both_its_parts() -> None:
    ctx = make_context()
    threshold = sprint_pb2.Threshold(one_in=8, cos2_q64=1 << 60)
    apply(ctx, update("sprint", sprint_pb2.Params(threshold=threshold), "threshold"))
    live = state.get_live(ctx.store).sprint.threshold
    assert (live.one_in, live.cos2_q64) == (8, 1 << 60)


def test_update__fields_that_only_fit_together__are_checked_together() -> None:
    ctx = make_context()
    both = GovParams(min_deposit_ngonka=10**12, expedited_min_deposit_ngonka=2 * 10**12)
    with pytest.raises(RuleError, match="params_invalid"):
        apply(ctx, update("gov", both, "min_deposit_ngonka"))
    apply(ctx, update("gov", both, "min_deposit_ngonka", "expedited_min_deposit_ngonka"))
    assert state.get_live(ctx.store).gov.min_deposit_ngonka == 10**12


def test_update__false__can_be_set() -> None:
    ctx = make_context()
    apply(ctx, update("gov", GovParams(), "burn_vote_veto"))
    assert state.get_live(ctx.store).gov.burn_vote_veto is False


STAKE = stake_pb2.Params(unbonding_epochs=9)


@pytest.mark.parametrize(
    ("message", "code", "because"),
    [
        (update("stake", STAKE, "unbonding_epochs", authority=ANN.text), "unauthorized", "not by a proposal"),
        (update("mint", STAKE, "unbonding_epochs"), "params_field_unknown", "no such module"),
        (update("name", STAKE, "unbonding_epochs"), "params_field_unknown", "a field of the record, no module"),
        (update("stake", STAKE, "unbonding_blocks"), "params_field_unknown", "no such field"),
        (update("stake", STAKE, "stake.unbonding_epochs"), "params_field_unknown", "the module named twice"),
        (update("stake", STAKE), "params_invalid", "an empty mask"),
        (update("stake", STAKE, "unbonding_epochs", "unbonding_epochs"), "params_invalid", "a field twice"),
        (update("stake", stake_pb2.Params(), "unbonding_epochs"), "params_invalid", "zero epochs"),
        (update("stake", RewardParams(), "unbonding_epochs"), "tx_malformed", "another module's message"),
        (update("sprint", sprint_pb2.Params(), "threshold"), "params_invalid", "a threshold of nothing"),
        (update("sprint", sprint_pb2.Params(), "threshold.one_in"), "params_field_unknown", "one half of a threshold"),
        (update("sprint", sprint_pb2.Params(profile="huge"), "profile"), "params_invalid", "an unknown profile"),
        (update("auth", TxParams(max_tx_bytes=1), "max_tx_bytes"), "params_invalid", "below the least size"),
        (update("beacon", beacon_pb2.Params(kind=2), "kind"), "params_invalid", "genesis chooses the beacon"),
    ],
)
def test_update__broken__is_refused_and_changes_nothing(message: MsgUpdateParams, code: str, because: str) -> None:
    ctx = make_context()
    with pytest.raises(RuleError, match=f"^{code}"):
        apply(ctx, message)
    assert state.get_live(ctx.store) == MINIMAL


def test_update__message_carries_no_params__is_refused() -> None:
    message = MsgUpdateParams(authority=GOV, module="stake", mask=FieldMask(paths=["unbonding_epochs"]))
    with pytest.raises(RuleError, match=r"^tx_malformed"):
        apply(make_context(), message)
