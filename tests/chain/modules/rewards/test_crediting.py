from dataclasses import replace

from chain.modules.bank.state import MAX_SUPPLY, get_balance, get_supply, mint, send
from chain.modules.rewards import state
from chain.modules.rewards.crediting import MAX_COUNTED
from chain.modules.stake.state import set_host
from rules.presets import MINIMAL
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BOB, CAT, DAN, SUBSIDY
from tests.chain.network import COUNT, Network
from tests.chain.test_sprint import Copier, Forger, Silent, networked
from wire.gonka.sprint.v1.sprint_pb2 import Verdict
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim
from wire.gonka.stake.v1.tx_pb2 import MsgLeave

FEE = 1_000_003


def pay_fees(network: Network, amount: int) -> None:
    send(network.store, DAN.address, state.FEE_COLLECTOR, amount)


def test_process_genesis_fees__go_to_the_community_pool() -> None:
    network = Network()
    pay_fees(network, FEE)
    network.goto(Phase.SEED)
    assert get_balance(network.store, state.COMMUNITY_POOL) == FEE
    assert get_balance(network.store, state.FEE_COLLECTOR) == 0


def test_process_pot__fees_and_subsidy__are_shared_and_paid_at_the_next_settle() -> None:
    network = networked()
    network.play(Phase.SEED)
    pay_fees(network, FEE)
    network.play(Phase.SERVE)
    pot = SUBSIDY + FEE
    assert network.summary(1).fees_ngonka == FEE
    assert network.outcome(1, ANN).reward_pending_ngonka == pot // 3
    assert get_balance(network.store, state.REWARD_POOL) == pot
    network.play(Phase.SERVE)
    assert network.record(ANN).reward_ngonka == pot // 3
    assert get_balance(network.store, state.COMMUNITY_POOL) == pot % 3
    assert get_balance(network.store, state.REWARD_POOL) == SUBSIDY * 99 // 100


def test_process_pot__the_subsidy__decays_at_each_settle() -> None:
    network = networked()
    for epoch in range(3):
        assert state.get_subsidy(network.store) == SUBSIDY * 99**epoch // 100**epoch
        network.play(Phase.SERVE)
        assert network.summary(epoch + 1).minted_ngonka == SUBSIDY * 99**epoch // 100**epoch


def test_process_pot__few_units__mint_no_more_than_they_carry() -> None:
    params = replace(MINIMAL, rewards=replace(MINIMAL.rewards, max_subsidy_per_unit_ngonka=1000))
    network = networked(params=params)
    network.play(Phase.SERVE)
    assert network.summary(1).minted_ngonka == 3 * COUNT * 16 * 1000


def test_process_pot__an_unsettled_epoch__mints_nothing_and_still_credits_what_was_earned() -> None:
    network = networked(*(Silent(person, duties=(MsgClaim,), epochs=(2,)) for person in (ANN, BOB, CAT)))
    network.play(Phase.SEED, times=2)
    pay_fees(network, FEE)
    network.play(Phase.SERVE)
    assert network.summary(2).unsettled
    assert network.outcome(2, ANN).reward_ngonka == SUBSIDY // 3
    assert network.summary(2).minted_ngonka == 0
    before = get_balance(network.store, state.COMMUNITY_POOL)
    network.play(Phase.SERVE)
    assert get_balance(network.store, state.COMMUNITY_POOL) == before + FEE


def test_process_pot__accepted_claims_of_which_no_unit_counts__mint_nothing() -> None:
    stake, beacon = replace(MINIMAL.stake, base_ratio_ppm=0), replace(MINIMAL.beacon, seed_bond_ngonka=0)
    network = networked(params=replace(MINIMAL, stake=stake, beacon=beacon), stakes=0)
    network.play(Phase.SERVE)
    assert network.outcome(1, ANN).verdict == Verdict.VERDICT_ACCEPTED
    assert network.summary(1).unsettled
    assert (network.summary(1).minted_ngonka, network.outcome(1, ANN).reward_pending_ngonka) == (0, 0)


def test_process_credits__a_host_that_left__is_still_paid() -> None:
    network = networked()
    network.play(Phase.SERVE)
    network.send(MsgLeave(host=ANN.text))
    network.players = network.players[1:]
    before = get_balance(network.store, ANN.address)
    network.play(Phase.SERVE)
    assert get_balance(network.store, ANN.address) == before + SUBSIDY // 3


def test_process_pot__a_verifier_with_a_wrong_row_in_three__loses_a_third() -> None:
    network = networked(Copier(BOB), Forger(CAT))
    network.play(Phase.SERVE)
    outcome = network.outcome(1, BOB)
    assert (outcome.wrong_rows, outcome.due_rows) in {(2, 3), (1, 3)}
    whole = SUBSIDY * COUNT // (3 * COUNT)
    assert outcome.reward_pending_ngonka == (0 if outcome.wrong_rows == 2 else whole * 2 // 3)


def test_process_pot__the_supply_is_nearly_full__mints_what_still_fits() -> None:
    network = networked()
    mint(network.store, DAN.address, MAX_SUPPLY - get_supply(network.store) - 5)
    network.play(Phase.SERVE)
    assert network.summary(1).minted_ngonka == 5


def test_process_credits__a_host_whose_rewards_fill_the_counter__is_still_paid_and_stops_no_node() -> None:
    network = Network()
    record = network.record(ANN)
    record.reward_ngonka = MAX_COUNTED
    set_host(network.store, Host(ANN.address), record)
    network.play(Phase.SERVE)
    before = get_balance(network.store, ANN.address)
    network.play(Phase.SERVE)
    assert get_balance(network.store, ANN.address) > before
    assert network.record(ANN).reward_ngonka == MAX_COUNTED
