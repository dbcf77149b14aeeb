"""The subsidy of epoch 1."""

from __future__ import annotations

from chain.context import Context
from chain.modules.rewards import state
from wire.gonka.params.v1.genesis_pb2 import Genesis


def init(ctx: Context, genesis: Genesis) -> None:
    """Write the subsidy that epoch 1 may mint."""
    state.set_subsidy(ctx.store, genesis.subsidy_ngonka)
