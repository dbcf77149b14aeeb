"""Hosts join and leave; stake comes and goes."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain.context import Context
from chain.modules.bank import state as bank
from chain.modules.handler import Handler
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_claim, get_epoch_start, locate_height
from chain.modules.stake import state
from rules.addresses import decode_address, encode_address
from rules.errors import RuleError
from rules.seeds import consensus_key_message
from rules.types import Host, Phase
from wire.gonka.stake.v1.stake_pb2 import Host as HostRecord
from wire.gonka.stake.v1.tx_pb2 import (
    MsgLeave,
    MsgLeaveResponse,
    MsgRegisterHost,
    MsgRegisterHostResponse,
    MsgStake,
    MsgStakeResponse,
    MsgUnstake,
    MsgUnstakeResponse,
)

KEY_BYTES: Final = 32


def register_host(ctx: Context, message: MsgRegisterHost) -> MsgRegisterHostResponse:
    """A new host, if need be in place of an idle one; or for one there is, another consensus key from the next SETTLE
    on, and an end of `down`.
    """
    host = Host(decode_address(message.host))
    if message.consensus_pubkey or message.consensus_signature:
        check_consensus_key(ctx, host, message.consensus_pubkey, message.consensus_signature)
    record = state.get_host(ctx.store, host) or _create(ctx, host)
    if record.left_epoch:
        raise RuleError("host_left", f"{message.host} left in epoch {record.left_epoch - 1}")
    record.down = False
    if message.consensus_pubkey:
        state.set_key_owner(ctx.store, message.consensus_pubkey, host)
        changes = message.consensus_pubkey != record.consensus_pubkey
        record.next_consensus_pubkey = message.consensus_pubkey if changes else b""
    state.set_host(ctx.store, host, record)
    epoch = get_epoch_start(ctx.store).epoch
    ctx.emit("host_registered", epoch=epoch, host=message.host, consensus_pubkey=message.consensus_pubkey.hex())
    return MsgRegisterHostResponse(sprints_from_epoch=max(epoch, record.registered_epoch + 1))


def check_consensus_key(ctx: Context, host: Host, public_key: bytes, signature: bytes) -> None:
    """Raises RuleError `consensus_key_invalid` for a key not proved by its signature, `consensus_key_taken`."""
    if len(public_key) != KEY_BYTES:
        raise RuleError("consensus_key_invalid", f"a consensus key is {KEY_BYTES} bytes, not {len(public_key)}")
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(signature, consensus_key_message(ctx.chain_id, host))
    except (InvalidSignature, ValueError):
        raise RuleError(
            "consensus_key_invalid", "the signature does not match the key, the chain and the host"
        ) from None
    if state.get_key_owner(ctx.store, public_key) not in {None, host}:
        raise RuleError("consensus_key_taken", f"{public_key.hex()} is another host's")
    if state.is_retired(ctx.store, public_key):
        raise RuleError("consensus_key_taken", f"{public_key.hex()} signed two blocks of one height, and is retired")


def _create(ctx: Context, host: Host) -> HostRecord:
    limit, epoch = get_frozen(ctx.store).sprint.max_hosts, get_epoch_start(ctx.store).epoch
    if state.count_hosts(ctx.store) >= limit:
        idle = _find_idle(ctx, epoch)
        if idle is None:
            raise RuleError("hosts_full", f"there are {limit} hosts", max_hosts=limit)
        _forget(ctx, epoch, idle)
    return state.new_host(host, registered_epoch=epoch)


def _find_idle(ctx: Context, epoch: int) -> Host | None:
    """The longest registered of the hosts that have too little in the network and could have claimed, None without any.

    So registrations, which cost a fee only, cannot use up the places for ever; nor can a few ngonka staked on each.
    """
    sprinted = epoch if locate_height(ctx.store, ctx.height).phase > Phase.CLAIM else epoch - 1
    least = max(1, get_frozen(ctx.store).sprint.claim_bond_ngonka)
    idle = sorted(
        (record.registered_epoch, host)
        for host, record in state.scan_hosts(ctx.store)
        if record.registered_epoch < sprinted and record.stake_ngonka < least
    )
    return next((host for _, host in idle if not _has_part(ctx, epoch, host, least)), None)


def _has_part(ctx: Context, epoch: int, host: Host, least_ngonka: int) -> bool:
    """Whether a host has units, a claim, or at least so much of stake and unbonding stake together."""
    in_table = ctx.store.get(state.table_key(state.table_epoch(ctx.store), host)) is not None
    if in_table or get_claim(ctx.store, epoch, host) is not None:
        return True
    unbonding = sum(entry.amount_ngonka for _, entry in state.scan_unbonding(ctx.store, host))
    return state.find_host(ctx.store, host).stake_ngonka + unbonding >= least_ngonka


def _forget(ctx: Context, epoch: int, host: Host) -> None:
    """Let a host's place go; what little it staked unbonds."""
    record = state.find_host(ctx.store, host)
    if record.stake_ngonka:
        _unbond(ctx, host, record, record.stake_ngonka)
    state.delete_host(ctx.store, host)
    ctx.emit("host_forgotten", epoch=epoch, host=encode_address(host))


