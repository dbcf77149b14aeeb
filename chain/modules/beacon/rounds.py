"""A round opens on a block hash and closes with a seed.

Where a key was dealt for the epoch, the round waits for the signature of its group; else it takes what is revealed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chain.context import Context
from chain.modules.beacon import state
from chain.modules.beacon.threshold.dealing import find_key_group
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start, set_epoch_start
from chain.modules.stake import state as stake
from chain.store.kv import Reader
from rules.beacon import combine_reveals
from rules.params import COMMIT_REVEAL
from rules.schedule import EpochStart
from rules.seeds import compute_seed
from rules.types import Host, Phase, Round
from wire.gonka.beacon.v1.beacon_pb2 import Commitment

ROUNDS: Final = {Phase.SEED: Round.SPRINT, Phase.BEACON2: Round.SAMPLE}
"""The round that is open in a phase."""


def open_round(ctx: Context, last_block_hash: bytes) -> None:
    """Bind the round to the hash of the last block before it."""
    state.set_round_hash(ctx.store, last_block_hash)


def plan_rounds(ctx: Context, start: EpochStart) -> EpochStart:
    """The beginning of an epoch, whose rounds are longer by what revealing takes where no key was dealt for it."""
    beacon = get_frozen(ctx.store).beacon
    if beacon.kind == COMMIT_REVEAL or find_key_group(ctx.store, start.epoch):
        return start
    delay = beacon.reveal_blocks - beacon.round_blocks
    return replace(start, seed_delay=delay, sample_delay=delay)


def close_round(ctx: Context, epoch: int, beacon_round: Round) -> bool:
    """Compute the seed, unless the round's signature is missing: then the round is one block longer, and this False."""
    group, name = find_key_group(ctx.store, epoch), beacon_round.name.lower()
    output = getattr(group, f"{name}_signature") if group else _close_reveals(ctx, epoch, name)
    if group and not output:
        _delay_round(ctx, beacon_round)
        return False
    seed = compute_seed(
        chain_id=ctx.chain_id,
        epoch=epoch,
        round=beacon_round,
        block_hash=state.get_round_hash(ctx.store),
        beacon_output=output,
    )
    state.set_seed(ctx.store, epoch, beacon_round, seed)
    ctx.emit("seed_known", epoch=epoch, round=name, seed=seed.hex())
    return True


def count_late_blocks(store: Reader, start: EpochStart, phase: Phase) -> int:
    """By how many blocks the phase's round waits for its signature; 0 where none is open, or none is late."""
    if phase not in ROUNDS or find_key_group(store, start.epoch) is None:
        return 0
    return start.seed_delay if ROUNDS[phase] is Round.SPRINT else start.sample_delay


def _delay_round(ctx: Context, beacon_round: Round) -> None:
    start = get_epoch_start(ctx.store)
    field = "seed_delay" if beacon_round is Round.SPRINT else "sample_delay"
    delay = getattr(start, field) + 1
    set_epoch_start(ctx.store, replace(start, **{field: delay}))
    ctx.emit("round_delayed", epoch=start.epoch, round=beacon_round.name.lower(), blocks=delay)


def _close_reveals(ctx: Context, epoch: int, name: str) -> bytes:
    """What the revealed secrets come to; burns the bonds of who did not reveal."""
    secrets = {}
    for host, commitment in list(state.scan_commitments(ctx.store, epoch)):
        secret = getattr(commitment, f"{name}_secret")
        if secret:
            secrets[host] = secret
        else:
            _burn_bond(ctx, epoch, host, commitment)
    return combine_reveals(secrets)


def release_bonds(ctx: Context, epoch: int) -> None:
    """Free the bonds that are left when the epoch's last round is closed."""
    for host, _ in state.scan_commitments(ctx.store, epoch):
        _set_bond(ctx, host, 0)


def _burn_bond(ctx: Context, epoch: int, host: Host, commitment: Commitment) -> None:
    """Nothing where the first round burned it already."""
    bond = stake.find_host(ctx.store, host).seed_bond_ngonka
    if not bond:
        return
    _set_bond(ctx, host, 0)
    burned = stake.burn_stake(ctx.store, host, bond)
    commitment.burned_ngonka += burned
    state.set_commitment(ctx.store, epoch, host, commitment)
    ctx.emit("seed_bond_burned", epoch=epoch, host=commitment.host, amount_ngonka=burned)


def _set_bond(ctx: Context, host: Host, bond: int) -> None:
    record = stake.find_host(ctx.store, host)
    record.seed_bond_ngonka = bond
    stake.set_host(ctx.store, host, record)
