from chain.modules.stake import state
from rules.presets import GENESIS_UNITS
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BOB, CAT
from tests.chain.network import COUNT, Network, Player
from wire.gonka.stake.v1.tx_pb2 import MsgLeave

UNITS = COUNT * 16


def test_process_weights__a_host_without_a_claim__is_not_in_the_table() -> None:
    network = Network(players=[Player(person) for person in (ANN, BOB)])
    network.play(Phase.SERVE)
    assert {host: entry.units for host, entry in state.get_table(network.store, 1).items()} == {
        Host(person.address): UNITS for person in (ANN, BOB)
    }


def test_process_weights__a_jailed_host__weighs_nothing() -> None:
    network = Network()
    record = network.record(ANN)
    record.jailed_until_epoch = 2
    state.set_host(network.store, Host(ANN.address), record)
    network.play(Phase.SERVE)
    assert state.get_units(network.store, 1, Host(ANN.address)) == 0
    network.play(Phase.SERVE)
    assert state.get_units(network.store, 2, Host(ANN.address)) == UNITS


def test_process_weights__an_unsettled_epoch__who_left_keeps_nothing() -> None:
    network = Network()
    network.send(MsgLeave(host=CAT.text))
    network.goto(Phase.SERVE)
    assert state.get_weights(network.store, 1) == {
        Host(person.address): GENESIS_UNITS // 2 for person in sorted((ANN, BOB), key=lambda p: p.address)
    }


def test_process_departures__forgets_a_host_only_when_nothing_of_it_is_left() -> None:
    network = Network()
    network.send(MsgLeave(host=CAT.text))
    network.goto(Phase.SERVE)
    assert state.get_host(network.store, Host(CAT.address)) is not None
    network.goto(Phase.SERVE)
    assert state.get_host(network.store, Host(CAT.address)) is None
