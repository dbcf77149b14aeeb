"""The honest host, written down: what it owes at one height, from its view of the chain and its journal.  Pure.

A message is sent as early in its window as is sound: when what it rests on can no longer change, and others can take
it.  Whether it was taken is read from the chain; so a plan made twice asks for the same thing, and a restart repeats
nothing.
Source: docs/protocol.md, "An epoch" to "Verdicts".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from chain_client.effects import (
    CheckDeals,
    Duty,
    Effect,
    FollowUp,
    Judge,
    Leaf,
    Note,
    Review,
    RunJob,
    Send,
    StopJob,
    Verify,
)
from chain_client.view import ClaimState, Clock, View
from rules.beacon import select_committers
from rules.params import THRESHOLD_BLS
from rules.sampling import Holders, draw_seats, sample_positions
from rules.types import Host, Phase

GROWTH: Final = (101, 100)
"""A replaced claim is at least so much greater."""
RUN_MARGIN_MS: Final = 60_000
"""A job outlives the window it is for by this, should blocks come late; it is stopped when CLAIM closes."""
HOST_WAS_DOWN: Final = "the host was down"
LONG_WINDOW_BLOCKS: Final = 10
"""In the first block of so long a window nothing is sent.  A node that has yet to apply the block before it refuses the
message as too early, and CometBFT hands a transaction to each peer once: it could be in a block only where the host's
own node, or another as quick, proposes."""
WITHOUT_WINDOW: Final = {Duty.REGISTER, Duty.SET_BEACON_KEY}
KEPT_SUMMARIES: Final = 64
"""Epochs whose settlement the chain still tells."""


class SecretName(StrEnum):
    """What each of an epoch's secrets is for."""

    SPRINT = "sprint_seed"
    SAMPLE = "sample_seed"
    ROWS = "rows_salt"
    DISPUTE = "dispute_salt"
    DEAL = "deal_entropy"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalView:
    """What the journal says that a plan looks at; without an epoch named, of the epoch of the view.

    `unsettled`: a signed transaction has no outcome yet.  `jobs`: epochs whose job was begun and not stopped.
    `roots`: of claims it can open.  `secrets`: (epoch, name) of those kept.  `rows`: claimants whose claims are
    recomputed.  `bits`: (claimant, nonce) of disputes that are.  `reviewed`: the latest epoch reviewed, 0 for none.
    `checked`: dealers of the next epoch's key whose shares were opened, `wrong` those of them that dealt a wrong one.
    `beacon_key` is that of the secret which the host was given, b"" for none.
    """

    unsettled: bool = False
    jobs: frozenset[int] = frozenset()
    proofs: int = 0
    roots: frozenset[bytes] = frozenset()
    secrets: frozenset[tuple[int, SecretName]] = frozenset()
    rows: frozenset[Host] = frozenset()
    bits: frozenset[tuple[Host, int]] = frozenset()
    reviewed: int = 0
    checked: frozenset[Host] = frozenset()
    wrong: frozenset[Host] = frozenset()
    beacon_key: bytes = b""


def plan(view: View, journal: JournalView) -> tuple[Effect, ...]:
    """All that the host should be doing now; what it is doing already is named again.

    At most one message is sent at a time, and none while an earlier one has no outcome.
    """
    work = (
        *_stop_jobs(view, journal),
        *_run_job(view),
        *_verify(view, journal),
        *_judge(view, journal),
        *_check_deals(view, journal),
    )
    owed = [effect for rule in OWED if (effect := rule(view, journal)) is not None]
    notes = tuple(effect for effect in owed if isinstance(effect, Note))
    sends = tuple(effect for effect in owed if isinstance(effect, Send) and not _is_early(view.clock, effect.duty))
    return (
        *work,
        *notes,
        *((FollowUp(),) if journal.unsettled else sends[:1]),
        *_review(view, journal),
    )


def _is_early(clock: Clock, duty: Duty) -> bool:
    """Whether the next block is the first of the duty's window, which is long enough to wait for the one after."""
    is_first = clock.height + 1 == clock.phase_first and duty not in WITHOUT_WINDOW
    return is_first and clock.phase_last - clock.phase_first + 1 >= LONG_WINDOW_BLOCKS


# ---- whose part is what --------------------------------------------------------------------------------------------


