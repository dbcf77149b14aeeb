"""The kind of the beacon."""

from __future__ import annotations

from chain.context import Context
from rules.errors import RuleError
from rules.params import COMMIT_REVEAL
from wire.gonka.params.v1.genesis_pb2 import Genesis


def init(_ctx: Context, genesis: Genesis) -> None:
    """Nothing to write.  Raises: RuleError `params_invalid` for a beacon that this chain cannot run."""
    if genesis.params.beacon.kind != COMMIT_REVEAL:
        raise RuleError("params_invalid", "beacon.kind must be 1, commit-reveal: this version has no other beacon")
