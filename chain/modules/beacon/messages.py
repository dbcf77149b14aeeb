"""Secrets are committed in SERVE of the epoch before, and revealed in the round."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.beacon import state
from chain.modules.beacon.rounds import ROUNDS
from chain.modules.beacon.threshold.dealing import find_dealing
from chain.modules.handler import Handler
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import locate_height
from chain.modules.stake import state as stake
from rules.addresses import decode_address
from rules.beacon import select_committers
from rules.errors import RuleError
from rules.seeds import compute_seed_commitment
from rules.types import Host, Phase
from wire.gonka.beacon.v1.beacon_pb2 import Commitment
from wire.gonka.beacon.v1.tx_pb2 import (
    MsgCommitSeeds,
    MsgCommitSeedsResponse,
    MsgRevealSeed,
    MsgRevealSeedResponse,
)

COMMITMENT_BYTES: Final = 32


def commit_seeds(ctx: Context, message: MsgCommitSeeds) -> MsgCommitSeedsResponse:
    """Take a host's commitments for the next epoch, and bond `seed_bond_ngonka` of its stake."""
    host, place = Host(decode_address(message.host)), locate_height(ctx.store, ctx.height)
    if place.phase not in {Phase.SERVE, Phase.GENESIS}:
        raise RuleError("commit_window_closed", f"the phase is {place.phase.name}")
    if message.epoch != place.epoch + 1:
        raise RuleError("epoch_wrong", f"secrets are committed for epoch {place.epoch + 1}", epoch=place.epoch + 1)
    _check_needed(ctx, message.epoch)
    if {len(message.sprint_commitment), len(message.sample_commitment)} != {COMMITMENT_BYTES}:
        raise RuleError("commitment_invalid", f"a commitment is {COMMITMENT_BYTES} bytes")
    if state.get_commitment(ctx.store, message.epoch, host):
        raise RuleError("commit_twice", f"{message.host} has committed for epoch {message.epoch}")
    _check_committer(ctx, host)
    commitment = Commitment(
        host=message.host, sprint_commitment=message.sprint_commitment, sample_commitment=message.sample_commitment
    )
    state.set_commitment(ctx.store, message.epoch, host, commitment)
    _bond(ctx, host)
    ctx.emit("seeds_committed", epoch=message.epoch, host=message.host)
    return MsgCommitSeedsResponse()


def _check_needed(ctx: Context, epoch: int) -> None:
    """Where validators deal keys, secrets are committed only once it is known that they deal none for the epoch."""
    dealing = find_dealing(ctx.store)
    if dealing is not None and (ctx.height < dealing.deal_first or state.get_group(ctx.store, epoch)):
        raise RuleError("commit_not_needed", f"a group deals the key of epoch {epoch}")


def _check_committer(ctx: Context, host: Host) -> None:
    if stake.find_host(ctx.store, host).left_epoch:
        raise RuleError("host_left", "who has left commits to nothing")
    limit, table = get_frozen(ctx.store).beacon.max_committers, stake.table_epoch(ctx.store)
    weighs = stake.get_units(ctx.store, table, host) > 0  # asked first: who has no weight must not make us read it all
    if not weighs or host not in select_committers(stake.get_weights(ctx.store, table), limit):
        raise RuleError("committer_not_eligible", f"not among the {limit} hosts with the most effective units")


def _bond(ctx: Context, host: Host) -> None:
    bond, record = get_frozen(ctx.store).beacon.seed_bond_ngonka, stake.find_host(ctx.store, host)
    if record.stake_ngonka < bond:
        detail = f"a stake of {record.stake_ngonka} ngonka, the bond is {bond}"
        raise RuleError("seed_bond_missing", detail, stake=record.stake_ngonka, bond=bond)
    record.seed_bond_ngonka = bond
    stake.set_host(ctx.store, host, record)


def reveal_seed(ctx: Context, message: MsgRevealSeed) -> MsgRevealSeedResponse:
    """Take the secret behind a host's commitment for the round that is open."""
    host, place = Host(decode_address(message.host)), locate_height(ctx.store, ctx.height)
    if message.epoch != place.epoch:
        raise RuleError("epoch_wrong", f"the epoch is {place.epoch}", epoch=place.epoch)
    opened = ROUNDS.get(place.phase)
    if opened is None or opened != int(message.round):
        raise RuleError("reveal_seed_window_closed", f"the phase is {place.phase.name}")
    commitment = state.get_commitment(ctx.store, place.epoch, host)
    if commitment is None:
        raise RuleError("commitment_missing", f"{message.host} has not committed for epoch {place.epoch}")
    name = opened.name.lower()
    if getattr(commitment, f"{name}_secret"):
        raise RuleError("reveal_seed_twice", f"the {name} secret of epoch {place.epoch} is revealed")
    found = compute_seed_commitment(ctx.chain_id, place.epoch, opened, host, message.secret)
    if len(message.secret) != COMMITMENT_BYTES or found != getattr(commitment, f"{name}_commitment"):
        raise RuleError("secret_mismatch", f"the {name} secret of epoch {place.epoch} is another one")
    setattr(commitment, f"{name}_secret", message.secret)
    state.set_commitment(ctx.store, place.epoch, host, commitment)
    ctx.emit("seed_revealed", epoch=place.epoch, host=message.host, round=name)
    return MsgRevealSeedResponse()


HANDLERS: Final = (
    Handler(message=MsgCommitSeeds, apply=commit_seeds, gas=50_000, duty=True),
    Handler(message=MsgRevealSeed, apply=reveal_seed, gas=30_000, duty=True),
)