def name_job(chain_id: str, epoch: int) -> str:
    """The name of an epoch's job in the sidecar: at most 64 bytes of a-z, 0-9 and -."""
    return f"{re.sub('[^a-z0-9-]', '-', chain_id.lower())[:43]}-{epoch}"


def is_sprinting(view: View) -> bool:
    """Whether the host may claim in this epoch: registered in an earlier one (or a founder), not left, not jailed."""
    host = view.registration
    if host is None or view.clock.epoch == 0:
        return False
    left = 0 < host.left_epoch <= view.clock.epoch
    return host.registered_epoch < view.clock.epoch and not left and host.jailed_until_epoch <= view.clock.epoch


def can_commit(view: View) -> bool:
    """Whether the host is among those that commit secrets for the seeds, as far as the table says.

    Where validators deal keys, nobody commits but in an epoch in which no group has formed.
    """
    beacon, host = view.rules.beacon, view.registration
    if host is None or host.left_epoch:
        return False
    is_dealt = view.clock.height < view.dealing.deal_first or view.dealing.members
    if beacon.kind == THRESHOLD_BLS and (is_dealt or not view.dealing.deal_first):
        return False
    return view.me in select_committers(view.table, beacon.max_committers)


def is_juror(view: View) -> bool:
    """Whether the host has a vote in disputes over others' claims."""
    return view.table.get(view.me, 0) > 0


def list_seats(view: View) -> tuple[ClaimState, ...]:
    """The revealed claims, not void, in which the host holds seats, in address order."""
    if not view.sample_seed or not is_juror(view):
        return ()
    seats, epoch, holders = view.rules.sprint.seats, view.clock.epoch, Holders.of(view.table)
    return tuple(
        state
        for state in sorted(view.claims, key=lambda state: state.claim.host)
        if state.revealed
        and not state.void
        and view.me in draw_seats(view.sample_seed, epoch, state.claim.host, holders, seats)
    )


def list_disputes(view: View) -> tuple[Leaf, ...]:
    """The disputes that the host votes on, in (claimant, nonce) order."""
    if not is_juror(view):
        return ()
    leaves = (leaf for leaf in view.disputes if leaf.claimant != view.me)
    return tuple(sorted(leaves, key=lambda leaf: (leaf.claimant, leaf.nonce)))


# ---- work for the sidecar ------------------------------------------------------------------------------------------


def _stop_jobs(view: View, journal: JournalView) -> Iterator[StopJob]:
    for epoch in sorted(journal.jobs):
        if epoch < view.clock.epoch or view.clock.phase > Phase.CLAIM:
            yield StopJob(epoch=epoch, job_id=name_job(view.chain_id, epoch))


def _run_job(view: View) -> Iterator[RunJob]:
    clock, sprint = view.clock, view.rules.sprint
    if view.sprint_seed and clock.phase <= Phase.CLAIM and is_sprinting(view):
        claim_last = clock.phase_last + (0 if clock.phase is Phase.CLAIM else sprint.sprint_blocks)
        run_ms = (claim_last - clock.height) * clock.block_ms + RUN_MARGIN_MS
        yield RunJob(epoch=clock.epoch, job_id=name_job(view.chain_id, clock.epoch), work=view.work, run_ms=run_ms)


def _verify(view: View, journal: JournalView) -> Iterator[Verify]:
    clock, sprint = view.clock, view.rules.sprint
    if not Phase.REVEAL <= clock.phase <= Phase.ROWS_COMMIT:
        return
    later = sprint.rows_commit_blocks if clock.phase is Phase.REVEAL else 0
    for state in list_seats(view):
        if state.claim.host not in journal.rows:
            yield Verify(
                epoch=clock.epoch,
                claimant=state.claim.host,
                positions=sample_positions(view.sample_seed, clock.epoch, state.claim, sprint.samples),
                work=view.work,
                stop_after=sprint.slash_mismatches,
                within_ms=(clock.blocks_left + later) * clock.block_ms,
            )


def _judge(view: View, journal: JournalView) -> Iterator[Judge]:
    clock = view.clock
    if clock.phase is not Phase.DISPUTE_COMMIT:
        return
    missing = [leaf for leaf in list_disputes(view) if (leaf.claimant, leaf.nonce) not in journal.bits]
    for _, leaves in groupby(missing, key=lambda leaf: leaf.claimant):
        within_ms = clock.blocks_left * clock.block_ms
        yield Judge(epoch=clock.epoch, leaves=tuple(leaves), work=view.work, within_ms=within_ms)


