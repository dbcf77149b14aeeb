from chain.modules.stake import power, state
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BOB, CAT
from tests.chain.modules.stake.test_messages import key_of, register
from tests.chain.network import COUNT, Network
from wire.gonka.stake.v1.stake_pb2 import TableEntry

UNITS = COUNT * 16


def with_keys() -> Network:
    network = Network()
    for person in (ANN, BOB, CAT):
        network.send(register(person, key_of(person.text)))
    return network


def key(text: str) -> bytes:
    return key_of(text).public_key().public_bytes_raw()


def test_process_power__after_a_settle__gives_effective_units_as_power() -> None:
    network = with_keys()
    network.play(Phase.SERVE)
    assert network.validators == {key(person.text): UNITS for person in (ANN, BOB, CAT)}


def test_process_power__a_newcomer_to_the_set__holds_at_most_a_quarter() -> None:
    network = Network()
    for person in (ANN, BOB):
        network.send(register(person, key_of(person.text)))
    network.play(Phase.SERVE)
    network.send(register(CAT, key_of(CAT.text)))
    network.play(Phase.SERVE)
    assert network.validators[key(CAT.text)] == 2 * UNITS // 3
    network.play(Phase.SERVE)
    assert network.validators[key(CAT.text)] == UNITS


def test_process_power__nobody_would_have_power__keeps_the_set() -> None:
    network = with_keys()
    network.play(Phase.SERVE)
    state.set_table(network.store, 9, {})
    power.process_power(network.ctx, 9)
    assert state.get_validators(network.store) == {key(person.text): UNITS for person in (ANN, BOB, CAT)}


def test_process_power__down_or_jailed__is_out_of_the_set() -> None:
    network = with_keys()
    network.play(Phase.SERVE)
    for person, change in ((ANN, {"down": True}), (BOB, {"jailed_until_epoch": 10})):
        record = network.record(person)
        for name, value in change.items():
            setattr(record, name, value)
        state.set_host(network.store, Host(person.address), record)
    power.process_power(network.ctx, 1)
    assert state.get_validators(network.store) == {key(CAT.text): UNITS}


def test_process_power__is_called_again__changes_nothing() -> None:
    network = with_keys()
    network.play(Phase.SERVE)
    entries = {Host(p.address): TableEntry(units=5, effective_units=5) for p in (ANN, BOB, CAT)}
    state.set_table(network.store, 1, entries)
    power.process_power(network.ctx, 1)
    once = state.get_validators(network.store)
    assert set(once.values()) == {5}
    power.process_power(network.ctx, 1)
    assert state.get_validators(network.store) == once
