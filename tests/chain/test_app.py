"""Blocks: repeatable, durable in one step, the same everywhere, and fair to duties."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chain.app import App
from chain.engine.application import Block
from chain.modules.auth.state import get_account, scan_accounts
from chain.modules.bank.coins import make_coin
from chain.modules.bank.state import get_balance
from chain.modules.gov.state import find_proposal
from chain.modules.handler import pack_any
from chain.modules.sprint.state import locate_height
from chain.modules.stake.state import find_host, get_units, table_epoch
from chain.store.store import Store
from rules.errors import RuleError
from rules.params import GNK
from rules.presets import GENESIS_UNITS, MINIMAL
from rules.seeds import compute_seed_commitment
from rules.types import Host, Phase, Round
from tests.chain.ledger import (
    ANN,
    BALANCE,
    BOB,
    CHAIN_ID,
    DAN,
    STRANGER,
    Ledger,
    Person,
    code_of,
    make_genesis,
    make_person,
)
from wire.gonka.beacon.v1.tx_pb2 import MsgCommitSeeds, MsgRevealSeed
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
from cosmos.authz.v1beta1.tx_pb2 import MsgExec, MsgGrant
from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.gov.v1.gov_pb2 import VOTE_OPTION_YES
from cosmos.gov.v1.tx_pb2 import MsgSubmitProposal, MsgVote

SECRET = bytes(32)
SEND_GAS = 21_000
"""Of a send where bytes cost nothing."""
THIN = replace(MINIMAL, auth=replace(MINIMAL.auth, gas_per_byte=0, max_block_gas=3 * SEND_GAS - 1))
"""Blocks with room for two sends and not for a third."""


def send(sender: Person, amount: int = 5) -> MsgSend:
    return MsgSend(from_address=sender.text, to_address=BOB.text, amount=[make_coin(amount)])


def commit_seeds(host: Person) -> MsgCommitSeeds:
    commitments = [compute_seed_commitment(CHAIN_ID, 1, one, host.address, SECRET) for one in Round]
    return MsgCommitSeeds(host=host.text, epoch=1, sprint_commitment=commitments[0], sample_commitment=commitments[1])


def stake(host: Person) -> MsgStake:
    return MsgStake(host=host.text, amount_ngonka=10 * GNK)


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.block()
    return ledger


def test_finalize_block__again_and_for_another_block__keeps_nothing(ledger: Ledger) -> None:
    before = ledger.app.info()
    tx = ledger.tx(send(ANN), by=(ANN,))
    first, other, again = ledger.finalize(tx), ledger.finalize(), ledger.finalize(tx)
    assert first == again != other
    assert ledger.app.info() == before
    assert ledger.block(tx) == first
    assert ledger.app.info().app_hash == first.app_hash


def test_finalize_block__an_account_with_another_number_than_in_another_proposal__signs_in_vain() -> None:
    ledger, eve = Ledger(), make_person("eve")
    ledger.block()
    to_eve, to_stranger = (
        MsgSend(from_address=ANN.text, to_address=person.text, amount=[make_coin(10 * GNK)])
        for person in (eve, STRANGER)
    )
    number = max(account.number for _, account in scan_accounts(ledger.store.latest)) + 1
    spend = ledger.tx(send(STRANGER), by=(STRANGER,), numbers=(number,))
    first = ledger.finalize(ledger.tx(to_stranger, by=(ANN,)), spend)
    assert [result.code for result in first.tx_results] == [0, 0]
    other = ledger.finalize(ledger.tx(to_eve, by=(ANN,)), ledger.tx(to_stranger, by=(ANN,), sequences=(1,)), spend)
    assert [code_of(result) for result in other.tx_results] == ["", "", "signature_invalid"]


def test_finalize_block__a_vote_that_ends_with_a_settle__is_counted_before_it() -> None:
    ledger = Ledger(genesis=make_genesis(replace(MINIMAL, gov=replace(MINIMAL.gov, voting_blocks=20))))
    ledger.run_to(2)
    deposit = [make_coin(MINIMAL.gov.min_deposit_ngonka)]
    proposal = MsgSubmitProposal(proposer=ANN.text, initial_deposit=deposit, title="words")
    assert ledger.send(proposal, by=ANN).code == 0
    assert ledger.send(MsgVote(proposal_id=1, voter=ANN.text, option=VOTE_OPTION_YES), by=ANN).code == 0
    ledger.run_to(22)
    assert locate_height(ledger.store.latest, 23).phase is Phase.SETTLE
    assert table_epoch(ledger.store.latest) == 0
    ledger.block()
    assert table_epoch(ledger.store.latest) == 1
    assert get_units(ledger.store.latest, 1, Host(ANN.address)) < GENESIS_UNITS
    assert find_proposal(ledger.store.latest, 1).final_tally_result.yes_count == str(GENESIS_UNITS)


def test_commit__records__are_written_with_the_state(ledger: Ledger) -> None:
    result = ledger.finalize(ledger.tx(send(ANN), by=(ANN,)))
    ledger.app.commit({b"log/2": b"block"})
    view = ledger.store.latest
    assert (view.height, view.app_hash, view.records.get(b"log/2")) == (2, result.app_hash, b"block")


def test_commit__nothing_finalised__is_a_mistake_of_the_engine(ledger: Ledger) -> None:
    with pytest.raises(AssertionError, match="commit before finalize_block"):
        ledger.app.commit({})


def test_a_restart_after_every_block__changes_no_app_hash(tmp_path: Path) -> None:
    steady, restarted = Ledger(), Ledger(store=Store.open(tmp_path))
    for height in range(1, 40):
        txs = [steady.tx(send(ANN), by=(ANN,))] if height % 3 == 0 else []
        assert steady.block(*txs).app_hash == restarted.block(*txs).app_hash
        last_hash = restarted.last_hash
        restarted.store.close()
        restarted = Ledger(store=Store.open(tmp_path))
        restarted.last_hash = last_hash


def test_a_restart_before_the_first_block__begins_anew(tmp_path: Path) -> None:
    first = Ledger(store=Store.open(tmp_path))
    expected = first.finalize().app_hash
    first.store.close()
    assert Ledger(store=Store.open(tmp_path)).block().app_hash == expected


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_seed_of_pythons_hashes__changes_no_app_hash(seed: str) -> None:
    program = "from tests.chain.test_app import run_thirty_blocks; print(run_thirty_blocks())"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() == run_thirty_blocks().split()


def run_thirty_blocks() -> str:
    """The app hashes of epoch 0 and the epoch after, with sends, stakes, secrets and what fails."""
    ledger = Ledger()
    hashes = []
    for height in range(1, 31):
        txs = [ledger.tx(send(person, height * 10**9), by=(person,)) for person in (ANN, BOB, DAN)]
        if height == 2:
            txs = [ledger.tx(stake(person), commit_seeds(person), by=(person,)) for person in (ANN, BOB)]
        hashes.append(ledger.block(*txs).app_hash.hex())
    return " ".join(hashes)


def test_an_error_that_no_rule_raised__stops_the_block() -> None:
    """A state without its parameters is our mistake: nothing is swallowed."""
    ledger = Ledger(genesis=make_genesis())
    ledger.block()
    damaged = Store.in_memory()
    damaged.commit(damaged.prepare({b"app/chain_id": b"test-1"}), height=1, records={})
    block = Block(height=2, time_ns=1, hash=bytes(32), last_hash=bytes(32), proposer=b"", txs=())
    with pytest.raises(AssertionError, match="genesis was not read"):
        App.open(damaged).finalize_block(block)


def test_init_chain__broken_genesis__is_refused() -> None:
    with pytest.raises(RuleError, match=r"^genesis_invalid"):
        App.open(Store.in_memory()).init_chain(b"{}")


def test_check_tx__duty_without_fee__passes_and_is_taken(ledger: Ledger) -> None:
    assert ledger.send(stake(ANN), by=ANN).code == 0
    tx = ledger.tx(commit_seeds(ANN), by=(ANN,), fee=0)
    checked = ledger.app.check_tx(tx, False)
    assert (checked.code, checked.duty) == (0, True)
    before = get_balance(ledger.store.latest, ANN.address)
    assert ledger.block(tx).tx_results[0].code == 0
    assert get_balance(ledger.store.latest, ANN.address) == before
    assert find_host(ledger.store.latest, Host(ANN.address)).seed_bond_ngonka == MINIMAL.beacon.seed_bond_ngonka


def test_check_tx__duty_that_its_handler_refuses__never_waits(ledger: Ledger) -> None:
    """A claim in epoch 0, a stranger's commitment, the same commitment twice."""
    claim = MsgClaim(host=ANN.text, epoch=0, count=5, root=bytes(32))
    assert code_of(ledger.app.check_tx(ledger.tx(claim, by=(ANN,), fee=0), False)) == "claim_window_closed"
    assert code_of(ledger.app.check_tx(ledger.tx(commit_seeds(DAN), by=(DAN,), fee=0), False)) == "host_unknown"
    ledger.send(stake(ANN), by=ANN)
    twice = [ledger.tx(commit_seeds(ANN), by=(ANN,), fee=0, sequences=(i,)) for i in (1, 2)]
    assert [code_of(ledger.app.check_tx(tx, False)) for tx in twice] == ["", "commit_twice"]