def _check_deals(view: View, journal: JournalView) -> Iterator[CheckDeals]:
    dealing = view.dealing
    unchecked = dealing.dealers - dealing.accused - journal.checked
    if unchecked and journal.beacon_key in dealing.slot_keys and view.clock.height < dealing.complaint_last:
        yield CheckDeals(epoch=view.clock.epoch + 1, dealers=tuple(sorted(unchecked)))


def _review(view: View, journal: JournalView) -> Iterator[Review]:
    clock = view.clock
    settled = clock.epoch if clock.phase is Phase.SERVE else clock.epoch - 1
    if settled > journal.reviewed:
        yield Review(epoch=max(journal.reviewed + 1, settled - KEPT_SUMMARIES + 1))


# ---- messages owed: what to send, or what stands in the way --------------------------------------------------------

Owed = Callable[[View, JournalView], Send | Note | None]


def _send(view: View, duty: Duty, epoch: int | None = None) -> Send:
    return Send(duty=duty, epoch=view.clock.epoch if epoch is None else epoch, last_height=view.clock.phase_last)


def _note(view: View, duty: Duty, obstacle: str, epoch: int | None = None) -> Note:
    return Note(duty=duty, epoch=view.clock.epoch if epoch is None else epoch, obstacle=obstacle)


def _owe_register(view: View, _journal: JournalView) -> Send | None:
    """A validator that was down has power again an epoch after it says that it is back."""
    host, clock = view.registration, view.clock
    if host is None or not host.down or host.left_epoch:
        return None
    return Send(duty=Duty.REGISTER, epoch=clock.epoch, last_height=clock.epoch_last)


def _owe_seeds(view: View, _journal: JournalView) -> Send | Note | None:
    epoch, host = view.clock.epoch + 1, view.registration
    if view.clock.phase not in {Phase.GENESIS, Phase.SERVE} or view.done.seeds_next or not can_commit(view):
        return None
    if host is None or host.stake_ngonka < view.rules.beacon.seed_bond_ngonka:
        return _note(view, Duty.COMMIT_SEEDS, "the stake is below the seed bond", epoch)
    return _send(view, Duty.COMMIT_SEEDS, epoch)


def _note_seeds(view: View, _journal: JournalView) -> Note | None:
    """Secrets that are missing in their own epoch, whenever in it the host is up again; SETTLE changes who commits."""
    if not Phase.SEED <= view.clock.phase <= Phase.SETTLE or view.done.seeds or not can_commit(view):
        return None
    return _note(view, Duty.COMMIT_SEEDS, HOST_WAS_DOWN)


def _owe_sprint_seed(view: View, journal: JournalView) -> Send | Note | None:
    if view.clock.phase is not Phase.SEED or not view.done.seeds or view.done.sprint_seed:
        return None
    return _owe_secret(view, journal, Duty.REVEAL_SPRINT_SEED, SecretName.SPRINT)


def _owe_sample_seed(view: View, journal: JournalView) -> Send | Note | None:
    if view.clock.phase is not Phase.BEACON2 or not view.done.seeds or view.done.sample_seed:
        return None
    return _owe_secret(view, journal, Duty.REVEAL_SAMPLE_SEED, SecretName.SAMPLE)


def _owe_secret(view: View, journal: JournalView, duty: Duty, name: SecretName) -> Send | Note:
    if (view.clock.epoch, name) not in journal.secrets:
        return _note(view, duty, f"the {name} is not in this journal")
    return _send(view, duty)


def _owe_claim(view: View, journal: JournalView) -> Send | Note | None:
    """The first claim at once; then, of the updates left, one in each of the last blocks."""
    clock, sprint, mine = view.clock, view.rules.sprint, view.my_claim
    if clock.phase is not Phase.CLAIM or not is_sprinting(view):
        return None
    count = min(journal.proofs, sprint.max_count)
    if mine is None:
        return _send(view, Duty.CLAIM) if count else _note(view, Duty.CLAIM, "no proof has been found yet")
    times, over = GROWTH
    has_grown = count > mine.claim.count and count * over >= mine.claim.count * times
    is_due = sprint.claim_updates - mine.updates >= clock.blocks_left > 0
    return _send(view, Duty.CLAIM) if has_grown and is_due and mine.updates < sprint.claim_updates else None


