"""A round opens on a block hash and closes with a seed."""

from __future__ import annotations

from chain.context import Context
from chain.modules.beacon import state
from chain.modules.stake import state as stake
from rules.beacon import combine_reveals
from rules.seeds import compute_seed
from rules.types import Host, Round
from wire.gonka.beacon.v1.beacon_pb2 import Commitment


def open_round(ctx: Context, last_block_hash: bytes) -> None:
    """Bind the round to the hash of the last block before it."""
    state.set_round_hash(ctx.store, last_block_hash)


def close_round(ctx: Context, epoch: int, beacon_round: Round) -> None:
    """Compute the seed from what was revealed, and burn the bonds of who did not reveal."""
    name = beacon_round.name.lower()
    secrets = {}
    for host, commitment in list(state.scan_commitments(ctx.store, epoch)):
        secret = getattr(commitment, f"{name}_secret")
        if secret:
            secrets[host] = secret
        else:
            _burn_bond(ctx, epoch, host, commitment)
    seed = compute_seed(
        chain_id=ctx.chain_id,
        epoch=epoch,
        round=beacon_round,
        block_hash=state.get_round_hash(ctx.store),
        beacon_output=combine_reveals(secrets),
    )
    state.set_seed(ctx.store, epoch, beacon_round, seed)
    ctx.emit("seed_known", epoch=epoch, round=name, seed=seed.hex())


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