def test_check_tx__duty_beside_another_message__pays(ledger: Ledger) -> None:
    tx = ledger.tx(stake(ANN), commit_seeds(ANN), by=(ANN,), fee=0)
    assert code_of(ledger.app.check_tx(tx, False)) == "fee_too_low"


def test_check_tx__duty_by_a_warm_key__is_free(ledger: Ledger) -> None:
    url = f"/{MsgCommitSeeds.DESCRIPTOR.full_name}"
    grant = Grant(authorization=pack_any(GenericAuthorization(msg=url)))
    ledger.send(MsgGrant(granter=ANN.text, grantee=DAN.text, grant=grant), by=ANN)
    ledger.send(stake(ANN), by=ANN)
    tx = ledger.tx(MsgExec(grantee=DAN.text, msgs=[pack_any(commit_seeds(ANN))]), by=(DAN,), fee=0)
    checked = ledger.app.check_tx(tx, False)
    assert (checked.code, checked.duty) == (0, True)
    assert ledger.block(tx).tx_results[0].code == 0
    assert get_balance(ledger.store.latest, DAN.address) == BALANCE


def test_check_tx__nothing_executed_without_fee__is_no_way_in(ledger: Ledger) -> None:
    tx = ledger.tx(MsgExec(grantee=DAN.text), by=(DAN,), fee=0)
    assert code_of(ledger.app.check_tx(tx, False)) == "request_invalid"


