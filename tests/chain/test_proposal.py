"""What goes into a block first, when others try to keep it out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.modules.bank.coins import make_coin
from chain.proposal import may_be_read
from chain.round_signature import MARK
from rules.params import GNK
from rules.presets import MINIMAL
from rules.seeds import compute_seed_commitment
from rules.types import Round
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN, Ledger, Person, make_genesis
from wire.gonka.beacon.v1.tx_pb2 import MsgCommitSeeds
from wire.gonka.inference.v1.inference_pb2 import Voucher
from wire.gonka.inference.v1.tx_pb2 import MsgSettleVoucher
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.bank.v1beta1.tx_pb2 import MsgSend

ROOM = 10**6
SIGNED = MARK + bytes(48)


@pytest.mark.parametrize(
    ("txs", "worth", "because"),
    [
        ((), True, "an empty block"),
        ((SIGNED, bytes([1]) * MINIMAL.auth.max_block_bytes), True, "as much as a block holds, beside a signature"),
        ((bytes([1]) * MINIMAL.auth.max_block_bytes, b"1"), False, "a byte more"),
        ((SIGNED, b"1", SIGNED), False, "two signatures, each of which would cost a pairing"),
    ],
)
def test_may_be_read__what_others_would_be_busy_with__is_seen_before_it_is_read(
    txs: tuple[bytes, ...], worth: bool, because: str
) -> None:
    assert may_be_read(txs, MINIMAL.auth) is worth, because


def commit(host: Person) -> MsgCommitSeeds:
    commitments = [compute_seed_commitment(CHAIN_ID, 1, one, host.address, bytes(32)) for one in Round]
    return MsgCommitSeeds(host=host.text, epoch=1, sprint_commitment=commitments[0], sample_commitment=commitments[1])


def send(sender: Person) -> MsgSend:
    return MsgSend(from_address=sender.text, to_address=DAN.text, amount=[make_coin(1)])


@pytest.fixture
def ledger() -> Ledger:
    """All hosts have staked; Cat's account is older than the others' by five transactions."""
    ledger = Ledger(genesis=make_genesis(replace(MINIMAL, sprint=replace(MINIMAL.sprint, genesis_blocks=20))))
    ledger.block()
    for host in (ANN, BOB, CAT):
        assert ledger.send(MsgStake(host=host.text, amount_ngonka=10 * GNK), by=host).code == 0
    for _ in range(5):
        assert ledger.send(send(CAT), by=CAT).code == 0
    return ledger


def queue(ledger: Ledger, sender: Person, number: int) -> list[bytes]:
    """So many sends, one after the other, and then the sender's duty."""
    first = ledger.draft(send(sender), by=(sender,)).sequences[0]
    sends = [ledger.tx(send(sender), by=(sender,), sequences=(first + i,)) for i in range(number)]
    return [*sends, ledger.tx(commit(sender), by=(sender,), fee=0, sequences=(first + number,))]


def test_a_long_queue_before_a_duty__keeps_nobody_elses_duty_out(ledger: Ledger) -> None:
    queues = queue(ledger, ANN, 50)
    duty = ledger.tx(commit(CAT), by=(CAT,), fee=0)
    proposed = ledger.app.prepare_proposal((*queues, duty), 3 * len(duty))
    assert proposed[0] == duty
    assert proposed[1] == queues[0]


def test_queues_of_two_accounts__are_taken_in_turns_each_in_its_order(ledger: Ledger) -> None:
    anns, bobs = queue(ledger, ANN, 2), queue(ledger, BOB, 3)
    proposed = ledger.app.prepare_proposal((*anns, *bobs), ROOM)
    assert proposed == (anns[0], bobs[0], anns[1], bobs[1], anns[2], bobs[2], bobs[3])
    assert [result.code for result in ledger.block(*proposed).tx_results] == [0] * 7


def test_a_duty_with_the_gas_limit_of_a_whole_block__leaves_room_for_the_others(ledger: Ledger) -> None:
    greedy = ledger.tx(commit(ANN), by=(ANN,), fee=0, gas=MINIMAL.auth.max_block_gas)
    others = [ledger.tx(commit(host), by=(host,), fee=0) for host in (BOB, CAT)]
    for tx in (greedy, *others):
        assert ledger.app.check_tx(tx, False).code == 0
    proposed = ledger.app.prepare_proposal((greedy, *others), ROOM)
    assert set(proposed) == {greedy, *others}
    assert [result.code for result in ledger.block(*proposed).tx_results] == [0, 0, 0]


def test_vouchers_which_are_free_too__keep_no_duty_out_whose_window_closes(ledger: Ledger) -> None:
    settle = MsgSettleVoucher(sender=ANN.text, voucher=Voucher(escrow_id=1, host=ANN.text))
    vouchers, duty = ledger.tx(settle, by=(ANN,), fee=0), ledger.tx(commit(CAT), by=(CAT,), fee=0)
    both = ledger.tx(settle, commit(BOB), by=(ANN, BOB), fee=0)
    assert ledger.app.prepare_proposal((vouchers, duty, both), ROOM) == (duty, both, vouchers)