def _owe_leaves(view: View, journal: JournalView) -> Send | Note | None:
    mine = view.my_claim
    if view.clock.phase is not Phase.REVEAL or mine is None or mine.revealed or mine.void or not view.sample_seed:
        return None
    if mine.claim.root not in journal.roots:
        return _note(view, Duty.REVEAL_LEAVES, "the proofs of this claim are not in this journal")
    return _send(view, Duty.REVEAL_LEAVES)


def _owe_rows(view: View, journal: JournalView) -> Send | Note | None:
    if view.clock.phase is not Phase.ROWS_COMMIT or view.done.rows:
        return None
    claimants = {state.claim.host for state in list_seats(view)}
    if not claimants:
        return None
    if missing := claimants - journal.rows:
        return _note(view, Duty.COMMIT_ROWS, f"{len(missing)} of {len(claimants)} claims are not recomputed yet")
    return _send(view, Duty.COMMIT_ROWS)


def _owe_rows_reveal(view: View, journal: JournalView) -> Send | Note | None:
    if view.clock.phase is not Phase.ROWS_REVEAL or not view.done.rows or view.done.rows_revealed:
        return None
    return _owe_secret(view, journal, Duty.REVEAL_ROWS, SecretName.ROWS)


def _owe_dispute(view: View, journal: JournalView) -> Send | Note | None:
    if view.clock.phase is not Phase.DISPUTE_COMMIT or view.done.dispute:
        return None
    disputes = list_disputes(view)
    if not disputes:
        return None
    if missing := {(leaf.claimant, leaf.nonce) for leaf in disputes} - journal.bits:
        return _note(view, Duty.COMMIT_DISPUTE, f"{len(missing)} of {len(disputes)} disputes are not recomputed yet")
    return _send(view, Duty.COMMIT_DISPUTE)


def _owe_dispute_reveal(view: View, journal: JournalView) -> Send | Note | None:
    if view.clock.phase is not Phase.DISPUTE_REVEAL or not view.done.dispute or view.done.dispute_revealed:
        return None
    return _owe_secret(view, journal, Duty.REVEAL_DISPUTE, SecretName.DISPUTE)


def _owe_deal(view: View, _journal: JournalView) -> Send | None:
    dealing, clock = view.dealing, view.clock
    if view.me not in dealing.members - dealing.dealers or not dealing.deal_first <= clock.height < dealing.deal_last:
        return None
    return Send(duty=Duty.DEAL, epoch=clock.epoch + 1, last_height=dealing.deal_last)


def _note_deal(view: View, _journal: JournalView) -> Note | None:
    """A part of the key that is missing in its own epoch, whenever in it the host is up again."""
    return _note(view, Duty.DEAL, HOST_WAS_DOWN) if view.dealing.missing else None


def _owe_complaint(view: View, journal: JournalView) -> Send | None:
    dealing, clock = view.dealing, view.clock
    if not (journal.wrong & dealing.dealers) - dealing.accused or clock.height >= dealing.complaint_last:
        return None
    return Send(duty=Duty.COMPLAIN, epoch=clock.epoch + 1, last_height=dealing.complaint_last)


def _owe_beacon_key(view: View, journal: JournalView) -> Send | None:
    """A validator's part in the beacon begins with the key that its shares are encrypted to."""
    host, dealing = view.registration, view.dealing
    if host is None or host.left_epoch or not host.consensus_pubkey or not dealing.deal_first:
        return None
    if journal.beacon_key in {b"", dealing.beacon_key}:
        return None
    return _send(view, Duty.SET_BEACON_KEY)


OWED: Final[tuple[Owed, ...]] = (
    _owe_complaint,
    _owe_deal,
    _note_deal,
    _owe_seeds,
    _note_seeds,
    _owe_sprint_seed,
    _owe_sample_seed,
    _owe_claim,
    _owe_leaves,
    _owe_rows,
    _owe_rows_reveal,
    _owe_dispute,
    _owe_dispute_reveal,
    _owe_beacon_key,
    _owe_register,
)
