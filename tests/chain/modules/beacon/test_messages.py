from dataclasses import replace

import pytest
from google.protobuf.message import Message

from chain.modules.beacon import state
from rules.errors import RuleError
from rules.presets import MINIMAL
from rules.types import Host, Phase, Round
from tests.chain.ledger import ANN, BOB, CAT, DAN, Person
from tests.chain.network import Network, Player, commit_seeds, reveal_seed
from wire.gonka.beacon.v1.tx_pb2 import MsgCommitSeeds, MsgRevealSeed
from wire.gonka.stake.v1.tx_pb2 import MsgLeave, MsgUnstake

BOND = MINIMAL.beacon.seed_bond_ngonka


def changed(message: Message | None, **changes: object) -> Message:
    assert message is not None
    copy = type(message)()
    copy.CopyFrom(message)
    for name, value in changes.items():
        setattr(copy, name, value)
    return copy


def commitment(network: Network, person: Person = ANN) -> MsgCommitSeeds:
    message = commit_seeds(network, Player(person))
    assert message is not None
    return message


def test_commit_seeds__in_epoch_0_once_the_host_has_staked__bonds_stake() -> None:
    network = Network()
    network.send(commitment(network))
    assert network.record(ANN).seed_bond_ngonka == BOND
    found = state.get_commitment(network.store, 1, Host(ANN.address))
    assert found is not None
    assert found.sprint_commitment == commitment(network).sprint_commitment


def test_commit_seeds__without_the_bond_staked__is_refused() -> None:
    network = Network(stakes=BOND - 1)
    with pytest.raises(RuleError, match="seed_bond_missing"):
        network.send(commitment(network))
    assert network.record(ANN).seed_bond_ngonka == 0


BAD = [
    ({"epoch": 2}, "epoch_wrong", "the epoch after the next"),
    ({"epoch": 0}, "epoch_wrong", "the running epoch"),
    ({"sprint_commitment": b"short"}, "commitment_invalid", "a short commitment"),
    ({"sample_commitment": b""}, "commitment_invalid", "a missing commitment"),
    ({"host": DAN.text}, "host_unknown", "no host"),
]


@pytest.mark.parametrize(("changes", "code", "words"), BAD, ids=[words for *_, words in BAD])
def test_commit_seeds__what_cannot_be__is_refused(changes: dict[str, object], code: str, words: str) -> None:
    network = Network()
    with pytest.raises(RuleError, match=code):
        network.send(changed(commitment(network), **changes))


def test_commit_seeds__twice__is_refused() -> None:
    network = Network()
    network.send(commitment(network))
    with pytest.raises(RuleError, match="commit_twice"):
        network.send(commitment(network))


def test_commit_seeds__outside_serve__is_refused() -> None:
    network = Network()
    network.play(Phase.CLAIM)
    with pytest.raises(RuleError, match="commit_window_closed"):
        network.send(commitment(network))


def test_commit_seeds__a_host_that_left__is_refused() -> None:
    network = Network()
    message = commitment(network)
    network.send(MsgLeave(host=ANN.text))
    with pytest.raises(RuleError, match="host_left"):
        network.send(message)


def test_commit_seeds__more_hosts_than_may__the_ones_with_the_least_units_are_refused() -> None:
    params = replace(MINIMAL, beacon=replace(MINIMAL.beacon, max_committers=2))
    network = Network(params=params)
    first, second, third = sorted((ANN, BOB, CAT), key=lambda person: person.address)
    message = commitment(network, first)
    network.send(message)
    network.send(commitment(network, second))
    with pytest.raises(RuleError, match="committer_not_eligible"):
        network.send(changed(message, host=third.text))


def test_commit_seeds__a_host_without_units__is_refused() -> None:
    network = Network(players=[Player(ANN), Player(DAN)])
    with pytest.raises(RuleError, match="committer_not_eligible"):
        network.send(changed(commitment(network), host=DAN.text))


@pytest.fixture
def seeding() -> Network:
    """In SEED of epoch 1, with Ann and Bob committed."""
    network = Network()
    for person in (ANN, BOB):
        network.send(commitment(network, person))
    network.goto(Phase.SEED)
    return network


def revelation(network: Network) -> MsgRevealSeed:
    message = reveal_seed(network, Player(ANN))
    assert message is not None
    return message


REFUSED = [
    ({"epoch": 2}, "epoch_wrong", "another epoch"),
    ({"round": int(Round.SAMPLE)}, "reveal_seed_window_closed", "the round that is not open"),
    ({"round": 7}, "reveal_seed_window_closed", "a round that there is not"),
    ({"secret": bytes(32)}, "secret_mismatch", "another secret"),
    ({"secret": b"short"}, "secret_mismatch", "a short secret"),
    ({"secret": b""}, "secret_mismatch", "no secret"),
    ({"host": BOB.text}, "secret_mismatch", "another host's secret"),
    ({"host": CAT.text}, "commitment_missing", "nothing was committed"),
]


@pytest.mark.parametrize(("changes", "code", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_reveal_seed__what_cannot_be__is_refused(
    seeding: Network, changes: dict[str, object], code: str, words: str
) -> None:
    with pytest.raises(RuleError, match=code):
        seeding.send(changed(revelation(seeding), **changes))
    found = state.get_commitment(seeding.store, 1, Host(ANN.address))
    assert found is not None
    assert found.sprint_secret == b""


def test_reveal_seed__twice__is_refused(seeding: Network) -> None:
    seeding.send(revelation(seeding))
    with pytest.raises(RuleError, match="reveal_seed_twice"):
        seeding.send(revelation(seeding))


def test_reveal_seed__outside_its_round__is_refused(seeding: Network) -> None:
    message = revelation(seeding)
    seeding.goto(Phase.CLAIM)
    with pytest.raises(RuleError, match="reveal_seed_window_closed"):
        seeding.send(message)


def test_reveal_seed__after_the_stake_was_taken_away__still_counts(seeding: Network) -> None:
    seeding.send(MsgUnstake(host=ANN.text, amount_ngonka=seeding.record(ANN).stake_ngonka))
    seeding.send(revelation(seeding))
    seeding.goto(Phase.SPRINT)
    assert seeding.record(ANN).slashed_ngonka == 0
