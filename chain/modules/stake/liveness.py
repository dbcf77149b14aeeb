"""Who signed the block before: a validator that missed too many blocks loses its power.

Votes name validators by the address of their key, which is one host's for ever: nothing is read from the set or the
table in force, which may be younger than the votes.
"""

from __future__ import annotations

from collections.abc import Iterable

from chain.context import Context
from chain.engine.application import Vote
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start
from chain.modules.stake import state
from rules.addresses import encode_address
from rules.power import has_signed_enough
from rules.types import Host


def process_votes(ctx: Context, votes: Iterable[Vote]) -> None:
    """Note who signed the block before this one, and take power from who signed less than half of the last blocks."""
    epoch, in_set = get_epoch_start(ctx.store).epoch, state.get_validators(ctx.store)
    for vote in votes:
        key = state.find_key(ctx.store, vote.validator)
        host = None if key is None else state.get_key_owner(ctx.store, key)
        if key is None or host is None or state.get_host(ctx.store, host) is None:
            continue
        if vote.signed and state.get_signed_epoch(ctx.store, host) != epoch:
            state.set_signed_epoch(ctx.store, host, epoch)
        if key in in_set:  # one that is out already has two blocks to sign yet
            _count(ctx, host, key, missed=not vote.signed)


def _count(ctx: Context, host: Host, key: bytes, *, missed: bool) -> None:
    params = get_frozen(ctx.store).stake
    window = params.downtime_window_blocks
    before, bit = state.get_missed(ctx.store, key, window), 1 << (ctx.height - 1) % window
    after = before | bit if missed else before & ~bit
    if after != before:
        state.set_missed(ctx.store, key, window, after)
    if missed and not has_signed_enough(window - after.bit_count(), params):
        _take_power(ctx, host, key)


def _take_power(ctx: Context, host: Host, key: bytes) -> None:
    """Until the host registers again, and an epoch has ended."""
    record = state.find_host(ctx.store, host)
    record.down = True
    state.set_host(ctx.store, host, record)
    state.drop_validator(ctx.store, key)
    ctx.emit("validator_down", height=ctx.height, host=encode_address(host), consensus_pubkey=key.hex())