def test_check_tx__before_the_first_block_of_an_epoch__sees_that_block(ledger: Ledger) -> None:
    """Epoch 0 ends with block 4; a secret is revealed in block 5, so it may wait after block 4, not before."""
    ledger.block(ledger.tx(stake(ANN), commit_seeds(ANN), by=(ANN,)))
    reveal = ledger.tx(MsgRevealSeed(host=ANN.text, epoch=1, round=0, secret=SECRET), by=(ANN,), fee=0)
    assert code_of(ledger.app.check_tx(reveal, False)) == "epoch_wrong"
    ledger.run_to(4)
    assert ledger.app.check_tx(reveal, False).code == 0
    assert ledger.block(reveal).tx_results[0].code == 0


def test_check_tx__after_a_commit__starts_from_the_committed_state(ledger: Ledger) -> None:
    tx = ledger.tx(send(ANN), by=(ANN,))
    assert ledger.app.check_tx(tx, False).code == 0
    assert code_of(ledger.app.check_tx(tx, False)) == "sequence_mismatch"
    ledger.block()
    assert ledger.app.check_tx(tx, True).code == 0
    ledger.block(tx)
    assert code_of(ledger.app.check_tx(tx, True)) == "sequence_mismatch"


def test_prepare_proposal__duty_that_follows_on_a_stake__comes_after_it_and_before_the_rest(ledger: Ledger) -> None:
    duty = ledger.tx(commit_seeds(ANN), by=(ANN,), fee=0, sequences=(1,))
    before = ledger.tx(stake(ANN), by=(ANN,))
    after = ledger.tx(send(ANN), by=(ANN,), sequences=(2,))
    other = ledger.tx(send(DAN), by=(DAN,))
    offered = (duty, other, before, after, b"garbage")
    proposed = ledger.app.prepare_proposal(offered, 10**6)
    assert proposed == (before, duty, other, after)
    assert [result.code for result in ledger.block(*proposed).tx_results] == [0, 0, 0, 0]


