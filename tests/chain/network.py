"""A network by direct calls: a state in memory, blocks, and hosts that do all their duties with made-up proofs.

A nonce is a hit of a host when its made-up digest begins with a small byte; the tag follows from the digest.  A cheat
is a Player with one thing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count, islice

from google.protobuf.message import Message

from chain import epoch as epochs
from chain.context import Context
from chain.engine.application import Event, Vote
from chain.genesis import init_state, read_genesis
from chain.handlers import HANDLERS
from chain.modules.bank.state import get_supply, scan_balances
from chain.modules.beacon.state import get_commitment, get_seed
from chain.modules.params.state import get_frozen
from chain.modules.sprint import state as sprint
from chain.modules.stake import liveness
from chain.modules.stake import state as stake
from chain.store.overlay import Overlay
from rules.addresses import decode_address, encode_address
from rules.beacon import select_committers
from rules.claims import build_tree
from rules.params import GNK, Params
from rules.presets import MINIMAL
from rules.sampling import compute_sample_digest, encode_bits, encode_rows, sample_positions
from rules.schedule import Place
from rules.seeds import compute_dispute_commitment, compute_rows_commitment, compute_seed_commitment
from rules.types import Claim, Dispute, Host, Phase, Proof, Round, Row
from rules.verdicts import STOPPED_DIGEST, list_judged
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, Person, make_genesis
from wire.gonka.beacon.v1.tx_pb2 import MsgCommitSeeds, MsgRevealSeed
from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary, Outcome
from wire.gonka.sprint.v1.sprint_pb2 import Row as RowRecord
from wire.gonka.sprint.v1.tx_pb2 import (
    MsgClaim,
    MsgCommitDispute,
    MsgCommitRows,
    MsgRevealDispute,
    MsgRevealLeaves,
    MsgRevealRows,
)
from wire.gonka.stake.v1.stake_pb2 import Host as HostRecord
from wire.gonka.stake.v1.tx_pb2 import MsgRegisterHost, MsgStake

STAKE = 100 * GNK
COUNT = 100
SALT = bytes(range(32))


def digest_of(seed: bytes, host: bytes, nonce: int) -> bytes:
    return sha256(seed + host + nonce.to_bytes(8, "little")).digest()


def is_hit(digest: bytes) -> bool:
    return digest[31] < 64


def hits_of(seed: bytes, host: bytes, number: int) -> list[Proof]:
    """The first `number` hits of a host, by nonce."""
    found = ((nonce, digest_of(seed, host, nonce)) for nonce in count())
    return list(islice((Proof(nonce=nonce, tag=d[:8]) for nonce, d in found if is_hit(d)), number))


def is_true(seed: bytes, host: bytes, proof: Proof) -> bool:
    digest = digest_of(seed, host, proof.nonce)
    return is_hit(digest) and digest[:8] == proof.tag


def make_row(seed: bytes, claimant: Host, leaves: Sequence[tuple[int, Proof]], stops_at: int) -> Row:
    """What an honest verifier reports on the (position, leaf) pairs of a claim."""
    wrong = [position for position, proof in leaves if not is_true(seed, claimant, proof)][:stops_at]
    digest = compute_sample_digest([(p.nonce, digest_of(seed, claimant, p.nonce)[8:]) for _, p in leaves])
    stopped = len(wrong) == stops_at
    return Row(
        claimant=claimant,
        sample_digest=STOPPED_DIGEST if stopped else digest,
        mismatched_positions=tuple(wrong),
    )


@dataclass
class Player:
    """An honest host."""

    person: Person
    count: int = COUNT

    @property
    def host(self) -> Host:
        return Host(self.person.address)

    def proofs(self, seed: bytes) -> list[Proof]:
        return hits_of(seed, self.host, self.count)

    def secret(self, epoch: int, beacon_round: Round) -> bytes:
        return sha256(self.host + bytes([epoch % 256, epoch >> 8, beacon_round])).digest()

    def row(self, honest: Row) -> Row:
        return honest

    def bit(self, dispute: Dispute, honest: bool) -> bool:
        return honest

    def does(self, duty: type[Message], epoch: int) -> bool:
        return True


@dataclass
class Network:
    """The chain with one block open.  `goto` makes blocks; `play` makes them with everyone's duties done."""

    players: list[Player] = field(default_factory=lambda: [Player(person) for person in (ANN, BOB, CAT)])
    params: Params = MINIMAL
    founders: tuple[Person, ...] = (ANN, BOB, CAT)
    stakes: int = STAKE
    height: int = 0
    last_hash: bytes = bytes(32)
    validators: dict[bytes, int] = field(default_factory=dict)
    absent: set[bytes] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Overlay(Empty())
        genesis = read_genesis(make_genesis(self.params, self.founders))
        init_state(Context(store=self.store, height=0, time_ns=0, chain_id=CHAIN_ID), genesis)
        self._open()
        for player in self.players:
            if player.person not in self.founders:
                self.send(MsgRegisterHost(host=player.person.text))
            if self.stakes:
                self.send(MsgStake(host=player.person.text, amount_ngonka=self.stakes))

    def _open(self) -> None:
        self.height += 1
        self.ctx = Context(store=self.store, height=self.height, time_ns=0, chain_id=CHAIN_ID, handlers=HANDLERS)
        liveness.process_votes(self.ctx, self.last_votes())
        epochs.begin_block(self.ctx, self.last_hash)

    def last_votes(self) -> tuple[Vote, ...]:
        """All validators voted for the block before, but those in `absent`."""
        return tuple(
            Vote(validator=stake.compute_consensus_address(key), signed=key not in self.absent)
            for key in stake.get_validators(self.store)
        )

    def step(self) -> None:
        """Close the open block and open the next."""
        epochs.end_block(self.ctx)
        in_set = {key: power for key, power in self.validators.items() if power}
        self.validators.update(stake.find_changes(in_set, stake.get_validators(self.store)))
        self.events.extend(self.ctx.events)
        assert sum(amount for _, amount in scan_balances(self.store)) == get_supply(self.store)
        self.last_hash = sha256(self.last_hash).digest()
        self._open()

    @property
    def place(self) -> Place:
        return sprint.locate_height(self.store, self.height)

    @property
    def epoch(self) -> int:
        return self.place.epoch

    def goto(self, phase: Phase) -> None:
        """Make blocks, at least one, until the phase opens; nobody does anything."""
        self.step()
        while not self.opens(phase):
            self.step()

    def opens(self, phase: Phase) -> bool:
        return self.place.phase is phase and self.height == self.place.phase_first

    def play(self, phase: Phase, times: int = 1) -> None:
        """The same, `times` over, with duties done as phases open; those of the phase reached are left to be done."""
        for _ in range(times):
            self._play(phase)

    def _play(self, phase: Phase) -> None:
        self.act()
        self.step()
        while not self.opens(phase):
            if self.height == self.place.phase_first:
                self.act()
            self.step()

    def send(self, message: Message) -> Message:
        """Apply a message in the open block, all of it or nothing."""
        branch = self.ctx.branch()
        response = HANDLERS[message.DESCRIPTOR.full_name].apply(branch.context, message)
        branch.merge()
        return response

    def act(self) -> None:
        """Everyone does what the phase asks for."""
        for player in self.players:
            for duty, build in DUTIES.get(self.place.phase, ()):
                message = build(self, player) if player.does(duty, self.epoch) else None
                if message is not None:
                    self.send(message)

    def record(self, person: Person) -> HostRecord:
        return stake.find_host(self.store, Host(person.address))

    def summary(self, epoch: int) -> EpochSummary:
        found = sprint.get_summary(self.store, epoch)
        assert found is not None
        return found

    def outcome(self, epoch: int, person: Person) -> Outcome:
        return next(outcome for outcome in self.summary(epoch).outcomes if outcome.host == person.text)

    def named(self, kind: str) -> list[dict[str, str]]:
        return [dict(event.attributes) for event in [*self.events, *self.ctx.events] if event.type == kind]


