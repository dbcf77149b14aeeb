"""The founding hosts, their consensus keys, and the table before the first SETTLE."""

from __future__ import annotations

from chain.context import Context
from chain.modules.stake import power, state
from chain.modules.stake.messages import check_consensus_key
from rules.addresses import decode_address
from rules.types import Host
from wire.gonka.params.v1.genesis_pb2 import Genesis
from wire.gonka.stake.v1.stake_pb2 import TableEntry


def init(ctx: Context, genesis: Genesis) -> None:
    """Write hosts, keys, table 0 and the first validators.

    Raises: RuleError `consensus_key_invalid`, `consensus_key_taken`.
    """
    table = {}
    for founder in genesis.hosts:
        host = Host(decode_address(founder.address))
        record = state.new_host(host, registered_epoch=0)
        if founder.consensus_pubkey:
            check_consensus_key(ctx, host, founder.consensus_pubkey, founder.consensus_signature)
            state.set_key_owner(ctx.store, founder.consensus_pubkey, host)
            record.consensus_pubkey = founder.consensus_pubkey
        state.set_host(ctx.store, host, record)
        table[host] = TableEntry(host=founder.address, units=founder.units, effective_units=founder.units)
    state.set_table(ctx.store, 0, table)
    power.process_power(ctx, 0)
