from collections.abc import Callable

import pytest

from chain.modules.bank.state import get_balance, send
from chain.modules.sprint import state
from rules.claims import build_tree
from rules.errors import RuleError
from rules.presets import MINIMAL
from rules.types import Host, Phase, Proof
from tests.chain.ledger import ANN, BOB, DAN, STRANGER
from tests.chain.modules.beacon.test_messages import changed
from tests.chain.network import COUNT, STAKE, Network, Player, claim, hits_of, positions_of, reveal_leaves
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim, MsgRevealLeaves
from wire.gonka.stake.v1.tx_pb2 import MsgLeave, MsgRegisterHost, MsgUnstake

BOND = MINIMAL.sprint.claim_bond_ngonka
HOST = Host(ANN.address)


@pytest.fixture
def claiming() -> Network:
    """In CLAIM of epoch 1; nobody has claimed."""
    network = Network()
    network.play(Phase.CLAIM)
    return network


def right(network: Network) -> MsgClaim:
    message = claim(network, Player(ANN))
    assert message is not None
    return message


def test_claim__the_first__locks_the_bond__and_a_greater_one_replaces_it(claiming: Network) -> None:
    before = get_balance(claiming.store, ANN.address)
    claiming.send(right(claiming))
    claiming.send(changed(right(claiming), count=COUNT + 1, root=bytes(32)))
    record = state.get_claim(claiming.store, 1, HOST)
    assert record is not None
    assert (record.count, record.root, record.updates, record.bond_ngonka) == (COUNT + 1, bytes(32), 2, BOND)
    assert get_balance(claiming.store, ANN.address) == before - BOND
    assert get_balance(claiming.store, state.BOND_POOL) == BOND


BAD = [
    ({"epoch": 2}, "epoch_wrong", "another epoch"),
    ({"count": 0}, "claim_count_invalid", "nothing"),
    ({"count": 2**40}, "claim_count_invalid", "more than anyone can prove"),
    ({"root": bytes(31)}, "root_invalid", "a short root"),
    ({"host": DAN.text}, "host_unknown", "no host"),
    ({"host": STRANGER.text}, "host_unknown", "no account"),
]


@pytest.mark.parametrize(("changes", "code", "words"), BAD, ids=[words for *_, words in BAD])
def test_claim__what_cannot_be__is_refused_and_locks_nothing(
    claiming: Network, changes: dict[str, object], code: str, words: str
) -> None:
    with pytest.raises(RuleError, match=code):
        claiming.send(changed(right(claiming), **changes))
    assert get_balance(claiming.store, state.BOND_POOL) == 0


def test_claim__outside_its_window__is_refused(claiming: Network) -> None:
    message = right(claiming)
    claiming.goto(Phase.BEACON2)
    with pytest.raises(RuleError, match="claim_window_closed"):
        claiming.send(message)
    early = Network()
    early.goto(Phase.SPRINT)
    with pytest.raises(RuleError, match="claim_window_closed"):
        early.send(message)


@pytest.mark.parametrize("count", [COUNT - 1, COUNT, 1])
def test_claim__not_greater_than_before__is_refused(claiming: Network, count: int) -> None:
    claiming.send(right(claiming))
    with pytest.raises(RuleError, match="claim_not_greater"):
        claiming.send(changed(right(claiming), count=count))


def test_claim__less_than_one_percent_greater__is_refused(claiming: Network) -> None:
    claiming.send(changed(right(claiming), count=200))
    with pytest.raises(RuleError, match="claim_not_greater"):
        claiming.send(changed(right(claiming), count=201))
    claiming.send(changed(right(claiming), count=202))


def test_claim__more_often_than_allowed__is_refused(claiming: Network) -> None:
    for i in range(MINIMAL.sprint.claim_updates):
        claiming.send(changed(right(claiming), count=COUNT * (i + 1)))
    with pytest.raises(RuleError, match="claim_updates_spent"):
        claiming.send(changed(right(claiming), count=COUNT * 100))


def test_claim__the_balance_is_short__stake_answers_for_the_bond(claiming: Network) -> None:
    send(claiming.store, ANN.address, DAN.address, get_balance(claiming.store, ANN.address))
    claiming.send(right(claiming))
    record = state.get_claim(claiming.store, 1, HOST)
    assert record is not None
    assert record.bond_from_stake
    assert claiming.record(ANN).stake_ngonka == STAKE
    assert get_balance(claiming.store, state.BOND_POOL) == 0
    claiming.goto(Phase.BEACON2)
    claiming.play(Phase.SERVE)
    assert claiming.record(ANN).stake_ngonka == STAKE


def test_claim__neither_balance_nor_stake_covers_the_bond__is_refused(claiming: Network) -> None:
    send(claiming.store, ANN.address, DAN.address, get_balance(claiming.store, ANN.address))
    kept = BOND + MINIMAL.beacon.seed_bond_ngonka - 1
    claiming.send(MsgUnstake(host=ANN.text, amount_ngonka=STAKE - kept))
    with pytest.raises(RuleError, match="claim_bond_missing"):
        claiming.send(right(claiming))


def test_claim__in_the_epoch_of_joining_or_after_leaving__is_refused(claiming: Network) -> None:
    claiming.send(MsgRegisterHost(host=DAN.text))
    with pytest.raises(RuleError, match="not_sprinting"):
        claiming.send(changed(right(claiming), host=DAN.text))
    claiming.send(MsgLeave(host=BOB.text))
    claiming.send(changed(right(claiming), host=BOB.text))
    claiming.goto(Phase.CLAIM)
    with pytest.raises(RuleError, match="not_sprinting"):
        claiming.send(changed(right(claiming), host=BOB.text, epoch=2))