class Empty:
    """A store with nothing in it."""

    def get(self, key: bytes) -> bytes | None:
        return None

    def scan(self, prefix: bytes) -> Iterable[tuple[bytes, bytes]]:
        return iter(())


def commit_seeds(network: Network, player: Player) -> MsgCommitSeeds | None:
    epoch, host = network.epoch + 1, player.host
    table = stake.get_weights(network.store, stake.table_epoch(network.store))
    if host not in select_committers(table, network.params.beacon.max_committers):
        return None
    first, second = (
        compute_seed_commitment(CHAIN_ID, epoch, r, host, player.secret(epoch, r)) for r in (Round.SPRINT, Round.SAMPLE)
    )
    return MsgCommitSeeds(host=player.person.text, epoch=epoch, sprint_commitment=first, sample_commitment=second)


def reveal_seed(network: Network, player: Player) -> MsgRevealSeed | None:
    epoch = network.epoch
    opened = Round.SPRINT if network.place.phase is Phase.SEED else Round.SAMPLE
    if get_commitment(network.store, epoch, player.host) is None:
        return None
    secret = player.secret(epoch, opened)
    return MsgRevealSeed(host=player.person.text, epoch=epoch, round=opened, secret=secret)


def claim(network: Network, player: Player) -> MsgClaim | None:
    seed, record = get_seed(network.store, network.epoch, Round.SPRINT), stake.get_host(network.store, player.host)
    if record is None or record.left_epoch or record.registered_epoch >= network.epoch:
        return None
    tree = build_tree(player.proofs(seed))
    return MsgClaim(host=player.person.text, epoch=network.epoch, count=tree.count, root=tree.root)


