"""Evidence that a validator signed two blocks of one height: it is slashed and jailed, and its key is retired."""

from __future__ import annotations

from collections.abc import Iterable

from chain.context import Context
from chain.engine.application import Misbehavior
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start
from chain.modules.stake import state
from rules.addresses import encode_address
from rules.types import Host


def process_misbehavior(ctx: Context, evidence: Iterable[Misbehavior]) -> None:
    """Punish each key once, whatever else is shown of it; what nobody registered is nobody's."""
    for one in evidence:
        key = state.find_key(ctx.store, one.validator)
        host = None if key is None else state.get_key_owner(ctx.store, key)
        if key is None or host is None or state.is_retired(ctx.store, key):
            continue
        state.retire_key(ctx.store, key, one.height)
        state.drop_validator(ctx.store, key)
        if state.get_host(ctx.store, host) is not None:
            _punish(ctx, host, key, one.height)


def _punish(ctx: Context, host: Host, key: bytes, height: int) -> None:
    """Slash stake and unbonding stake, and weigh nothing at the next `jail_epochs` SETTLEs."""
    params, epoch = get_frozen(ctx.store).stake, get_epoch_start(ctx.store).epoch
    burned = state.slash_stake(ctx.store, host, params.double_sign_slash_ppm)
    next_settle = epoch + (state.table_epoch(ctx.store) == epoch)
    record = state.find_host(ctx.store, host)
    record.jailed_until_epoch = max(record.jailed_until_epoch, next_settle + params.jail_epochs)
    if record.consensus_pubkey == key:
        record.consensus_pubkey = b""
    if record.next_consensus_pubkey == key:
        record.next_consensus_pubkey = b""
    state.set_host(ctx.store, host, record)
    address = encode_address(host)
    ctx.emit("double_signed", height=height, host=address, consensus_pubkey=key.hex(), jailed=record.jailed_until_epoch)
    ctx.emit("slashed", epoch=epoch, host=address, amount_ngonka=burned, cause="double_sign")
