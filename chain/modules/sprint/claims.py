"""Claims are made in CLAIM and opened in REVEAL."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.bank import state as bank
from chain.modules.beacon.state import get_seed
from chain.modules.handler import Handler
from chain.modules.params.state import get_frozen
from chain.modules.sprint import state
from chain.modules.sprint.window import check_window
from chain.modules.stake import state as stake
from rules.addresses import decode_address
from rules.claims import HASH_BYTES, TAG_BYTES, Multiproof, check_multiproof
from rules.errors import RuleError
from rules.params import SprintParams
from rules.sampling import sample_positions
from rules.types import Claim, Host, Phase, Proof, Round
from wire.gonka.sprint.v1.sprint_pb2 import Claim as ClaimRecord
from wire.gonka.sprint.v1.sprint_pb2 import Reveal
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim, MsgClaimResponse, MsgRevealLeaves, MsgRevealLeavesResponse


def claim(ctx: Context, message: MsgClaim) -> MsgClaimResponse:
    """A host's claim, or a greater one in place of it; the first locks the bond."""
    host, params = Host(decode_address(message.host)), get_frozen(ctx.store).sprint
    check_window(ctx, message.epoch, Phase.CLAIM, "claim_window_closed")
    _check_sprints(ctx, host, message)
    if not 1 <= message.count <= params.max_count:
        raise RuleError("claim_count_invalid", f"{message.count}, the limit is {params.max_count}", count=message.count)
    if len(message.root) != HASH_BYTES:
        raise RuleError("root_invalid", f"{len(message.root)} bytes")
    record = state.get_claim(ctx.store, message.epoch, host)
    if record is None:
        record = _lock_bond(ctx, host, params.claim_bond_ngonka, ClaimRecord(host=message.host))
    else:
        _check_replaces(record, message, params)
    record.count, record.root, record.updates = message.count, message.root, record.updates + 1
    state.set_claim(ctx.store, message.epoch, host, record)
    ctx.emit("claimed", epoch=message.epoch, host=message.host, count=message.count, root=message.root.hex())
    return MsgClaimResponse()


def _check_sprints(ctx: Context, host: Host, message: MsgClaim) -> None:
    record = stake.find_host(ctx.store, host)
    if record.registered_epoch >= message.epoch:
        raise RuleError("not_sprinting", f"the host registered in epoch {record.registered_epoch}")
    if record.left_epoch and record.left_epoch <= message.epoch:
        raise RuleError("not_sprinting", f"the host has left; epoch {record.left_epoch - 1} was its last")


def _check_replaces(record: ClaimRecord, message: MsgClaim, params: SprintParams) -> None:
    if record.updates >= params.claim_updates:
        raise RuleError("claim_updates_spent", f"{record.updates} claims were taken", updates=record.updates)
    if 100 * message.count < 101 * record.count:
        raise RuleError("claim_not_greater", f"{message.count} after {record.count}", before=record.count)


def _lock_bond(ctx: Context, host: Host, bond: int, record: ClaimRecord) -> ClaimRecord:
    """The bond moves from the balance; where that is short, stake that stays in place answers for it."""
    balance, held = bank.get_balance(ctx.store, host), stake.find_host(ctx.store, host)
    record.bond_ngonka = bond
    record.bond_from_stake = balance < bond
    if not record.bond_from_stake:
        bank.send(ctx.store, host, state.BOND_POOL, bond)
    elif held.stake_ngonka - held.seed_bond_ngonka < bond:
        detail = f"the bond is {bond} ngonka; balance {balance}, free stake {held.stake_ngonka - held.seed_bond_ngonka}"
        raise RuleError("claim_bond_missing", detail, bond=bond)
    return record


def reveal_leaves(ctx: Context, message: MsgRevealLeaves) -> MsgRevealLeavesResponse:
    """The sampled leaves of a claim, hashed up to its root; one out of order voids the claim."""
    host = Host(decode_address(message.host))
    check_window(ctx, message.epoch, Phase.REVEAL, "reveal_window_closed")
    record = state.get_claim(ctx.store, message.epoch, host)
    if record is None:
        raise RuleError("claim_missing", f"{message.host} has no claim in epoch {message.epoch}")
    if record.revealed:
        raise RuleError("reveal_twice", f"the claim of epoch {message.epoch} is revealed")
    seed, samples = get_seed(ctx.store, message.epoch, Round.SAMPLE), get_frozen(ctx.store).sprint.samples
    positions = sample_positions(seed, message.epoch, Claim(host=host, count=record.count, root=record.root), samples)
    in_order = check_multiproof(record.root, record.count, positions, _read_leaves(message), _read_proof(message))
    record.revealed, record.void = True, not all(in_order)
    state.set_claim(ctx.store, message.epoch, host, record)
    if not record.void:
        reveal = Reveal(host=message.host, nonces=message.nonces, tags=message.tags, positions=positions)
        state.set_reveal(ctx.store, message.epoch, host, reveal)
    ctx.emit("leaves_revealed", epoch=message.epoch, host=message.host, void=str(record.void).lower())
    return MsgRevealLeavesResponse(void=record.void)


def _read_leaves(message: MsgRevealLeaves) -> tuple[Proof, ...]:
    tags = _cut(message.tags, TAG_BYTES)
    if len(tags) != len(message.nonces):
        raise RuleError("reveal_malformed", f"{len(message.nonces)} nonces and {len(tags)} tags")
    return tuple(Proof(nonce=nonce, tag=tag) for nonce, tag in zip(message.nonces, tags, strict=True))


def _read_proof(message: MsgRevealLeaves) -> Multiproof:
    return Multiproof(siblings=_cut(message.siblings, HASH_BYTES), splits=tuple(message.splits))


def _cut(joined: bytes, size: int) -> tuple[bytes, ...]:
    if len(joined) % size:
        raise RuleError("reveal_malformed", f"{len(joined)} bytes are no whole number of {size}")
    return tuple(joined[i : i + size] for i in range(0, len(joined), size))


HANDLERS: Final = (
    Handler(message=MsgClaim, apply=claim, gas=50_000, duty=True),
    Handler(message=MsgRevealLeaves, apply=reveal_leaves, gas=300_000, duty=True),
)
