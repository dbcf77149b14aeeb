import pytest

from chain.context import Context
from chain.genesis import init_state, read_genesis
from chain.modules.stake import state
from chain.store.overlay import Overlay
from rules.errors import RuleError
from rules.presets import GENESIS_UNITS
from rules.types import Host
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, make_genesis
from tests.chain.modules.stake.test_messages import key_of, register
from tests.chain.network import Empty, Network
from wire.gonka.params.v1.genesis_pb2 import Genesis


def with_keys(*names: str) -> Genesis:
    genesis = read_genesis(make_genesis())
    for founder, person, name in zip(genesis.hosts, (ANN, BOB, CAT), names, strict=False):
        message = register(person, key_of(name))
        founder.consensus_pubkey, founder.consensus_signature = message.consensus_pubkey, message.consensus_signature
    return genesis


def start(genesis: Genesis) -> Overlay:
    store = Overlay(Empty())
    init_state(Context(store=store, height=0, time_ns=0, chain_id=CHAIN_ID), genesis)
    return store


def test_init__founders_are_hosts_with_units_and_no_stake() -> None:
    network = Network(stakes=0)
    assert network.record(ANN).stake_ngonka == 0
    assert state.table_epoch(network.store) == 0
    entry = state.get_table(network.store, 0)[Host(ANN.address)]
    assert (entry.units, entry.effective_units) == (GENESIS_UNITS, GENESIS_UNITS)


def test_init__founders_with_consensus_keys__are_the_first_validators() -> None:
    keys = {key_of(name).public_key().public_bytes_raw(): GENESIS_UNITS for name in ("a", "b", "c")}
    assert state.get_validators(start(with_keys("a", "b", "c"))) == keys


def test_init__a_consensus_key_twice_or_unproved__is_refused() -> None:
    with pytest.raises(RuleError, match="consensus_key_taken"):
        start(with_keys("a", "a"))
    genesis = with_keys("a", "b")
    genesis.hosts[0].consensus_signature = genesis.hosts[1].consensus_signature
    with pytest.raises(RuleError, match="consensus_key_invalid"):
        start(genesis)
