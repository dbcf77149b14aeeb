from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.handlers import HANDLERS
from chain.modules.bank.state import get_balance
from chain.modules.params.state import get_live, init_params
from chain.modules.stake import state
from rules.errors import RuleError
from rules.params import GNK
from rules.presets import MAINNET, MINIMAL
from rules.seeds import consensus_key_message
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, CHAIN_ID, DAN, STRANGER, Person, make_person
from tests.chain.network import STAKE, Network, Player
from wire.gonka.stake.v1.tx_pb2 import MsgLeave, MsgRegisterHost, MsgStake, MsgUnstake


@pytest.fixture
def network() -> Network:
    return Network()


def key_of(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def register(person: Person, key: Ed25519PrivateKey, chain_id: str = CHAIN_ID) -> MsgRegisterHost:
    signature = key.sign(consensus_key_message(chain_id, person.address))
    public = key.public_key().public_bytes_raw()
    return MsgRegisterHost(host=person.text, consensus_pubkey=public, consensus_signature=signature)


def test_register_host__a_new_account__sprints_from_the_next_epoch(network: Network) -> None:
    network.play(Phase.SERVE)
    response = network.send(register(DAN, key_of("dan")))
    assert response.sprints_from_epoch == 2
    assert network.record(DAN).registered_epoch == 1
    assert network.record(DAN).consensus_pubkey == b""
    network.play(Phase.SERVE)
    assert network.record(DAN).consensus_pubkey == key_of("dan").public_key().public_bytes_raw()


def test_register_host__another_key__changes_at_settle_and_the_old_one_stays_its_own(network: Network) -> None:
    network.send(register(ANN, key_of("first")))
    network.play(Phase.SERVE)
    network.send(register(ANN, key_of("second")))
    first, second = (key_of(name).public_key().public_bytes_raw() for name in ("first", "second"))
    assert network.record(ANN).consensus_pubkey == first
    network.play(Phase.SERVE)
    assert network.record(ANN).consensus_pubkey == second
    assert network.validators[first] == 0
    assert network.validators[second] > 0
    with pytest.raises(RuleError, match="consensus_key_taken"):
        network.send(register(BOB, key_of("first")))


def test_register_host__without_a_key__brings_a_downed_validator_back(network: Network) -> None:
    record = network.record(ANN)
    record.down = True
    state.set_host(network.store, Host(ANN.address), record)
    network.send(MsgRegisterHost(host=ANN.text))
    assert not network.record(ANN).down


def test_register_host__as_many_hosts_as_there_may_be__is_refused(network: Network) -> None:
    live = get_live(network.store)
    init_params(network.store, replace(live, sprint=replace(live.sprint, max_hosts=3)))
    with pytest.raises(RuleError, match="hosts_full"):
        network.send(MsgRegisterHost(host=DAN.text))


def test_register_host__costs_by_gas_what_reading_every_host_does_and_leaves_blocks_their_time() -> None:
    """At 10,000 hosts one takes some 30 ms: a block of them takes less than its 6 s."""
    handler = HANDLERS["gonka.stake.v1.MsgRegisterHost"]
    assert MAINNET.auth.max_block_gas // handler.gas <= 100


BOND = MINIMAL.sprint.claim_bond_ngonka


def fill(network: Network, *sitters: Person) -> None:
    """So many hosts as there may be, with hosts that only registered."""
    for sitter in sitters:
        network.send(MsgRegisterHost(host=sitter.text))
    live = get_live(network.store)
    init_params(network.store, replace(live, sprint=replace(live.sprint, max_hosts=3 + len(sitters))))


def test_register_host__no_place_but_a_host_that_did_nothing_for_an_epoch__takes_its_place(network: Network) -> None:
    fill(network, DAN, STRANGER)
    with pytest.raises(RuleError, match="hosts_full"):
        network.send(MsgRegisterHost(host=make_person("eve").text))
    network.play(Phase.SERVE)
    network.send(MsgRegisterHost(host=make_person("eve").text))
    left = [person for person in (DAN, STRANGER) if state.get_host(network.store, Host(person.address))]
    assert left == [max((DAN, STRANGER), key=lambda person: person.address)]
    assert network.record(ANN).stake_ngonka == STAKE


@pytest.mark.parametrize("having", ["stake", "unbonding stake", "a claim", "units"])
def test_register_host__no_place_and_every_host_has_something__is_refused(having: str) -> None:
    network = Network(players=[Player(person) for person in (ANN, BOB, CAT)])
    fill(network, DAN)
    if having in {"stake", "unbonding stake"}:
        network.send(MsgStake(host=DAN.text, amount_ngonka=BOND))
    if having == "unbonding stake":
        network.send(MsgUnstake(host=DAN.text, amount_ngonka=BOND))
    if having in {"a claim", "units"}:
        network.players.append(Player(DAN))
    network.play(Phase.REVEAL if having == "a claim" else Phase.SERVE)
    assert state.get_units(network.store, 1, Host(DAN.address)) > 0 or having != "units"
    with pytest.raises(RuleError, match="hosts_full"):
        network.send(MsgRegisterHost(host=make_person("eve").text))


def test_register_host__no_place_but_a_host_with_less_than_a_bond__takes_it_and_the_stake_returns() -> None:
    network = Network(players=[Player(person) for person in (ANN, BOB, CAT)])
    fill(network, DAN)
    network.send(MsgStake(host=DAN.text, amount_ngonka=BOND - 1))
    network.send(MsgUnstake(host=DAN.text, amount_ngonka=1))
    network.play(Phase.SERVE)
    network.send(MsgRegisterHost(host=make_person("eve").text))
    assert state.get_host(network.store, Host(DAN.address)) is None
    network.play(Phase.SERVE, times=MINIMAL.stake.unbonding_epochs)
    assert get_balance(network.store, DAN.address) == BALANCE
    assert not list(state.scan_unbonding(network.store, DAN.address))


def test_register_host__no_place_but_a_newcomer_that_could_not_claim_yet__is_refused() -> None:
    network = Network(players=[Player(person) for person in (ANN, BOB, CAT)])
    fill(network, DAN)
    network.play(Phase.CLAIM)
    with pytest.raises(RuleError, match="hosts_full"):
        network.send(MsgRegisterHost(host=make_person("eve").text))
    network.play(Phase.BEACON2)
    network.send(MsgRegisterHost(host=make_person("eve").text))


GOOD = register(DAN, key_of("dan"))
BAD_KEYS = [
    (register(ANN, key_of("dan")), DAN, "signed for another host"),
    (register(DAN, key_of("dan"), chain_id="other-1"), DAN, "signed for another chain"),
    (MsgRegisterHost(consensus_pubkey=GOOD.consensus_pubkey), DAN, "no signature"),
    (MsgRegisterHost(consensus_signature=GOOD.consensus_signature), DAN, "no key"),
    (
        MsgRegisterHost(consensus_pubkey=GOOD.consensus_pubkey[:31], consensus_signature=GOOD.consensus_signature),
        DAN,
        "a short key",
    ),
    (MsgRegisterHost(consensus_pubkey=b"\xff" * 32, consensus_signature=GOOD.consensus_signature), DAN, "no point"),
]


@pytest.mark.parametrize(("message", "person", "words"), BAD_KEYS, ids=[words for *_, words in BAD_KEYS])
def test_register_host__a_key_that_is_not_proved__is_refused(
    network: Network, message: MsgRegisterHost, person: Person, words: str
) -> None:
    changed = MsgRegisterHost()
    changed.CopyFrom(message)
    changed.host = person.text
    with pytest.raises(RuleError, match="consensus_key_invalid"):
        network.send(changed)
    assert state.get_host(network.store, Host(DAN.address)) is None


def test_stake__moves_balance_into_the_pool(network: Network) -> None:
    network.send(MsgStake(host=ANN.text, amount_ngonka=5))
    assert network.record(ANN).stake_ngonka == STAKE + 5
    assert get_balance(network.store, ANN.address) == BALANCE - STAKE - 5
    assert get_balance(network.store, state.STAKE_POOL) == 3 * STAKE + 5


def test_unstake__twice_in_an_epoch__unbonds_the_sum(network: Network) -> None:
    for _ in range(2):
        response = network.send(MsgUnstake(host=ANN.text, amount_ngonka=GNK))
    assert response.release_epoch == 2
    entries = [entry for _, entry in state.scan_unbonding(network.store, ANN.address)]
    assert [(entry.release_epoch, entry.amount_ngonka) for entry in entries] == [(2, 2 * GNK)]
    before = get_balance(network.store, ANN.address)
    network.goto(Phase.SERVE)
    assert get_balance(network.store, ANN.address) == before
    network.goto(Phase.SERVE)
    assert get_balance(network.store, ANN.address) == before + 2 * GNK
    assert not list(state.scan_unbonding(network.store))


REFUSED = [
    (MsgStake(host=DAN.text, amount_ngonka=1), "host_unknown", "no host"),
    (MsgStake(host=ANN.text, amount_ngonka=0), "amount_invalid", "nothing"),
    (MsgStake(host=ANN.text, amount_ngonka=BALANCE), "insufficient_funds", "more than the balance"),
    (MsgStake(host=STRANGER.text, amount_ngonka=1), "host_unknown", "no account"),
    (MsgStake(host="gonka1nonsense", amount_ngonka=1), "address_invalid", "no address"),
    (MsgUnstake(host=ANN.text, amount_ngonka=STAKE + 1), "unstake_too_much", "more than is staked"),
    (MsgUnstake(host=ANN.text, amount_ngonka=0), "amount_invalid", "unstake nothing"),
    (MsgUnstake(host=DAN.text, amount_ngonka=1), "host_unknown", "unstake as no host"),
    (MsgLeave(host=DAN.text), "host_unknown", "leave as no host"),
]


@pytest.mark.parametrize(("message", "code", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_stake__what_cannot_be__is_refused_and_nothing_moves(
    network: Network, message: MsgStake, code: str, words: str
) -> None:
    with pytest.raises(RuleError, match=code):
        network.send(message)
    assert network.record(ANN).stake_ngonka == STAKE
    assert get_balance(network.store, ANN.address) == BALANCE - STAKE


def test_leave__unbonds_all_and_takes_no_more_stake(network: Network) -> None:
    assert network.send(MsgLeave(host=ANN.text)).release_epoch == 2
    assert network.record(ANN).stake_ngonka == 0
    assert network.record(ANN).left_epoch == 1
    for message in (
        MsgLeave(host=ANN.text),
        MsgStake(host=ANN.text, amount_ngonka=1),
        MsgUnstake(host=ANN.text, amount_ngonka=1),
        MsgRegisterHost(host=ANN.text),
    ):
        with pytest.raises(RuleError, match="host_left"):
            network.send(message)


def test_register_host__after_the_stake_was_released__joins_again(network: Network) -> None:
    network.send(MsgLeave(host=ANN.text))
    network.players = network.players[1:]
    network.play(Phase.SERVE, times=2)
    assert network.send(MsgRegisterHost(host=ANN.text)).sprints_from_epoch == 3
