"""Who signs blocks, with what power, from one SETTLE to the next."""

from __future__ import annotations

from chain.context import Context
from chain.modules.params.state import get_frozen
from chain.modules.stake import state
from rules.power import Candidate, compute_power


def process_power(ctx: Context, epoch: int) -> tuple[tuple[bytes, int], ...]:
    """Let waiting consensus keys take over and write the set that the table of `epoch` gives.

    Returns what changed: (ed25519 key, power), 0 for who is out.  Whoever was in the set counts as having signed.
    Where nobody would have power, the set stays as it is.
    """
    before = state.get_validators(ctx.store)
    signed = {state.get_key_owner(ctx.store, key) for key in before}
    _change_keys(ctx)
    weights = state.get_weights(ctx.store, epoch)
    hosts = {host: record for host, record in state.scan_hosts(ctx.store) if record.consensus_pubkey}
    candidates = [
        Candidate(
            host=host,
            effective_units=weights.get(host, 0),
            newcomer=host not in signed,
            down=record.down or record.jailed_until_epoch > epoch,
        )
        for host, record in hosts.items()
    ]
    power = compute_power(candidates, get_frozen(ctx.store).stake)
    after = {hosts[host].consensus_pubkey: value for host, value in power.items()} or before
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    for key in changed:
        state.set_validator(ctx.store, key, after.get(key, 0))
    return tuple([(key, after.get(key, 0)) for key in changed])


def _change_keys(ctx: Context) -> None:
    for host, record in list(state.scan_hosts(ctx.store)):
        if record.next_consensus_pubkey:
            record.consensus_pubkey = record.next_consensus_pubkey
            record.next_consensus_pubkey = b""
            state.set_host(ctx.store, host, record)
