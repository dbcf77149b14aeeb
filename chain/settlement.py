"""What the steps of a SETTLE hand on to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chain.context import Context
from chain.modules.params.state import get_frozen
from chain.modules.sprint import state as sprint
from chain.modules.stake import state as stake
from rules.params import Params
from rules.types import Host, Table, Verdict
from rules.verdicts import Case, Duty, Ruling
from rules.weights import Standing, Weights
from wire.gonka.sprint.v1.sprint_pb2 import Claim
from wire.gonka.stake.v1.stake_pb2 import TableEntry


@dataclass(slots=True, kw_only=True)
class Settlement:
    """One epoch's settlement in the making; `process_settle` owns it, each step fills what it finds.

    `before` is the table that the epoch read, `table` its effective units.  Money is ngonka: `slashed` and `credited`
    by host, `pending` what is credited at the next SETTLE.
    """

    epoch: int
    params: Params
    before: Mapping[Host, TableEntry]
    table: Table
    claims: Mapping[Host, Claim]
    cases: Mapping[Host, tuple[Case, Ruling]] = field(default_factory=dict)
    verdicts: Mapping[Host, Verdict] = field(default_factory=dict)
    duties: Mapping[Host, Duty] = field(default_factory=dict)
    slashed: Counter[Host] = field(default_factory=Counter)
    standings: tuple[Standing, ...] = ()
    weights: Weights = field(default_factory=lambda: Weights(table={}, unsettled=True))
    credited: Mapping[Host, int] = field(default_factory=dict)
    minted: int = 0
    fees: int = 0
    pending: Mapping[Host, int] = field(default_factory=dict)

    @classmethod
    def open(cls, ctx: Context, epoch: int) -> Settlement:
        """The settlement of the running epoch, before any step."""
        before = stake.get_table(ctx.store, stake.table_epoch(ctx.store))
        return cls(
            epoch=epoch,
            params=get_frozen(ctx.store),
            before=before,
            table={host: entry.effective_units for host, entry in before.items()},
            claims=dict(sprint.scan_claims(ctx.store, epoch)),
        )
