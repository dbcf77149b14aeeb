from dataclasses import replace

import pytest

from chain.epoch import CLOSINGS, SETTLE_STEPS
from chain.modules.beacon.state import get_seed
from chain.modules.params.state import get_frozen, get_live, set_live
from chain.modules.sprint.state import get_epoch_start
from rules.presets import MINIMAL
from rules.types import Phase, Round
from tests.chain.ledger import ANN
from tests.chain.network import STAKE, Network
from wire.gonka.stake.v1.tx_pb2 import MsgUnstake

LENGTH = 6 + 1 + 1 + 2 + 2 + 2 + 2 + 2 + 1 + 4
"""Blocks of a MINIMAL epoch after 0."""


def test_begin_block__after_the_last_block_of_an_epoch__begins_the_next() -> None:
    network = Network()
    starts = {}
    while network.epoch < 3:
        starts.setdefault(network.epoch, network.height)
        assert get_epoch_start(network.store).first_height == starts[network.epoch]
        network.step()
    assert starts == {0: 1, 1: 5, 2: 5 + LENGTH}
    assert network.height == 5 + 2 * LENGTH
    assert [event["epoch"] for event in network.named("epoch_begun")] == ["1", "2", "3"]


def test_begin_block__params_passed_in_an_epoch__act_from_the_next_ones_first_block() -> None:
    network = Network()
    network.goto(Phase.SPRINT)
    live = get_live(network.store)
    set_live(network.store, replace(live, stake=replace(live.stake, unbonding_epochs=7)))
    assert network.send(MsgUnstake(host=ANN.text, amount_ngonka=1)).release_epoch == 1 + 2
    network.goto(Phase.SERVE)
    assert get_frozen(network.store).stake.unbonding_epochs == 2
    network.goto(Phase.SEED)
    assert get_frozen(network.store).stake.unbonding_epochs == 7
    assert network.send(MsgUnstake(host=ANN.text, amount_ngonka=1)).release_epoch == 2 + 7


def test_begin_block__a_longer_phase__lengthens_only_the_epochs_that_froze_it() -> None:
    network = Network()
    network.goto(Phase.SPRINT)
    live = get_live(network.store)
    set_live(network.store, replace(live, sprint=replace(live.sprint, serve_blocks=9)))
    network.goto(Phase.SEED)
    assert network.height == 5 + LENGTH
    network.goto(Phase.SEED)
    assert network.height == 5 + LENGTH + LENGTH + 5


@pytest.mark.parametrize(
    ("phase", "beacon_round", "opened"),
    [(Phase.SEED, Round.SPRINT, Phase.SPRINT), (Phase.BEACON2, Round.SAMPLE, Phase.REVEAL)],
)
def test_end_block__a_seed_is_known_when_its_round_is_over_and_not_before(
    phase: Phase, beacon_round: Round, opened: Phase
) -> None:
    network = Network()
    network.goto(phase)
    assert get_seed(network.store, 1, beacon_round) == b""
    network.goto(opened)
    assert len(get_seed(network.store, 1, beacon_round)) == 32


def test_end_block__the_stake_that_backs_is_written_as_claim_closes() -> None:
    network = Network()
    network.goto(Phase.CLAIM)
    network.send(MsgUnstake(host=ANN.text, amount_ngonka=STAKE // 2))
    assert network.record(ANN).stake_at_claim_ngonka == 0
    network.goto(Phase.BEACON2)
    assert network.record(ANN).stake_at_claim_ngonka == STAKE // 2


def test_process_settle__goes_in_the_protocols_order() -> None:
    names = [step.__name__ for step in SETTLE_STEPS]
    order = ["process_verdicts", "process_slashes", "process_checks", "process_releases", "process_weights"]
    assert names[:5] == order
    assert names[5:8] == ["process_power", "process_credits", "process_pot"]


def test_end_block__only_phases_that_have_something_to_close_do() -> None:
    idle = set(Phase) - set(CLOSINGS)
    assert idle == {
        Phase.SPRINT,
        Phase.ROWS_COMMIT,
        Phase.DISPUTE_COMMIT,
        Phase.DISPUTE_REVEAL,
        Phase.SERVE,
    }


def test_an_epoch_with_another_seed_block_count_still_settles() -> None:
    params = replace(MINIMAL, beacon=replace(MINIMAL.beacon, reveal_blocks=3))
    network = Network(params=params)
    network.play(Phase.SERVE)
    assert network.outcome(1, ANN).units > 0
