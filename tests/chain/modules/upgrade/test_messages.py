"""Upgrades are planned and dropped by governance, and by nobody else."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chain.context import Context
from chain.modules.query import Snapshot
from chain.modules.upgrade.queries import get_applied_plan, get_current_plan
from chain.modules.upgrade.state import get_plan, set_done_height
from chain.store.store import Store
from rules.addresses import encode_address, module_address
from rules.errors import RuleError
from tests.chain.ledger import ANN, CHAIN_ID, apply, make_context

from cosmos.upgrade.v1beta1 import query_pb2, upgrade_pb2
from cosmos.upgrade.v1beta1.tx_pb2 import MsgCancelUpgrade, MsgSoftwareUpgrade

GOV = encode_address(module_address("gov"))


def upgrade(authority: str = GOV, **changes: object) -> MsgSoftwareUpgrade:
    plan = {"name": "v2", "height": 50, "info": "from the release page"} | changes
    return MsgSoftwareUpgrade(authority=authority, plan=upgrade_pb2.Plan(**plan))


@pytest.fixture
def ctx() -> Context:
    return make_context()


def snapshot(ctx: Context) -> Snapshot:
    records = Store.in_memory().latest.records
    return Snapshot(store=ctx.store, records=records, height=ctx.height, time_ns=ctx.time_ns, chain_id=CHAIN_ID)


def test_upgrade__by_governance__is_planned_and_can_be_asked_for(ctx: Context) -> None:
    apply(ctx, upgrade())
    answer = get_current_plan(snapshot(ctx), query_pb2.QueryCurrentPlanRequest())
    assert (answer.plan.name, answer.plan.height) == ("v2", 50)
    apply(ctx, upgrade(name="v3", height=60))
    plan = get_plan(ctx.store)
    assert plan is not None
    assert plan.name == "v3"


def test_current_plan__without_one__is_empty(ctx: Context) -> None:
    assert not get_current_plan(snapshot(ctx), query_pb2.QueryCurrentPlanRequest()).HasField("plan")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "V2"},
        {"name": "../v2"},
        {"name": "v" * 65},
        {"height": 1},
        {"height": 0},
        {"height": -5},
        {"info": "x" * 10_001},
        {"time": Timestamp(seconds=5)},
    ],
)
def test_upgrade__that_cannot_be_kept__is_refused(ctx: Context, changes: dict[str, object]) -> None:
    with pytest.raises(RuleError, match="upgrade_invalid"):
        apply(ctx, upgrade(**changes))
    assert get_plan(ctx.store) is None


def test_upgrade__of_a_name_that_was_made__is_refused_with_its_height(ctx: Context) -> None:
    set_done_height(ctx.store, "v2", 7)
    with pytest.raises(RuleError, match="made at height 7"):
        apply(ctx, upgrade())
    request = query_pb2.QueryAppliedPlanRequest(name="v2")
    assert get_applied_plan(snapshot(ctx), request).height == 7


@pytest.mark.parametrize("message", [upgrade(ANN.text), MsgCancelUpgrade(authority=ANN.text)])
def test_messages__by_an_account__are_unauthorized(ctx: Context, message: MsgSoftwareUpgrade) -> None:
    with pytest.raises(RuleError, match="unauthorized"):
        apply(ctx, message)


def test_cancel__a_plan__drops_it_and_none_is_refused(ctx: Context) -> None:
    apply(ctx, upgrade())
    apply(ctx, MsgCancelUpgrade(authority=GOV))
    assert get_plan(ctx.store) is None
    with pytest.raises(RuleError, match="no upgrade is planned"):
        apply(ctx, MsgCancelUpgrade(authority=GOV))
