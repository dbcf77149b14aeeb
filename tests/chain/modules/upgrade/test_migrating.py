"""An upgrade at its height: who knows it goes on, who does not stops before it and loses nothing."""

import asyncio

import pytest

from chain.app import App
from chain.context import Context
from chain.engine.errors import EngineError
from chain.modules.gov.state import get_proposal
from chain.modules.handler import pack_any
from chain.modules.sprint.state import locate_height
from chain.modules.upgrade.migrating import Upgrades
from chain.modules.upgrade.state import get_done_height, get_plan
from chain.store.store import Store
from rules.errors import RuleError
from rules.presets import MINIMAL
from rules.types import Phase
from tests.chain.engine.abci_node import open_abci
from tests.chain.ledger import ANN, BOB, CAT, Ledger, make_genesis
from tests.chain.modules.upgrade.test_messages import upgrade

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos.gov.v1.tx_pb2 import MsgSubmitProposal, MsgVote
from tendermint.abci import types_pb2 as abci

MARK = b"test/migrated"
HEIGHT = 75


def migrate(ctx: Context) -> None:
    ctx.store.set(MARK, b"%d" % ctx.height)


def refuse(ctx: Context) -> None:
    ctx.store.set(MARK, b"half")
    raise RuleError("params_invalid", "not this state")


def make_ledger(store: Store, upgrades: Upgrades) -> Ledger:
    ledger = Ledger(store=store, genesis=make_genesis(MINIMAL))
    ledger.app = App.open(store, upgrades=upgrades)
    if not ledger.height:
        ledger.app.init_chain(ledger.genesis)
    return ledger


def plan_by_vote(ledger: Ledger, height: int) -> None:
    """Propose an upgrade at `height`, and let everyone vote for it."""
    ledger.run_to(1)
    deposit = Coin(denom="ngonka", amount=str(MINIMAL.gov.min_deposit_ngonka))
    submit = MsgSubmitProposal(
        messages=[pack_any(upgrade(height=height))], initial_deposit=[deposit], proposer=ANN.text, title="v2"
    )
    assert ledger.send(submit, by=ANN).code == 0
    for voter in (ANN, BOB, CAT):
        assert ledger.send(MsgVote(proposal_id=1, voter=voter.text, option=1), by=voter).code == 0
    for _ in range(100):
        if get_plan(ledger.store.latest) is not None:
            return
        ledger.block()
    raise AssertionError(get_proposal(ledger.store.latest, 1))


def first_serving(store: Store, height: int) -> Phase:
    return locate_height(store.latest, height).phase


def test_upgrade__a_height_in_the_midst_of_a_sprint__waits_for_the_first_block_of_serve() -> None:
    ledger = make_ledger(Store.in_memory(), Upgrades(migrations={"v2": migrate}))
    plan_by_vote(ledger, HEIGHT)
    while not get_done_height(ledger.store.latest, "v2"):
        ledger.block()
    done = get_done_height(ledger.store.latest, "v2")
    assert done >= HEIGHT
    assert first_serving(ledger.store, done) is Phase.SERVE
    assert done == HEIGHT or first_serving(ledger.store, done - 1) is not Phase.SERVE
    assert ledger.store.latest.get(MARK) == b"%d" % done
    assert get_plan(ledger.store.latest) is None


def test_upgrade__a_program_that_does_not_know_it__stops_before_it_and_another_goes_on() -> None:
    store = Store.in_memory()
    ledger = make_ledger(store, Upgrades())
    plan_by_vote(ledger, HEIGHT)
    with pytest.raises(EngineError, match="upgrade_needed: v2 begins with block") as caught:
        ledger.run_to(200)
    assert "from the release page" in str(caught.value)
    stopped = store.height
    with pytest.raises(EngineError, match="upgrade_needed"):
        make_ledger(store, Upgrades()).app.check_tx(b"\x00", recheck=False)

    newer = make_ledger(store, Upgrades(migrations={"v2": migrate}))
    newer.last_hash = ledger.last_hash
    send = MsgSend(from_address=ANN.text, to_address=BOB.text, amount=[Coin(denom="ngonka", amount="5")])
    assert newer.send(send, by=ANN).code == 0
    assert get_done_height(store.latest, "v2") == stopped + 1
    newer.run_to(stopped + 50)


def test_upgrade__a_migration_that_refuses__changes_nothing_and_can_be_skipped() -> None:
    store = Store.in_memory()
    ledger = make_ledger(store, Upgrades(migrations={"v2": refuse}))
    plan_by_vote(ledger, HEIGHT)
    with pytest.raises(EngineError, match=r"upgrade_failed: v2 at block .* not this state"):
        ledger.run_to(200)
    assert store.latest.get(MARK) is None
    stopped = store.height

    skipping = make_ledger(store, Upgrades(skipped=frozenset({"v2"})))
    skipping.last_hash = ledger.last_hash
    skipping.run_to(stopped + 10)
    assert get_plan(store.latest) is None
    assert get_done_height(store.latest, "v2") == 0


def test_upgrade__skipped_by_one_only__comes_to_another_app_hash() -> None:
    hashes = set()
    for upgrades in (Upgrades(migrations={"v2": migrate}), Upgrades(skipped=frozenset({"v2"}))):
        ledger = make_ledger(Store.in_memory(), upgrades)
        plan_by_vote(ledger, HEIGHT)
        ledger.run_to(2 * HEIGHT)
        hashes.add(ledger.store.app_hash)
    assert len(hashes) == 2


def test_upgrade__over_abci__an_old_program_answers_nothing_about_the_block_and_a_new_one_goes_on() -> None:
    """A vote, a proposal, a check or a block: whatever CometBFT asks first stops the node, and nothing is kept."""
    ledger = make_ledger(store := Store.in_memory(), Upgrades())
    plan_by_vote(ledger, HEIGHT)
    with pytest.raises(EngineError):
        ledger.run_to(200)
    height, app_hash = store.height + 1, store.app_hash
    requests = (
        abci.Request(check_tx=abci.RequestCheckTx(tx=b"x")),
        abci.Request(prepare_proposal=abci.RequestPrepareProposal(height=height, max_tx_bytes=1 << 20)),
        abci.Request(process_proposal=abci.RequestProcessProposal(height=height)),
        abci.Request(verify_vote_extension=abci.RequestVerifyVoteExtension(height=height)),
        abci.Request(finalize_block=abci.RequestFinalizeBlock(height=height, hash=b"h" * 32)),
    )
    for request in requests:
        old = open_abci(store, ledger.genesis)
        with pytest.raises(EngineError, match="upgrade_needed"):
            asyncio.run(old.answer(request))
        assert (store.height, store.app_hash) == (height - 1, app_hash)
    newer = open_abci(store, ledger.genesis, upgrades=Upgrades(migrations={"v2": migrate}))
    for request in (requests[-1], abci.Request(commit=abci.RequestCommit())):
        asyncio.run(newer.answer(request))
    assert store.height == get_done_height(store.latest, "v2") == height
