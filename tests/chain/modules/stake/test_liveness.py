from dataclasses import replace

import pytest

from chain.engine.application import Vote
from chain.modules.params.state import get_frozen, get_live, init_params
from chain.modules.stake import state
from chain.modules.stake.liveness import process_votes
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BOB, CAT, Person
from tests.chain.modules.stake.test_messages import key_of, register
from tests.chain.modules.stake.test_power import key
from tests.chain.network import Network
from wire.gonka.stake.v1.tx_pb2 import MsgRegisterHost

WINDOW = 10


@pytest.fixture
def network() -> Network:
    """Three validators, in SERVE of epoch 1; who misses more than 5 of 10 blocks goes out."""
    network = Network()
    live = get_live(network.store)
    init_params(network.store, replace(live, stake=replace(live.stake, downtime_window_blocks=WINDOW)))
    for person in (ANN, BOB, CAT):
        network.send(register(person, key_of(person.text)))
    network.play(Phase.SERVE)
    assert set(state.get_validators(network.store)) == {key(person.text) for person in (ANN, BOB, CAT)}
    return network


def step(network: Network, blocks: int) -> None:
    for _ in range(blocks):
        network.step()


def is_in(network: Network, person: Person) -> bool:
    return key(person.text) in state.get_validators(network.store)


def test_process_votes__half_of_the_window_missed__keeps_its_power_and_one_more_takes_it(network: Network) -> None:
    network.absent = {key(CAT.text)}
    step(network, WINDOW // 2)
    assert is_in(network, CAT)
    step(network, 1)
    assert not is_in(network, CAT)
    assert network.record(CAT).down
    assert [event["host"] for event in network.named("validator_down")] == [CAT.text]
    step(network, 1)
    assert network.validators[key(CAT.text)] == 0


def test_process_votes__missed_blocks_out_of_the_window__are_forgotten(network: Network) -> None:
    for _ in range(4):
        network.absent = {key(CAT.text)}
        step(network, WINDOW // 2)
        network.absent = set()
        step(network, WINDOW // 2)
    assert is_in(network, CAT)
    step(network, WINDOW // 2)
    assert state.get_missed(network.store, key(CAT.text), WINDOW) == 0


def test_process_votes__down__has_power_again_once_it_registered_and_an_epoch_ended(network: Network) -> None:
    network.absent = {key(CAT.text)}
    step(network, WINDOW)
    network.absent = set()
    network.play(Phase.SERVE)
    assert not is_in(network, CAT)
    network.send(MsgRegisterHost(host=CAT.text))
    assert not is_in(network, CAT)
    network.play(Phase.SERVE)
    assert is_in(network, CAT)
    assert state.get_missed(network.store, key(CAT.text), WINDOW) == 0


def test_process_votes__everybody_is_absent__leaves_one(network: Network) -> None:
    network.absent = {key(person.text) for person in (ANN, BOB, CAT)}
    step(network, 3 * WINDOW)
    assert len(state.get_validators(network.store)) == 1


def test_process_votes__of_a_validator_that_has_just_left_the_set__counts_for_its_epoch_only(network: Network) -> None:
    state.set_validator(network.store, key(CAT.text), 0)
    address = state.compute_consensus_address(key(CAT.text))
    window = get_frozen(network.store).stake.downtime_window_blocks
    process_votes(network.ctx, (Vote(validator=address, signed=False),))
    assert state.get_missed(network.store, key(CAT.text), window) == 0
    state.set_signed_epoch(network.store, Host(CAT.address), 0)
    process_votes(network.ctx, (Vote(validator=address, signed=True),))
    assert state.get_signed_epoch(network.store, Host(CAT.address)) == 1


def test_process_votes__of_nobody_known__are_nobodys(network: Network) -> None:
    before = dict(network.store.scan(b"stake/"))
    process_votes(network.ctx, (Vote(validator=bytes(20), signed=False), Vote(validator=b"", signed=True)))
    assert dict(network.store.scan(b"stake/")) == before


def test_process_votes__another_window__counts_anew(network: Network) -> None:
    network.absent = {key(CAT.text)}
    step(network, 3)
    assert state.get_missed(network.store, key(CAT.text), WINDOW).bit_count() == 3
    assert state.get_missed(network.store, key(CAT.text), WINDOW + 1) == 0


def test_process_votes__who_signed_nothing_in_an_epoch__is_a_newcomer_again(network: Network) -> None:
    live = get_live(network.store)
    init_params(network.store, replace(live, stake=replace(live.stake, downtime_window_blocks=1000)))
    network.absent = {key(CAT.text)}
    network.play(Phase.SERVE, times=2)
    powers = state.get_validators(network.store)
    assert 3 * powers[key(CAT.text)] <= powers[key(ANN.text)] + powers[key(BOB.text)]