def revealing(proofs: list[Proof] | None = None) -> tuple[Network, list[Proof]]:
    """In REVEAL of epoch 1; Ann has claimed `proofs`, or honest ones."""
    network = Network()
    network.play(Phase.CLAIM)
    message = right(network)
    if proofs is None:
        network.send(message)
    else:
        tree = build_tree(proofs)
        network.send(changed(message, count=tree.count, root=tree.root))
    network.goto(Phase.REVEAL)
    return network, proofs or []


def reveal(network: Network, proofs: list[Proof]) -> MsgRevealLeaves:
    positions = positions_of(network, HOST)
    multiproof = build_tree(proofs).prove(positions)
    return MsgRevealLeaves(
        host=ANN.text,
        epoch=1,
        nonces=[proofs[i].nonce for i in positions],
        tags=b"".join(proofs[i].tag for i in positions),
        siblings=b"".join(multiproof.siblings),
        splits=multiproof.splits,
    )


def right_reveal(network: Network) -> MsgRevealLeaves:
    message = reveal_leaves(network, Player(ANN))
    assert message is not None
    return message


Spoil = Callable[[MsgRevealLeaves], None]


def other_nonce(message: MsgRevealLeaves) -> None:
    message.nonces[0] += 1


def other_tag(message: MsgRevealLeaves) -> None:
    message.tags = bytes(8) + message.tags[8:]


def other_sibling(message: MsgRevealLeaves) -> None:
    message.siblings = bytes(32) + message.siblings[32:]


def other_split(message: MsgRevealLeaves) -> None:
    message.splits[0] += 1


def missing_leaf(message: MsgRevealLeaves) -> None:
    del message.nonces[-1]
    message.tags = message.tags[:-8]


def missing_tag(message: MsgRevealLeaves) -> None:
    message.tags = message.tags[:-8]


def cut_tag(message: MsgRevealLeaves) -> None:
    message.tags = message.tags[:-1]


def cut_sibling(message: MsgRevealLeaves) -> None:
    message.siblings = message.siblings[:-1]


def missing_sibling(message: MsgRevealLeaves) -> None:
    message.siblings = message.siblings[:-32]


def extra_sibling(message: MsgRevealLeaves) -> None:
    message.siblings += bytes(32)


def extra_split(message: MsgRevealLeaves) -> None:
    message.splits.append(1)


def nothing_at_all(message: MsgRevealLeaves) -> None:
    message.CopyFrom(MsgRevealLeaves(host=message.host, epoch=message.epoch))


SPOILT: list[tuple[Spoil, str]] = [
    (other_nonce, "reveal_wrong_root"),
    (other_tag, "reveal_wrong_root"),
    (other_sibling, "reveal_wrong_root"),
    (other_split, "reveal_wrong_root"),
    (missing_leaf, "reveal_malformed"),
    (missing_tag, "reveal_malformed"),
    (cut_tag, "reveal_malformed"),
    (cut_sibling, "reveal_malformed"),
    (missing_sibling, "reveal_malformed"),
    (extra_sibling, "reveal_malformed"),
    (extra_split, "reveal_malformed"),
    (nothing_at_all, "reveal_malformed"),
]


@pytest.mark.parametrize(("spoil", "code"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
def test_reveal_leaves__one_thing_wrong__is_refused__and_the_right_one_still_passes(spoil: Spoil, code: str) -> None:
    network, _ = revealing()
    bad = changed(right_reveal(network))
    assert isinstance(bad, MsgRevealLeaves)
    spoil(bad)
    with pytest.raises(RuleError, match=code):
        network.send(bad)
    assert not network.send(right_reveal(network)).void
    record = state.get_claim(network.store, 1, HOST)
    assert record is not None
    assert record.revealed


def test_reveal_leaves__of_another_root__is_refused() -> None:
    network, _ = revealing(hits_of(b"one seed", ANN.address, COUNT))
    with pytest.raises(RuleError, match="reveal_wrong_root"):
        network.send(reveal(network, hits_of(b"another", ANN.address, COUNT)))


def out_of_order() -> list[Proof]:
    proofs = hits_of(b"seed", ANN.address, COUNT)
    return proofs[::-1]


DISORDERED = [
    (out_of_order(), "out of order by its splits"),
    (hits_of(b"seed", ANN.address, 50) * 2, "padded with duplicates"),
]


@pytest.mark.parametrize(("proofs", "words"), DISORDERED, ids=[words for _, words in DISORDERED])
def test_reveal_leaves__a_leaf_out_of_order__voids_the_claim(proofs: list[Proof], words: str) -> None:
    network, _ = revealing(proofs)
    assert network.send(reveal(network, proofs)).void
    record = state.get_claim(network.store, 1, HOST)
    assert record is not None
    assert (record.revealed, record.void) == (True, True)
    assert state.get_reveal(network.store, 1, HOST) is None


def test_reveal_leaves__twice_or_without_a_claim_or_outside_its_window__is_refused() -> None:
    network, _ = revealing()
    message = right_reveal(network)
    network.send(message)
    with pytest.raises(RuleError, match="reveal_twice"):
        network.send(message)
    with pytest.raises(RuleError, match="claim_missing"):
        network.send(changed(message, host=BOB.text))
    with pytest.raises(RuleError, match="epoch_wrong"):
        network.send(changed(message, epoch=2))
    network.goto(Phase.ROWS_COMMIT)
    with pytest.raises(RuleError, match="reveal_window_closed"):
        network.send(message)
