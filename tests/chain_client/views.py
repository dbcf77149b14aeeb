"""A view to start from, and what to change in it."""

from dataclasses import replace
from typing import Any

from chain_client.effects import Leaf
from chain_client.view import ClaimState, Clock, Done, Registration, Rules, View
from rules.params import GNK, Params
from rules.presets import LOCAL
from rules.schedule import EpochStart, locate, phase_span
from rules.types import Claim, Host, Phase

ME, BOB, CAT = (Host(bytes([n]) * 20) for n in (1, 2, 3))
SPRINT_SEED, SAMPLE_SEED = bytes(range(32)), bytes(range(32, 64))
START = EpochStart(epoch=3, first_height=1001)
GENESIS = EpochStart(epoch=0, first_height=1)


def make_clock(phase: Phase, block: int = 0, params: Params = LOCAL) -> Clock:
    """The next block is the `block`-th (from 0; negative: from the end) of the phase, in epoch 3 or epoch 0."""
    start = GENESIS if phase is Phase.GENESIS else START
    first, last = phase_span(start, params, phase)
    place = locate(start, params, first + block if block >= 0 else last + 1 + block)
    return Clock(
        height=(first + block if block >= 0 else last + 1 + block) - 1,
        epoch=place.epoch,
        phase=phase,
        phase_first=first,
        phase_last=last,
        epoch_last=place.epoch_last,
        block_ms=params.auth.block_ms,
    )


def make_claim(host: Host, count: int = 60, **changes: Any) -> ClaimState:
    claim = Claim(host=host, count=count, root=bytes([host[0]]) * 32)
    return replace(ClaimState(claim=claim, updates=1, revealed=False, void=False), **changes)


def make_leaf(host: Host, nonce: int = 5) -> Leaf:
    return Leaf(claimant=host, nonce=nonce, tag=bytes(8))


def make_view(phase: Phase, block: int = 0, **changes: Any) -> View:
    """Three hosts with equal weight; this one registered long ago and has done nothing in this epoch."""
    view = View(
        chain_id="Test_Chain-1",
        me=ME,
        clock=make_clock(phase, block),
        rules=Rules(sprint=LOCAL.sprint, beacon=LOCAL.beacon, stake=LOCAL.stake),
        sprint_seed=SPRINT_SEED if Phase.SPRINT <= phase < Phase.SERVE else b"",
        sample_seed=SAMPLE_SEED if Phase.REVEAL <= phase < Phase.SERVE else b"",
        registration=Registration(
            registered_epoch=0,
            left_epoch=0,
            jailed_until_epoch=0,
            stake_ngonka=100 * GNK,
            consensus_pubkey=b"",
            down=False,
        ),
        balance_ngonka=GNK,
        table={ME: 5000, BOB: 5000, CAT: 5000},
        claims=(),
        done=Done(),
        disputes=(),
    )
    return replace(view, **changes)
