"""Epoch 0 begins with block 1."""

from __future__ import annotations

from chain.context import Context
from chain.modules.sprint import state
from rules.schedule import EpochStart
from wire.gonka.params.v1.genesis_pb2 import Genesis


def init(ctx: Context, _genesis: Genesis) -> None:
    """Write where epoch 0 begins."""
    state.set_epoch_start(ctx.store, EpochStart(epoch=0, first_height=1))