def positions_of(network: Network, host: Host) -> tuple[int, ...]:
    record = sprint.get_claim(network.store, network.epoch, host)
    assert record is not None
    seed = get_seed(network.store, network.epoch, Round.SAMPLE)
    samples = get_frozen(network.store).sprint.samples
    return sample_positions(seed, network.epoch, Claim(host=host, count=record.count, root=record.root), samples)


def reveal_leaves(network: Network, player: Player) -> MsgRevealLeaves | None:
    if sprint.get_claim(network.store, network.epoch, player.host) is None:
        return None
    proofs = player.proofs(get_seed(network.store, network.epoch, Round.SPRINT))
    positions = positions_of(network, player.host)
    multiproof = build_tree(proofs).prove(positions)
    return MsgRevealLeaves(
        host=player.person.text,
        epoch=network.epoch,
        nonces=[proofs[i].nonce for i in positions],
        tags=b"".join(proofs[i].tag for i in positions),
        siblings=b"".join(multiproof.siblings),
        splits=multiproof.splits,
    )


def leaves_of(network: Network, claimant: Host) -> list[tuple[int, Proof]]:
    reveal = sprint.get_reveal(network.store, network.epoch, claimant)
    assert reveal is not None
    proofs = [Proof(nonce=n, tag=reveal.tags[8 * i : 8 * i + 8]) for i, n in enumerate(reveal.nonces)]
    return list(zip(reveal.positions, proofs, strict=True))


def rows_of(network: Network, player: Player) -> tuple[Row, ...]:
    seats = sprint.get_seats(network.store, network.epoch, player.host)
    seed, stops_at = get_seed(network.store, network.epoch, Round.SPRINT), network.params.sprint.slash_mismatches
    claimants = [Host(decode_address(seat.claimant)) for seat in seats.seats] if seats else []
    return tuple(player.row(make_row(seed, c, leaves_of(network, c), stops_at)) for c in claimants)


def commit_rows(network: Network, player: Player) -> MsgCommitRows | None:
    rows = rows_of(network, player)
    body = encode_rows(rows)
    commitment = compute_rows_commitment(CHAIN_ID, network.epoch, player.host, SALT, body)
    return MsgCommitRows(host=player.person.text, epoch=network.epoch, commitment=commitment) if rows else None


def write_row(row: Row) -> RowRecord:
    return RowRecord(
        claimant=encode_address(row.claimant),
        sample_digest=row.sample_digest,
        mismatched_positions=row.mismatched_positions,
    )


def reveal_rows(network: Network, player: Player) -> MsgRevealRows | None:
    if sprint.get_rows(network.store, network.epoch, player.host) is None:
        return None
    rows = [write_row(row) for row in rows_of(network, player)]
    return MsgRevealRows(host=player.person.text, epoch=network.epoch, salt=SALT, rows=rows)


def bits_of(network: Network, player: Player) -> tuple[tuple[Dispute, ...], bytes]:
    records = sprint.get_disputes(network.store, network.epoch)
    tags = {sprint.read_dispute(record): record.tag for record in records}
    judged, seed = list_judged(player.host, tuple(tags)), get_seed(network.store, network.epoch, Round.SPRINT)
    bits = bytes(player.bit(d, not is_true(seed, d.claimant, Proof(nonce=d.nonce, tag=tags[d]))) for d in judged)
    return judged, bits


def commit_dispute(network: Network, player: Player) -> MsgCommitDispute | None:
    judged, bits = bits_of(network, player)
    if not judged or not stake.get_units(network.store, stake.table_epoch(network.store), player.host):
        return None
    body = encode_bits(judged, bits)
    commitment = compute_dispute_commitment(CHAIN_ID, network.epoch, player.host, SALT, body)
    return MsgCommitDispute(host=player.person.text, epoch=network.epoch, commitment=commitment)


def reveal_dispute(network: Network, player: Player) -> MsgRevealDispute | None:
    if sprint.get_vote(network.store, network.epoch, player.host) is None:
        return None
    _, bits = bits_of(network, player)
    return MsgRevealDispute(host=player.person.text, epoch=network.epoch, salt=SALT, bits=bits)


Build = Callable[[Network, Player], Message | None]

DUTIES: dict[Phase, tuple[tuple[type[Message], Build], ...]] = {
    Phase.GENESIS: ((MsgCommitSeeds, commit_seeds),),
    Phase.SEED: ((MsgRevealSeed, reveal_seed),),
    Phase.CLAIM: ((MsgClaim, claim),),
    Phase.BEACON2: ((MsgRevealSeed, reveal_seed),),
    Phase.REVEAL: ((MsgRevealLeaves, reveal_leaves),),
    Phase.ROWS_COMMIT: ((MsgCommitRows, commit_rows),),
    Phase.ROWS_REVEAL: ((MsgRevealRows, reveal_rows),),
    Phase.DISPUTE_COMMIT: ((MsgCommitDispute, commit_dispute),),
    Phase.DISPUTE_REVEAL: ((MsgRevealDispute, reveal_dispute),),
    Phase.SERVE: ((MsgCommitSeeds, commit_seeds),),
}
