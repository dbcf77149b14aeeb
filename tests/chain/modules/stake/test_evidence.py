import pytest

from chain.engine.application import Misbehavior
from chain.modules.params.state import get_frozen
from chain.modules.stake import state
from chain.modules.stake.evidence import process_misbehavior
from rules.errors import RuleError
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BOB, CAT, Person
from tests.chain.modules.stake.test_messages import key_of, register
from tests.chain.modules.stake.test_power import key
from tests.chain.network import STAKE, Network
from wire.gonka.stake.v1.tx_pb2 import MsgLeave, MsgUnstake


def against(person: Person, height: int = 7) -> tuple[Misbehavior, ...]:
    return (Misbehavior(validator=state.compute_consensus_address(key(person.text)), height=height),)


@pytest.fixture
def network() -> Network:
    """Three validators, in SERVE of epoch 1."""
    network = Network()
    for person in (ANN, BOB, CAT):
        network.send(register(person, key_of(person.text)))
    network.play(Phase.SERVE)
    return network


def test_process_misbehavior__two_blocks_signed__slashes_stake_and_unbonding_and_jails(network: Network) -> None:
    network.send(MsgUnstake(host=CAT.text, amount_ngonka=STAKE // 2))
    process_misbehavior(network.ctx, against(CAT))
    record = network.record(CAT)
    assert record.stake_ngonka == STAKE // 2 * 95 // 100
    (unbonding,) = [entry.amount_ngonka for _, entry in state.scan_unbonding(network.store, CAT.address)]
    assert unbonding == STAKE // 2 * 95 // 100
    assert record.jailed_until_epoch == 2 + get_frozen(network.store).stake.jail_epochs
    assert network.named("slashed")[-1] == {
        "epoch": "1", "host": CAT.text, "amount_ngonka": str(STAKE * 5 // 100), "cause": "double_sign",
    }  # fmt: skip


def test_process_misbehavior__before_settle__jails_for_as_many_settles(network: Network) -> None:
    network.goto(Phase.SPRINT)
    process_misbehavior(network.ctx, against(CAT))
    assert network.record(CAT).jailed_until_epoch == 2 + get_frozen(network.store).stake.jail_epochs


def test_process_misbehavior__the_key__signs_no_more_and_is_never_taken_again(network: Network) -> None:
    process_misbehavior(network.ctx, against(CAT))
    assert key(CAT.text) not in state.get_validators(network.store)
    network.step()
    assert network.record(CAT).consensus_pubkey == b""
    for person in (ANN, CAT):
        with pytest.raises(RuleError, match="consensus_key_taken"):
            network.send(register(person, key_of(CAT.text)))
    network.send(register(CAT, key_of("another")))
    network.play(Phase.SERVE, times=get_frozen(network.store).stake.jail_epochs)
    assert key("another") not in state.get_validators(network.store)
    network.play(Phase.SERVE)
    assert state.get_validators(network.store)[key("another")] > 0
    assert [network.outcome(epoch, CAT).units for epoch in (2, 8, 9)] == [0, 0, network.outcome(9, ANN).units]


def test_process_misbehavior__shown_again__costs_nothing_more(network: Network) -> None:
    process_misbehavior(network.ctx, against(CAT) + against(CAT, height=8))
    once = network.record(CAT)
    process_misbehavior(network.ctx, against(CAT))
    assert network.record(CAT) == once


def test_process_misbehavior__of_a_key_that_was_changed_since__is_its_hosts(network: Network) -> None:
    """Who signed is found by the key of that height, not by the set there is now."""
    network.send(register(CAT, key_of("second")))
    network.play(Phase.SERVE)
    assert network.record(CAT).consensus_pubkey == key("second")
    process_misbehavior(network.ctx, against(CAT, height=3))
    assert network.record(CAT).stake_ngonka < STAKE
    assert network.record(CAT).consensus_pubkey == key("second")


def test_process_misbehavior__of_one_that_has_left__slashes_what_unbonds(network: Network) -> None:
    network.send(MsgLeave(host=CAT.text))
    process_misbehavior(network.ctx, against(CAT))
    (unbonding,) = [entry.amount_ngonka for _, entry in state.scan_unbonding(network.store, CAT.address)]
    assert unbonding == STAKE * 95 // 100
    state.delete_host(network.store, Host(BOB.address))
    process_misbehavior(network.ctx, against(BOB))
    assert state.is_retired(network.store, key(BOB.text))


def test_process_misbehavior__the_only_validator__stays(network: Network) -> None:
    for person in (ANN, BOB):
        state.set_validator(network.store, key(person.text), 0)
    process_misbehavior(network.ctx, against(CAT))
    assert set(state.get_validators(network.store)) == {key(CAT.text)}


def test_process_misbehavior__of_nobody_known__is_nobodys(network: Network) -> None:
    before = dict(network.store.scan(b""))
    process_misbehavior(network.ctx, (Misbehavior(validator=bytes(20), height=1),))
    assert dict(network.store.scan(b"")) == before
