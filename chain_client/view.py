"""What a decision may look at: one answer of gonka.sprint.v1.Query/View, read at one height, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain_client.effects import Leaf, Work
from chain_client.errors import PermanentError
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.params import BeaconParams, SprintParams, StakeParams
from rules.slots import SLOTS
from rules.types import Claim, Host, Phase, Table
from wire.codec import read_record

if TYPE_CHECKING:
    from wire.gonka.beacon.v1.beacon_pb2 import Commitment
    from wire.gonka.sprint.v1 import sprint_pb2
    from wire.gonka.sprint.v1.query_pb2 import EpochStatus, QueryViewResponse
    from wire.gonka.stake.v1 import stake_pb2

TAG_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where the next block lies: `height` is that of the last one, `phase` and its heights are the next one's.

    `epoch_last` is the epoch's last height as far as it is known now; `late_blocks` is how long the phase waits for the
    signature of its round, 0 where it does not.
    """

    height: int
    epoch: int
    phase: Phase
    phase_first: int
    phase_last: int
    epoch_last: int
    block_ms: int
    late_blocks: int = 0

    @property
    def blocks_left(self) -> int:
        """Blocks of this phase still to come."""
        return self.phase_last - self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The parameters frozen for the epoch, as far as a host decides by them."""

    sprint: SprintParams
    beacon: BeaconParams
    stake: StakeParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The host as the chain knows it; epochs are 0 for never."""

    registered_epoch: int
    left_epoch: int
    jailed_until_epoch: int
    stake_ngonka: int
    consensus_pubkey: bytes
    down: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimState:
    """A claim and how far it has come; `updates` counts the messages taken for it."""

    claim: Claim
    updates: int
    revealed: bool
    void: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Which of the host's own messages of this epoch the chain has taken."""

    seeds_next: bool = False
    seeds: bool = False
    sprint_seed: bool = False
    sample_seed: bool = False
    rows: bool = False
    rows_revealed: bool = False
    dispute: bool = False
    dispute_revealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """How far the dealing of the next epoch's beacon key has come; heights are 0 on a chain that deals none.

    `beacon_key` is the host's as registered; `slot_keys` has the key that each slot's share is for, none while no group
    has formed; `missing`: the host dealt no part of the running epoch's key, and was to.
    """

    deal_first: int = 0
    deal_last: int = 0
    complaint_last: int = 0
    beacon_key: bytes = b""
    slot_keys: tuple[bytes, ...] = ()
    members: frozenset[Host] = frozenset()
    dealers: frozenset[Host] = frozenset()
    accused: frozenset[Host] = frozenset()
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The chain as one host sees it.  Seeds are empty while unknown; `registration` is None for no host."""

    chain_id: str
    me: Host
    clock: Clock
    rules: Rules
    sprint_seed: bytes
    sample_seed: bytes
    registration: Registration | None
    balance_ngonka: int
    table: Table
    claims: tuple[ClaimState, ...]
    done: Done
    disputes: tuple[Leaf, ...]
    dealing: Dealing = Dealing()

    @property
    def my_claim(self) -> ClaimState | None:
        """The host's own claim."""
        return next((state for state in self.claims if state.claim.host == self.me), None)

    @property
    def work(self) -> Work:
        """What this epoch's Sprint computes."""
        sprint = self.rules.sprint
        return Work(sprint_seed=self.sprint_seed, profile=sprint.profile, cos2_q64=sprint.threshold.cos2_q64)


def decode_view(answer: QueryViewResponse, me: Host) -> View:
    """The view in a node's answer.

    Raises: PermanentError `chain_answer_invalid`.
    """
    try:
        return View(
            chain_id=answer.chain_id,
            me=me,
            clock=_read_clock(answer.status),
            rules=Rules(
                sprint=read_record(SprintParams, answer.status.sprint_params),
                beacon=read_record(BeaconParams, answer.status.beacon_params),
                stake=read_record(StakeParams, answer.status.stake_params),
            ),
            sprint_seed=answer.status.sprint_seed,
            sample_seed=answer.status.sample_seed,
            registration=_read_registration(answer.host) if answer.HasField("host") else None,
            balance_ngonka=answer.balance_ngonka,
            table={_read_host(entry.host): entry.effective_units for entry in answer.table},
            claims=tuple(_read_claim(claim) for claim in answer.claims),
            done=_read_done(answer),
            disputes=_read_disputes(answer.disputes),
            dealing=_read_dealing(answer),
        )
    except (RuleError, ValueError) as error:
        raise PermanentError("chain_answer_invalid", f"the view cannot be read: {error}") from error


def _read_host(address: str) -> Host:
    return Host(decode_address(address))


def _read_clock(status: EpochStatus) -> Clock:
    return Clock(
        height=status.height,
        epoch=status.epoch,
        phase=Phase(status.phase),
        phase_first=status.phase_first_height,
        phase_last=status.phase_last_height,
        epoch_last=status.last_height,
        block_ms=status.block_ms,
        late_blocks=status.round_late_blocks,
    )


def _read_registration(host: stake_pb2.Host) -> Registration:
    return Registration(
        registered_epoch=host.registered_epoch,
        left_epoch=host.left_epoch,
        jailed_until_epoch=host.jailed_until_epoch,
        stake_ngonka=host.stake_ngonka,
        consensus_pubkey=host.consensus_pubkey,
        down=host.down,
    )


def _read_claim(claim: sprint_pb2.Claim) -> ClaimState:
    return ClaimState(
        claim=Claim(host=_read_host(claim.host), count=claim.count, root=claim.root),
        updates=claim.updates,
        revealed=claim.revealed,
        void=claim.void,
    )


def _read_done(answer: QueryViewResponse) -> Done:
    commitment: Commitment = answer.commitment
    return Done(
        seeds_next=answer.HasField("commitment_next"),
        seeds=answer.HasField("commitment"),
        sprint_seed=bool(commitment.sprint_secret),
        sample_seed=bool(commitment.sample_secret),
        rows=answer.HasField("rows"),
        rows_revealed=answer.rows.revealed,
        dispute=answer.HasField("dispute_vote"),
        dispute_revealed=answer.dispute_vote.revealed,
    )


def _read_disputes(disputes: Iterable[sprint_pb2.Dispute]) -> tuple[Leaf, ...]:
    leaves = tuple(Leaf(claimant=_read_host(d.claimant), nonce=d.nonce, tag=d.tag) for d in disputes)
    if any(len(leaf.tag) != TAG_BYTES for leaf in leaves):
        raise ValueError(f"a tag is {TAG_BYTES} bytes")
    return leaves


def _read_dealing(answer: QueryViewResponse) -> Dealing:
    status, members, deals = answer.status, answer.group_next.members, answer.deals_next
    return Dealing(
        deal_first=status.deal_first_height,
        deal_last=status.deal_last_height,
        complaint_last=status.complaint_last_height,
        beacon_key=answer.beacon_key,
        slot_keys=tuple(member.beacon_key for member in members for _ in range(min(member.slots, SLOTS))),
        members=frozenset(_read_host(member.host) for member in members),
        dealers=frozenset(_read_host(deal.dealer) for deal in deals),
        accused=frozenset(_read_host(deal.dealer) for deal in deals if deal.accused_by),
        missing=answer.deal_missing,
    )
