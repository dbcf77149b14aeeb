"""What is due next, whether now is a good time to restart, and what the next Sprint should bring.  Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chain_client.duties import JournalView, can_commit, is_juror, is_sprinting, list_disputes, plan
from chain_client.effects import Duty, FollowUp, Send
from chain_client.view import View
from rules.params import THRESHOLD_BLS
from rules.types import Phase
from rules.weights import compute_effective_units

RESTART_MS: Final = 30_000
"""How long a restart may take, with the checks of the devices."""
STALE_MS: Final = 30_000
STALE_BLOCKS: Final = 5
EPOCH: Final = (
    Phase.SEED,
    Phase.SPRINT,
    Phase.CLAIM,
    Phase.BEACON2,
    Phase.REVEAL,
    Phase.ROWS_COMMIT,
    Phase.ROWS_REVEAL,
    Phase.DISPUTE_COMMIT,
    Phase.DISPUTE_REVEAL,
    Phase.SETTLE,
    Phase.SERVE,
)
DUTIES: Final = {
    Phase.GENESIS: Duty.COMMIT_SEEDS,
    Phase.SEED: Duty.REVEAL_SPRINT_SEED,
    Phase.CLAIM: Duty.CLAIM,
    Phase.BEACON2: Duty.REVEAL_SAMPLE_SEED,
    Phase.REVEAL: Duty.REVEAL_LEAVES,
    Phase.ROWS_COMMIT: Duty.COMMIT_ROWS,
    Phase.ROWS_REVEAL: Duty.REVEAL_ROWS,
    Phase.DISPUTE_COMMIT: Duty.COMMIT_DISPUTE,
    Phase.DISPUTE_REVEAL: Duty.REVEAL_DISPUTE,
    Phase.SERVE: Duty.COMMIT_SEEDS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A phase to come, or the one that is open; heights are blocks', `epoch` that of the phase."""

    epoch: int
    phase: Phase
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextDuty:
    """A duty with its window, and how long until that opens (0: it is open) and closes.

    Times are estimates by the chain's pace.
    """

    duty: Duty
    window: Window
    opens_in_ms: int
    closes_in_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartAdvice:
    """Whether a restart that takes up to RESTART_MS costs nothing, and why, in words."""

    is_safe: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a Sprint should bring at a measured speed: expected values, rounded down.

    `hits_spread` is one standard deviation of the hits, rounded up.
    """

    hits: int
    hits_spread: int
    units: int
    effective_units: int
    reward_ngonka: int


def is_stale(age_ms: int, block_ms: int) -> bool:
    """Whether the node's newest block is so old that blocks are missing: it is cut off, behind, or the chain stands."""
    return age_ms > max(STALE_MS, STALE_BLOCKS * block_ms)


def list_windows(view: View) -> tuple[Window, ...]:
    """The open phase and those after it, to the end of the next epoch; late rounds are not foreseen."""
    return tuple(_walk(view))


def _walk(view: View) -> Iterator[Window]:
    clock = view.clock
    window = Window(epoch=clock.epoch, phase=clock.phase, first=clock.phase_first, last=clock.phase_last)
    while window.epoch <= clock.epoch + 1:
        yield window
        is_last = window.phase in {Phase.GENESIS, Phase.SERVE}
        phase = EPOCH[0] if is_last else EPOCH[EPOCH.index(window.phase) + 1]
        length = _length(view, phase)
        window = Window(epoch=window.epoch + is_last, phase=phase, first=window.last + 1, last=window.last + length)


def _length(view: View, phase: Phase) -> int:
    sprint, beacon = view.rules.sprint, view.rules.beacon
    lengths = {
        Phase.SEED: beacon.round_blocks,
        Phase.SPRINT: sprint.sprint_blocks - sprint.claim_blocks,
        Phase.CLAIM: sprint.claim_blocks,
        Phase.BEACON2: beacon.round_blocks,
        Phase.REVEAL: sprint.reveal_blocks,
        Phase.ROWS_COMMIT: sprint.rows_commit_blocks,
        Phase.ROWS_REVEAL: sprint.rows_reveal_blocks,
        Phase.DISPUTE_COMMIT: sprint.dispute_commit_blocks,
        Phase.DISPUTE_REVEAL: sprint.dispute_reveal_blocks,
        Phase.SETTLE: 1,
        Phase.SERVE: sprint.serve_blocks,
    }
    return lengths[phase]


def find_next_duty(view: View, journal: JournalView) -> NextDuty | None:
    """The duty that is owed now, else the first that will be; None for who has none in sight."""
    clock = view.clock
    for window in list_windows(view):
        is_open = window.first <= clock.height + 1
        if is_open and not _is_busy(view, journal):
            continue
        if is_open or _will_owe(view, window):
            duty = _find_duty(view, window.phase)
            if duty is not None:
                return NextDuty(
                    duty=duty,
                    window=window,
                    opens_in_ms=max(window.first - clock.height - 1, 0) * clock.block_ms,
                    closes_in_ms=(window.last - clock.height) * clock.block_ms,
                )
    return None