def leave(ctx: Context, message: MsgLeave) -> MsgLeaveResponse:
    """No Sprint from the next epoch on; all stake unbonds."""
    host, record = _find_active(ctx, message.host)
    record.left_epoch = get_epoch_start(ctx.store).epoch + 1
    release_epoch = _unbond(ctx, host, record, record.stake_ngonka)
    ctx.emit("host_left", epoch=record.left_epoch - 1, host=message.host, release_epoch=release_epoch)
    return MsgLeaveResponse(release_epoch=release_epoch)


def stake(ctx: Context, message: MsgStake) -> MsgStakeResponse:
    """Balance becomes stake."""
    host, record = _find_active(ctx, message.host)
    _check_amount(message.amount_ngonka)
    bank.send(ctx.store, host, state.STAKE_POOL, message.amount_ngonka)
    record.stake_ngonka += message.amount_ngonka
    state.set_host(ctx.store, host, record)
    epoch = get_epoch_start(ctx.store).epoch
    ctx.emit("staked", epoch=epoch, host=message.host, amount_ngonka=message.amount_ngonka)
    return MsgStakeResponse()


def unstake(ctx: Context, message: MsgUnstake) -> MsgUnstakeResponse:
    """Stake becomes unbonding stake, which no longer backs units and can still be slashed."""
    host, record = _find_active(ctx, message.host)
    _check_amount(message.amount_ngonka)
    if message.amount_ngonka > record.stake_ngonka:
        detail = f"{message.amount_ngonka} ngonka of a stake of {record.stake_ngonka}"
        raise RuleError("unstake_too_much", detail, stake=record.stake_ngonka)
    release_epoch = _unbond(ctx, host, record, message.amount_ngonka)
    amount, epoch = message.amount_ngonka, get_epoch_start(ctx.store).epoch
    ctx.emit("unstaked", epoch=epoch, host=message.host, amount_ngonka=amount, release_epoch=release_epoch)
    return MsgUnstakeResponse(release_epoch=release_epoch)


def _find_active(ctx: Context, address: str) -> tuple[Host, HostRecord]:
    host = Host(decode_address(address))
    record = state.find_host(ctx.store, host)
    if record.left_epoch:
        raise RuleError("host_left", f"{address} left in epoch {record.left_epoch - 1}")
    return host, record


def _check_amount(amount: int) -> None:
    if amount <= 0:
        raise RuleError("amount_invalid", f"{amount} ngonka")


def _unbond(ctx: Context, host: Host, record: HostRecord, amount: int) -> int:
    """Writes the host too.  Returns the epoch of release."""
    release_epoch = get_epoch_start(ctx.store).epoch + get_frozen(ctx.store).stake.unbonding_epochs
    waiting = state.get_unbonding(ctx.store, host, release_epoch)
    state.set_unbonding(ctx.store, host, release_epoch, waiting + amount)
    record.stake_ngonka -= amount
    state.set_host(ctx.store, host, record)
    return release_epoch


HANDLERS: Final = (
    # reads every host
    Handler(message=MsgRegisterHost, apply=register_host, gas=3_000_000),
    Handler(message=MsgLeave, apply=leave, gas=50_000),
    Handler(message=MsgStake, apply=stake, gas=30_000),
    Handler(message=MsgUnstake, apply=unstake, gas=30_000),
)
