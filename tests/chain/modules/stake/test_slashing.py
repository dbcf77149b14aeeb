from dataclasses import replace

import pytest

from chain.modules.bank.state import get_balance, send
from chain.modules.stake import state
from rules.presets import MINIMAL
from rules.types import Phase
from tests.chain.ledger import BALANCE, BOB, DAN
from tests.chain.network import STAKE
from tests.chain.test_sprint import BOND, Forger, Padder, Silent, networked
from wire.gonka.sprint.v1.tx_pb2 import MsgRevealLeaves
from wire.gonka.stake.v1.tx_pb2 import MsgUnstake


def test_process_slashes__unbonding_stake__is_slashed_like_stake() -> None:
    network = networked(Forger(BOB))
    network.send(MsgUnstake(host=BOB.text, amount_ngonka=STAKE // 2))
    network.play(Phase.SERVE)
    assert network.record(BOB).stake_ngonka == STAKE * 2 // 5
    assert [entry.amount_ngonka for _, entry in state.scan_unbonding(network.store, BOB.address)] == [STAKE * 2 // 5]
    assert network.record(BOB).slashed_ngonka == STAKE // 5


def test_process_slashes__a_bond_from_stake__is_burned_before_the_rest_is_slashed() -> None:
    network = networked(Padder(BOB))
    network.play(Phase.CLAIM)
    send(network.store, BOB.address, DAN.address, get_balance(network.store, BOB.address))
    network.play(Phase.SERVE)
    assert network.record(BOB).stake_ngonka == (STAKE - BOND) * 4 // 5
    assert network.outcome(1, BOB).slashed_ngonka == BOND + (STAKE - BOND) // 5
    assert get_balance(network.store, BOB.address) == 0


@pytest.mark.parametrize(
    ("missed", "slashes", "words"),
    [
        ((1,), 0, "once"),
        ((1, 2), 1, "twice in a row"),
        ((1, 4), 1, "the last epoch that counts"),
        ((1, 5), 0, "far enough apart"),
        ((1, 2, 3), 2, "three times"),
    ],
)
def test_process_slashes__absence__costs_the_second_time_within_the_epochs_that_count(
    missed: tuple[int, ...], slashes: int, words: str
) -> None:
    params = replace(MINIMAL, sprint=replace(MINIMAL.sprint, absence_epochs=4))
    network = networked(Silent(BOB, duties=(MsgRevealLeaves,), epochs=missed), params=params)
    network.play(Phase.SERVE, times=max(missed))
    left = STAKE
    for _ in range(slashes):
        left -= left // 100
    assert network.record(BOB).stake_ngonka == left


def test_process_releases__the_bond_of_a_claim_that_is_not_condemned__comes_back() -> None:
    network = networked()
    network.play(Phase.BEACON2)
    assert get_balance(network.store, BOB.address) == BALANCE - STAKE - BOND
    network.play(Phase.SERVE)
    assert get_balance(network.store, BOB.address) == BALANCE - STAKE
