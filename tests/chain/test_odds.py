"""The odds of cheats on a claim and on seats: counted over many seeds, and held against the formula."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from hashlib import sha256

import pytest

from rules.claims import KEYS, Multiproof, build_tree, check_multiproof
from rules.presets import MAINNET, MINIMAL
from rules.sampling import Holders, draw_seats, sample_positions
from rules.types import Claim, Host, Proof
from tests.chain.ledger import ANN
from tests.chain.network import digest_of, hits_of, is_true

SEED = b"seed"
HONEST = hits_of(SEED, ANN.address, 1000)
SAMPLES = MINIMAL.sprint.samples
TRIES = 400


def is_in_order(proofs: list[Proof]) -> tuple[bool, ...]:
    """For each leaf of the claim whether its path is clean, which no sample changes."""
    tree = build_tree(proofs)
    everything = range(tree.count)
    return check_multiproof(tree.root, tree.count, everything, proofs, tree.prove(everything))


def count_passes(flags: list[bool]) -> int:
    """In how many of TRIES samples every leaf drawn is good."""
    claim = Claim(host=Host(ANN.address), count=len(flags), root=bytes(32))
    return sum(
        all(flags[position] for position in sample_positions(b"sample", epoch, claim, SAMPLES))
        for epoch in range(TRIES)
    )


PADDINGS = [
    (HONEST[:500] * 2, "a list written twice"),
    ([p for i in range(0, 500, 50) for p in HONEST[i : i + 50] * 2], "blocks repeated"),
    ([p for p in HONEST[:500] for _ in range(2)], "every leaf repeated"),
    (HONEST[:980] + HONEST[:20], "one in fifty repeated at the end"),
    (HONEST[:995] + HONEST[:5], "one in two hundred repeated at the end"),
]


@pytest.mark.parametrize(("padded", "words"), PADDINGS, ids=[words for _, words in PADDINGS])
def test_padding__of_equal_leaves_at_most_one_is_in_order__so_that_it_never_pays(
    padded: list[Proof], words: str
) -> None:
    flags = is_in_order(padded)
    clean = [proof.nonce for proof, good in zip(padded, flags, strict=True) if good]
    assert len(clean) == len(set(clean)), "no nonce counts twice"
    check_odds([*flags])


FALSE = [
    ([replace(p, tag=bytes(8)) if i % 3 == 0 else p for i, p in enumerate(HONEST)], "a third of the tags made up"),
    ([replace(p, tag=bytes(8)) if i % 100 == 0 else p for i, p in enumerate(HONEST)], "one tag in a hundred made up"),
    (
        [Proof(nonce=n, tag=digest_of(SEED, ANN.address, n)[:8]) for n in range(1000)],
        "true tags of nonces that are no hits",
    ),
]


@pytest.mark.parametrize(("proofs", "words"), FALSE, ids=[words for _, words in FALSE])
def test_false_proofs__pass_as_often_as_none_is_drawn__so_that_they_never_pay(proofs: list[Proof], words: str) -> None:
    assert all(is_in_order(proofs)), "the chain alone sees nothing"
    check_odds([is_true(SEED, ANN.address, proof) for proof in proofs])


def check_odds(flags: list[bool]) -> None:
    """A share f of bad leaves passes with at most (1-f)^k, so that it is expected to weigh less than honest work."""
    good = sum(flags) / len(flags)
    passed, expected = count_passes(flags) / TRIES, good**SAMPLES
    assert good < 1
    assert passed <= expected + 4 * (expected * (1 - expected) / TRIES) ** 0.5
    assert passed < good, "in units of the honest part: passed / good < 1"


@pytest.mark.parametrize("split", [0, HONEST[0].nonce, HONEST[0].nonce + 1, KEYS - 1])
def test_no_split_puts_two_equal_leaves_in_order(split: int) -> None:
    leaf = sha256(b"\x00" + HONEST[0].nonce.to_bytes(8, "little") + HONEST[0].tag).digest()
    root = sha256(b"\x01" + split.to_bytes(8, "little") + leaf + leaf).digest()
    multiproof = Multiproof(siblings=(), splits=(split,))
    assert not all(check_multiproof(root, 2, (0, 1), [HONEST[0], HONEST[0]], multiproof))


def test_a_claim_with_no_honest_seat_is_rare__unless_hardly_anyone_is_honest() -> None:
    """With a third of the weight honest, (2/3)^32: one claim in 430,000 has no seat that exposes it."""
    holders = Holders.of({Host(bytes([i]) * 20): 100 for i in range(9)})
    honest = {Host(bytes([i]) * 20) for i in range(3)}
    claimants = [Host(sha256(bytes([i, j])).digest()[:20]) for i in range(20) for j in range(20)]
    seats = [draw_seats(b"sample", 1, claimant, holders, MAINNET.sprint.seats) for claimant in claimants]
    held = Counter(sum(holder in honest for holder in holders) for holders in seats)
    assert held[0] == 0
    mean = sum(number * times for number, times in held.items()) / len(claimants)
    assert abs(mean - 32 / 3) < 4 * (32 * 2 / 9 / len(claimants)) ** 0.5