def _find_duty(view: View, phase: Phase) -> Duty | None:
    """What is due in a phase; where validators deal the beacon's keys, that is what SERVE is for."""
    duty = DUTIES.get(phase)
    return Duty.DEAL if duty is Duty.COMMIT_SEEDS and view.rules.beacon.kind == THRESHOLD_BLS else duty


def _is_busy(view: View, journal: JournalView) -> bool:
    """Whether something is owed at this very height, or on its way; in CLAIM, until it closes."""
    if view.clock.phase is Phase.CLAIM and is_sprinting(view):
        return True
    return any(isinstance(effect, Send | FollowUp) for effect in plan(view, journal))


def _will_owe(view: View, window: Window) -> bool:
    """Whether the host will have a duty in a window to come, as far as can be known now."""
    sprints = is_sprinting(view) if window.epoch == view.clock.epoch else _sprints_next(view)
    match window.phase:
        case Phase.SEED:
            return view.done.seeds_next
        case Phase.CLAIM:
            return sprints
        case Phase.BEACON2:
            return view.done.seeds if window.epoch == view.clock.epoch else view.done.seeds_next
        case Phase.REVEAL:
            return view.my_claim is not None or sprints
        case Phase.ROWS_COMMIT | Phase.ROWS_REVEAL:
            return is_juror(view)
        case Phase.DISPUTE_COMMIT | Phase.DISPUTE_REVEAL:
            return bool(list_disputes(view))
        case Phase.SERVE:
            return can_commit(view) or bool(view.dealing.beacon_key)
        case _:
            return False


def _sprints_next(view: View) -> bool:
    host = view.registration
    return host is not None and not host.left_epoch and host.jailed_until_epoch <= view.clock.epoch + 1


def advise_restart(view: View, journal: JournalView) -> RestartAdvice:
    """Whether now is a good time to restart.  A bad one loses nothing that is done; it may cost time or a duty."""
    clock = view.clock
    if clock.phase in {Phase.SPRINT, Phase.CLAIM} and is_sprinting(view):
        left_ms = clock.blocks_left * clock.block_ms
        return RestartAdvice(
            is_safe=False, reason=f"a Sprint is running: no proofs while down; {_say(left_ms)} are left"
        )
    opens_in_ms = _until_sprint_ms(view)
    if opens_in_ms is not None and opens_in_ms <= RESTART_MS:
        reason = f"a Sprint opens in {_say(opens_in_ms)}, sooner than a restart may take"
        return RestartAdvice(is_safe=False, reason=reason)
    due = find_next_duty(view, journal)
    if due is None:
        return RestartAdvice(is_safe=True, reason="nothing is due")
    words = f"{due.duty.value.replace('_', ' ')} is due by height {due.window.last}, in {_say(due.closes_in_ms)}"
    if due.opens_in_ms == 0:
        return RestartAdvice(is_safe=False, reason=f"{words}; wait until it is done")
    if due.closes_in_ms <= RESTART_MS:
        return RestartAdvice(is_safe=False, reason=f"{words}, sooner than a restart may take")
    return RestartAdvice(is_safe=True, reason=f"nothing is due now; {words}")


def format_duration(seconds: int) -> str:
    """Seconds as people say them: 90 s, 45 min, 3 h 5 min."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def _say(milliseconds: int) -> str:
    return format_duration(milliseconds // 1000)


def _until_sprint_ms(view: View) -> int | None:
    """How long until the host's next Sprint opens, None where it has none in sight."""
    clock = view.clock
    for window in list_windows(view):
        sprints = is_sprinting(view) if window.epoch == clock.epoch else _sprints_next(view)
        if window.phase is Phase.SPRINT and window.first > clock.height and sprints:
            return (window.first - clock.height - 1) * clock.block_ms
    return None


def forecast_sprint(view: View, *, nonces_per_s: float, minted_ngonka: int) -> Forecast:
    """What the next Sprint should bring at `nonces_per_s`, if others prove what the table says.

    `minted_ngonka` is what the last settled epoch minted; all of it is taken to be shared by effective units.
    """
    sprint, clock, host = view.rules.sprint, view.clock, view.registration
    expected = nonces_per_s * sprint.sprint_blocks * clock.block_ms / 1000 / sprint.threshold.one_in
    hits = min(math.floor(expected), sprint.max_count)
    units = hits * sprint.threshold.one_in * sprint.unit_scale
    effective = compute_effective_units(units, host.stake_ngonka if host else 0, view.rules.stake)
    others = sum(weight for other, weight in view.table.items() if other != view.me)
    return Forecast(
        hits=hits,
        hits_spread=math.ceil(math.sqrt(expected)),
        units=units,
        effective_units=effective,
        reward_ngonka=minted_ngonka * effective // max(effective + others, 1),
    )
