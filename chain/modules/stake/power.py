"""Who signs blocks, with what power, from one SETTLE to the next."""

from __future__ import annotations

from chain.context import Context
from chain.modules.params.state import get_frozen
from chain.modules.stake import state
from rules.power import Candidate, compute_power


def process_power(ctx: Context, epoch: int) -> None:
    """Let waiting consensus keys take over and write the set that the table of `epoch` gives.

    Who signed no block of the epoch is a newcomer.  Where nobody would have power, the set stays as it is.
    """
    before = state.get_validators(ctx.store)
    _change_keys(ctx)
    weights = state.get_weights(ctx.store, epoch)
    hosts = {host: record for host, record in state.scan_hosts(ctx.store) if record.consensus_pubkey}
    candidates = [
        Candidate(
            host=host,
            effective_units=weights.get(host, 0),
            newcomer=state.get_signed_epoch(ctx.store, host) < epoch,
            down=record.down or record.jailed_until_epoch > epoch,
        )
        for host, record in hosts.items()
    ]
    power = compute_power(candidates, get_frozen(ctx.store).stake)
    after = {hosts[host].consensus_pubkey: value for host, value in power.items()} or before
    for key, value in state.find_changes(before, after):
        state.set_validator(ctx.store, key, value)


def _change_keys(ctx: Context) -> None:
    for host, record in list(state.scan_hosts(ctx.store)):
        if record.next_consensus_pubkey:
            record.consensus_pubkey = record.next_consensus_pubkey
            record.next_consensus_pubkey = b""
            state.set_host(ctx.store, host, record)
