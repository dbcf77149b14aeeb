"""Whole Sprints by direct calls, honest and with each cheat; proofs are made up, everything else is real."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from google.protobuf.message import Message

from chain.modules.bank.state import get_balance, get_supply
from chain.modules.beacon.state import get_seed
from chain.modules.sprint import state as sprint
from chain.modules.stake import state as stake
from rules.addresses import module_address
from rules.errors import RuleError
from rules.params import GNK
from rules.presets import GENESIS_UNITS, MINIMAL
from rules.types import Dispute, Host, Phase, Proof, Round, Row
from rules.verdicts import STOPPED_DIGEST
from tests.chain.ledger import ANN, BOB, CAT, DAN, SUBSIDY, Person
from tests.chain.network import COUNT, STAKE, Network, Player, digest_of, reveal_rows
from wire.gonka.sprint.v1.sprint_pb2 import (
    VERDICT_ACCEPTED,
    VERDICT_REJECTED,
    VERDICT_UNDECIDED,
    VERDICT_UNREVEALED,
    VERDICT_VOID,
)
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim, MsgCommitDispute, MsgCommitRows, MsgRevealLeaves, MsgRevealRows
from wire.gonka.stake.v1.tx_pb2 import MsgLeave, MsgStake, MsgUnstake

UNITS = COUNT * MINIMAL.sprint.threshold.one_in
BOND = MINIMAL.sprint.claim_bond_ngonka


def networked(*players: Player, **options: object) -> Network:
    """Ann, Bob and Cat are founders; whoever is not given plays honestly."""
    named = {player.person.text: player for player in players}
    trio = [named.pop(person.text, Player(person)) for person in (ANN, BOB, CAT)]
    return Network(players=[*trio, *named.values()], **options)  # type: ignore[arg-type]  # fields of Network


def balance_of(network: Network, person: Person) -> int:
    return get_balance(network.store, person.address)


# Honest


def test_an_honest_sprint_pays_everyone_one_epoch_late() -> None:
    network = networked()
    network.play(Phase.SERVE)
    for person in (ANN, BOB, CAT):
        outcome = network.outcome(1, person)
        assert (outcome.claimed, outcome.sampled, outcome.mismatched) == (COUNT, MINIMAL.sprint.samples, 0)
        assert outcome.verdict == VERDICT_ACCEPTED
        assert (outcome.units_before, outcome.units, outcome.effective_units) == (GENESIS_UNITS, UNITS, UNITS)
        assert (outcome.due_rows, outcome.wrong_rows, list(outcome.missed)) == (2, 0, [])
        assert (outcome.reward_pending_ngonka, outcome.reward_ngonka) == (SUBSIDY // 3, 0)
    before = balance_of(network, ANN)
    network.play(Phase.SERVE)
    assert network.outcome(2, ANN).reward_ngonka == SUBSIDY // 3
    assert balance_of(network, ANN) == before + SUBSIDY // 3
    assert network.summary(2).minted_ngonka == SUBSIDY * 99 // 100
    assert get_balance(network.store, module_address("pool")) == SUBSIDY % 3


def test_bonds_come_back_and_nothing_stays_in_the_pools() -> None:
    network = networked()
    network.play(Phase.SERVE)
    assert get_balance(network.store, module_address("bonds")) == 0
    assert get_balance(network.store, module_address("stake")) == 3 * STAKE
    assert network.record(ANN).seed_bond_ngonka == 0


def test_a_host_that_joins_sprints_in_the_next_epoch_and_votes_in_the_one_after() -> None:
    network = networked(Player(DAN))
    network.play(Phase.SERVE)
    assert network.outcome(1, DAN).verdict == VERDICT_ACCEPTED
    assert network.outcome(1, DAN).due_rows == 0
    assert stake.get_units(network.store, 0, Host(DAN.address)) == 0
    assert stake.get_units(network.store, 1, Host(DAN.address)) == UNITS
    network.play(Phase.SERVE)
    assert network.outcome(2, DAN).due_rows == 3


def test_a_host_that_leaves_does_its_last_duties_and_gets_its_stake_back() -> None:
    network = networked()
    network.play(Phase.REVEAL)
    network.send(MsgLeave(host=ANN.text))
    network.play(Phase.SERVE)
    assert network.outcome(1, ANN).verdict == VERDICT_ACCEPTED
    assert network.outcome(1, ANN).effective_units == UNITS // 5
    before = balance_of(network, ANN)
    network.players = network.players[1:]
    network.play(Phase.SERVE, times=2)
    assert balance_of(network, ANN) == before + STAKE + network.outcome(2, ANN).reward_ngonka
    assert stake.get_host(network.store, Host(ANN.address)) is None


def test_a_network_of_one_neither_shrinks_nor_mints() -> None:
    network = Network(players=[Player(ANN)], founders=(ANN,))
    network.play(Phase.SERVE, times=2)
    outcome = network.outcome(2, ANN)
    assert (outcome.verdict, outcome.units) == (VERDICT_UNDECIDED, GENESIS_UNITS)
    assert network.summary(2).minted_ngonka == 0


def test_an_epoch_in_which_nobody_claims_is_unsettled_and_halves() -> None:
    network = networked()
    network.act()
    network.goto(Phase.SERVE)
    assert network.summary(1).unsettled
    assert stake.get_units(network.store, 1, Host(ANN.address)) == GENESIS_UNITS // 2
    assert network.summary(1).minted_ngonka == 0


# Cheats with proofs


@dataclass
class Forger(Player):
    """A third of its tags are made up."""

    def proofs(self, seed: bytes) -> list[Proof]:
        honest = super().proofs(seed)
        return [replace(p, tag=bytes(8)) if i % 3 == 0 else p for i, p in enumerate(honest)]


@dataclass
class Inflater(Player):
    """True tags of nonces that are no hits, besides the hits."""

    def proofs(self, seed: bytes) -> list[Proof]:
        return [Proof(nonce=n, tag=digest_of(seed, self.host, n)[:8]) for n in range(self.count)]


@pytest.mark.parametrize("cheat", [Forger(BOB), Inflater(BOB)], ids=["made-up tags", "true tags of no hits"])
def test_false_proofs_weigh_nothing_and_cost_a_fifth_of_the_stake(cheat: Player) -> None:
    network = networked(cheat)
    network.play(Phase.SERVE)
    outcome, slash = network.outcome(1, BOB), (STAKE * 20) // 100
    assert (outcome.verdict, outcome.units, outcome.reward_pending_ngonka) == (VERDICT_REJECTED, 0, 0)
    assert outcome.mismatched == MINIMAL.sprint.slash_mismatches
    assert outcome.slashed_ngonka == slash + BOND
    assert network.record(BOB).stake_ngonka == STAKE - slash
    assert {network.outcome(1, person).verdict for person in (ANN, CAT)} == {VERDICT_ACCEPTED}
    assert {network.outcome(1, person).wrong_rows for person in (ANN, CAT)} == {0}
    assert [event["cause"] for event in network.named("slashed")] == ["bond", "rejected"]


def test_what_a_cheat_forfeits_goes_to_the_pool_and_not_to_its_rivals() -> None:
    honest, cheated = networked(), networked(Forger(BOB))
    honest.play(Phase.SERVE, times=2)
    cheated.play(Phase.SERVE, times=2)
    assert cheated.outcome(2, ANN).reward_ngonka == honest.outcome(2, ANN).reward_ngonka
    assert get_balance(cheated.store, module_address("pool")) == SUBSIDY - 2 * (SUBSIDY // 3)


def test_a_single_bad_nonce_is_rejected_but_not_slashed() -> None:
    @dataclass
    class Unlucky(Player):
        def proofs(self, seed: bytes) -> list[Proof]:
            honest = super().proofs(seed)
            return [replace(honest[0], tag=bytes(8)), *honest[1:]]

    network = networked(Unlucky(BOB, count=60))
    network.play(Phase.SERVE)
    assert network.outcome(1, BOB).verdict == VERDICT_REJECTED
    assert network.outcome(1, BOB).mismatched == 1
    assert network.record(BOB).stake_ngonka == STAKE
    assert network.outcome(1, BOB).slashed_ngonka == BOND


@dataclass
class Padder(Player):
    """Claims its list twice over."""

    def proofs(self, seed: bytes) -> list[Proof]:
        return super().proofs(seed) * 2


@dataclass
class Repeater(Player):
    """Repeats each block of ten proofs once."""

    def proofs(self, seed: bytes) -> list[Proof]:
        honest = super().proofs(seed)
        return [proof for i in range(0, len(honest), 10) for proof in honest[i : i + 10] * 2]


@pytest.mark.parametrize("cheat", [Padder(BOB), Repeater(BOB)], ids=["a list written twice", "blocks repeated"])
def test_padding_voids_the_claim_and_is_slashed(cheat: Player) -> None:
    network = networked(cheat)
    network.play(Phase.SERVE)
    outcome = network.outcome(1, BOB)
    assert (outcome.verdict, outcome.units) == (VERDICT_VOID, 0)
    assert outcome.slashed_ngonka == STAKE // 5 + BOND
    assert {network.outcome(1, person).due_rows for person in (ANN, CAT)} == {1}


# Cheats by silence


@dataclass
class Silent(Player):
    """Does not do some duties, in some epochs."""

    duties: tuple[type[Message], ...] = ()
    epochs: tuple[int, ...] = (1, 2, 3)

    def does(self, duty: type[Message], epoch: int) -> bool:
        return duty not in self.duties or epoch not in self.epochs


def test_a_claim_revealed_never_weighs_nothing__and_costs_the_second_time() -> None:
    network = networked(Silent(BOB, duties=(MsgRevealLeaves,)))
    network.play(Phase.SERVE)
    outcome = network.outcome(1, BOB)
    assert (outcome.verdict, outcome.units, outcome.slashed_ngonka) == (VERDICT_UNREVEALED, 0, 0)
    assert list(outcome.missed) == ["leaves of the claim not revealed"]
    assert get_balance(network.store, module_address("bonds")) == 0, "the bond is returned"
    network.play(Phase.SERVE)
    assert network.outcome(2, BOB).slashed_ngonka == STAKE // 100


def test_a_verifier_that_is_silent_in_all_its_seats_earns_nothing() -> None:
    network = networked(Silent(BOB, duties=(MsgCommitRows,)))
    network.play(Phase.SERVE)
    outcome = network.outcome(1, BOB)
    assert outcome.verdict == VERDICT_ACCEPTED
    assert (outcome.wrong_rows, outcome.due_rows, outcome.reward_pending_ngonka) == (2, 2, 0)
    assert list(outcome.missed) == [f"no row on the claim of {person.text}" for person in sorted_texts(ANN, CAT)]
    assert network.outcome(1, ANN).reward_pending_ngonka == SUBSIDY // 3


def sorted_texts(*persons: Person) -> list[Person]:
    return sorted(persons, key=lambda person: person.address)


def test_a_juror_that_does_not_vote_has_one_wrong_row() -> None:
    network = networked(Forger(BOB), Silent(CAT, duties=(MsgCommitDispute,)), Player(DAN))
    network.play(Phase.SERVE)
    assert network.outcome(1, BOB).verdict == VERDICT_UNDECIDED, "one juror is too few"
    assert (network.outcome(1, CAT).wrong_rows, network.outcome(1, CAT).due_rows) == (1, 4)
    assert list(network.outcome(1, CAT).missed) == ["no vote on the open disputes"]


def test_when_all_verifiers_are_silent_units_shrink_and_are_never_carried_whole() -> None:
    network = networked(*(Silent(person, duties=(MsgCommitRows,)) for person in (ANN, BOB, CAT)))
    network.play(Phase.SERVE)
    outcome = network.outcome(1, ANN)
    assert (outcome.verdict, outcome.units) == (VERDICT_UNDECIDED, UNITS // 2)


# Cheats by verifiers and jurors


@dataclass
class Accuser(Player):
    """Names three positions that are right, and votes that they are false."""

    def row(self, honest: Row) -> Row:
        return replace(honest, sample_digest=STOPPED_DIGEST, mismatched_positions=self.named)

    def bit(self, dispute: Dispute, honest: bool) -> bool:
        return True

    named: tuple[int, ...] = (0, 1, 2)


def test_a_false_accusation_costs_the_accuser_its_reward_and_the_accused_nothing() -> None:
    network = networked(Accuser(BOB), *(Player(person, count=60) for person in (ANN, CAT)), Player(DAN, count=60))
    network.play(Phase.SERVE)
    for person in (ANN, CAT, DAN):
        assert network.outcome(1, person).verdict == VERDICT_ACCEPTED
        assert network.outcome(1, person).slashed_ngonka == 0
    outcome = network.outcome(1, BOB)
    assert (outcome.wrong_rows, outcome.due_rows, outcome.reward_pending_ngonka) == (4, 4, 0)


def test_two_hosts_that_quarrel_are_undecided__nobody_paid_nobody_slashed() -> None:
    players: list[Player] = [Accuser(ANN, count=60), Accuser(BOB, count=60)]
    network = Network(players=players, founders=(ANN, BOB))
    network.play(Phase.SERVE)
    for person in (ANN, BOB):
        outcome = network.outcome(1, person)
        assert outcome.verdict == VERDICT_UNDECIDED
        assert (outcome.slashed_ngonka, outcome.reward_pending_ngonka) == (0, 0)
        assert outcome.units == 60 * 16


@dataclass
class Copier(Player):
    """Recomputes nothing: reports every claim as equal, with a digest it cannot know."""

    def row(self, honest: Row) -> Row:
        return replace(honest, sample_digest=b"guessing", mismatched_positions=())


def test_rows_copied_without_recomputing_have_the_wrong_digest() -> None:
    network = networked(Copier(BOB), Forger(CAT))
    network.play(Phase.SERVE)
    assert network.outcome(1, BOB).wrong_rows >= 1
    assert network.outcome(1, BOB).reward_pending_ngonka < SUBSIDY // 3
    assert network.outcome(1, CAT).units == 0


def test_rows_copied_from_another_verifier_open_no_commitment() -> None:
    """A commitment binds its verifier: who copies it can open it with no rows, not even the right ones."""
    copier = Silent(BOB, duties=(MsgCommitRows, MsgRevealRows))
    network = networked(copier)
    network.play(Phase.ROWS_COMMIT)
    network.act()
    copied = sprint.get_rows(network.store, 1, Host(CAT.address))
    assert copied is not None
    network.send(MsgCommitRows(host=BOB.text, epoch=1, commitment=copied.commitment))
    network.goto(Phase.ROWS_REVEAL)
    network.act()
    message = reveal_rows(network, copier)
    assert message is not None
    with pytest.raises(RuleError, match="rows_mismatch"):
        network.send(message)


def test_one_honest_seat_exposes_a_lie_that_all_others_cover() -> None:
    @dataclass
    class Friend(Player):
        def row(self, honest: Row) -> Row:
            return replace(honest, sample_digest=b"friendly", mismatched_positions=())

    network = networked(Forger(ANN), Friend(BOB), Player(CAT), Player(DAN))
    network.play(Phase.SERVE)
    assert network.outcome(1, ANN).verdict == VERDICT_REJECTED
    assert network.outcome(1, BOB).wrong_rows >= 1


# Cheats with stake


def test_stake_added_after_the_claim_closed_backs_nothing() -> None:
    network = networked(stakes=2 * GNK)
    network.play(Phase.BEACON2)
    network.send(MsgStake(host=ANN.text, amount_ngonka=100 * GNK))
    network.play(Phase.SERVE)
    assert network.record(ANN).stake_at_claim_ngonka == 2 * GNK
    assert network.outcome(1, ANN).units == UNITS
    assert network.outcome(1, ANN).effective_units == UNITS // 5 + min(UNITS * 4 // 5, 2 * GNK // 10**6)
    poor = networked(stakes=GNK)
    poor.play(Phase.BEACON2)
    poor.send(MsgStake(host=ANN.text, amount_ngonka=100 * GNK))
    poor.play(Phase.SERVE)
    assert poor.outcome(1, ANN).effective_units == UNITS // 5 + 1000


def test_stake_taken_away_after_the_claim_closed_backs_nothing_and_is_slashed_all_the_same() -> None:
    network = networked(Forger(BOB))
    network.play(Phase.BEACON2)
    for person in (ANN, BOB):
        network.send(MsgUnstake(host=person.text, amount_ngonka=STAKE))
    network.play(Phase.SERVE)
    assert network.outcome(1, ANN).effective_units == UNITS // 5
    assert network.outcome(1, BOB).slashed_ngonka == STAKE // 5 + BOND
    before = balance_of(network, BOB)
    network.players = [network.players[2]]
    network.play(Phase.SERVE, times=2)
    assert balance_of(network, BOB) == before + STAKE * 4 // 5


def test_rented_units_vote_only_if_they_stay() -> None:
    """Ten rented minutes give units in one table; a ballot weighs the smaller of two tables."""
    network = networked(Player(DAN, count=1000))
    network.play(Phase.SERVE)
    host = Host(DAN.address)
    assert stake.get_units(network.store, 1, host) == 1000 * 16
    network.players = network.players[:3]
    network.play(Phase.SERVE)
    assert stake.get_units(network.store, 2, host) == 0


# Whatever happens


def test_two_epochs_with_every_cheat_at_once_conserve_the_supply() -> None:
    network = networked(Forger(ANN), Padder(BOB), Player(CAT), Silent(DAN, duties=(MsgClaim,)))
    supply = get_supply(network.store)
    network.play(Phase.SERVE, times=2)
    summaries = [network.summary(epoch) for epoch in (1, 2)]
    minted = sum(summary.minted_ngonka for summary in summaries)
    burned = sum(summary.slashed_ngonka for summary in summaries)
    assert get_supply(network.store) == supply + minted - burned
    assert burned > 0


def test_seeds_of_two_epochs_and_rounds_all_differ() -> None:
    network = networked()
    network.play(Phase.SERVE, times=2)
    seeds = {get_seed(network.store, epoch, r) for epoch in (1, 2) for r in Round}
    assert len(seeds) == 4
    assert {len(seed) for seed in seeds} == {32}