def test_prepare_proposal__more_than_fits__is_cut_by_bytes_and_gas(ledger: Ledger) -> None:
    txs = tuple(ledger.tx(send(ANN), by=(ANN,), sequences=(i,)) for i in range(4))
    assert ledger.app.prepare_proposal(txs, sum(map(len, txs[:3]))) == txs[:3]
    assert ledger.app.prepare_proposal(txs, sum(map(len, txs[:3])) - 1) == txs[:2]
    thin = Ledger(genesis=make_genesis(THIN))
    assert thin.app.prepare_proposal(txs, 10**6) == txs[:2]


@pytest.mark.parametrize(
    ("count", "garbage", "accepted"), [(0, False, True), (2, False, True), (3, False, False), (1, True, False)]
)
def test_process_proposal__unreadable_or_too_much__is_refused(count: int, garbage: bool, accepted: bool) -> None:
    thin = Ledger(genesis=make_genesis(THIN))
    thin.block()
    txs = [thin.tx(send(ANN), by=(ANN,), sequences=(i,), gas=SEND_GAS) for i in range(count)] + [b"\xff"] * garbage
    assert thin.app.process_proposal(propose(*txs)) is accepted


def propose(*txs: bytes) -> Block:
    return Block(height=2, time_ns=1, hash=bytes(32), last_hash=bytes(32), proposer=b"", txs=txs)


def test_process_proposal__a_transaction_that_is_not_admitted__is_refused(ledger: Ledger) -> None:
    good = ledger.tx(send(ANN), by=(ANN,))
    next_one = ledger.tx(send(ANN), by=(ANN,), sequences=(1,))
    forged = ledger.tx(send(BOB), by=(BOB,), chain_id="another-1")
    for txs, valid in [
        ((good, next_one), (good, next_one)),
        ((next_one, good), (good,)),
        ((good, good), (good,)),
        ((good, forged), (good,)),
    ]:
        assert ledger.app.select_valid(propose(*txs)) == valid
        assert ledger.app.process_proposal(propose(*txs)) is (txs == valid)


def test_process_proposal__a_message_that_fails__may_stand_if_it_pays(ledger: Ledger) -> None:
    """A send beyond the balance pays its fee; a commitment of who is no host would take room for nothing."""
    assert ledger.app.process_proposal(propose(ledger.tx(send(ANN, 2 * BALANCE), by=(ANN,))))
    assert not ledger.app.process_proposal(propose(ledger.tx(commit_seeds(DAN), by=(DAN,), fee=0)))


def test_select_valid__asked__changes_nothing(ledger: Ledger) -> None:
    tx = ledger.tx(send(ANN), by=(ANN,))
    assert ledger.app.select_valid(propose(tx)) == ledger.app.select_valid(propose(tx)) == (tx,)
    assert ledger.app.check_tx(tx, False).code == 0


def test_a_block_with_garbage__fails_the_garbage_only(ledger: Ledger) -> None:
    good = ledger.tx(send(ANN), by=(ANN,))
    results = ledger.block(b"\xff", good, bytes(MINIMAL.auth.max_tx_bytes + 1)).tx_results
    assert [code_of(result) for result in results] == ["tx_malformed", "", "tx_too_large"]
    account = get_account(ledger.store.latest, ANN.address)
    assert account is not None
    assert account.sequence == 1
