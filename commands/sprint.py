"""`gnk sprint`: where the epoch stands, and what each Sprint proved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from commands.amounts import format_gnk
from commands.call import Call, reads
from commands.output import Json
from commands.reading import describe_phase, format_wait, read_epoch, read_summary
from commands.writing import acting_address

if TYPE_CHECKING:
    from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary, Outcome


MISHAPS: Final[dict[str, Json]] = {"mismatched": 0, "slashed": "0 GNK", "missed": "-"}


@click.group()
def group() -> None:
    """Where the epoch stands, and what each Sprint proved."""


@group.command()
@reads
def status(call: Call) -> None:
    """The running epoch: phase, deadlines, seeds."""
    from wire.gonka.sprint.v1.sprint_pb2 import Phase

    s = read_epoch(call)
    phase = Phase.Name(s.phase)
    call.emit(
        {
            "epoch": s.epoch,
            "height": s.height,
            "phase": phase.removeprefix("PHASE_"),
            "meaning": describe_phase(phase, s.round_late_blocks),
            "phase_ends_in": format_wait(s.phase_last_height - s.height, s.block_ms),
            "phase_last_height": s.phase_last_height,
            "round_late_blocks": s.round_late_blocks,
            "epoch_last_height": s.last_height,
            "epoch_ends_in": format_wait(s.last_height - s.height, s.block_ms),
            "profile": s.sprint_params.profile,
            "sprint_seed": s.sprint_seed.hex() or None,
            "sample_seed": s.sample_seed.hex() or None,
        }
    )


@group.command()
@click.argument("epoch", type=click.IntRange(1, 2**63 - 1))
@reads
def show(call: Call, epoch: int) -> None:
    """How EPOCH was settled, host by host.

    Columns in which nothing happened are left out; --json has them.
    """
    summary = read_summary(call, epoch)
    value: dict[str, Json] = {
        "epoch": epoch,
        "settled": not summary.unsettled,
        "minted": format_gnk(summary.minted_ngonka),
        "slashed": format_gnk(summary.slashed_ngonka),
        "hosts": choose_columns(call, [describe_outcome(o) for o in summary.outcomes]),
    }
    call.emit(value)


@group.command(short_help="What a host proved and earned, epoch by epoch.")
@click.argument("address", required=False)
@click.option("--epochs", type=click.IntRange(1, 64), default=10, show_default=True, help="How far to look back.")
@reads
def history(call: Call, address: str | None, epochs: int) -> None:
    """What a host proved and earned, epoch by epoch; yours without ADDRESS.

    Columns in which nothing happened are left out; --json has them.
    """
    host = address or acting_address(call)
    last = read_epoch(call).epoch
    rows: list[dict[str, Json]] = []
    for epoch in range(max(1, last - epochs), last + 1):
        summary = _read_settled(call, epoch)
        if summary is not None:
            rows += [{"epoch": epoch, **_without_host(describe_outcome(o))} for o in summary.outcomes if o.host == host]
    call.emit(choose_columns(call, rows))


def describe_outcome(outcome: Outcome) -> dict[str, Json]:
    """An epoch's meaning for one host, in the words of the tables."""
    from wire.gonka.sprint.v1.sprint_pb2 import Verdict

    return {
        "host": outcome.host,
        "claimed": outcome.claimed,
        "mismatched": outcome.mismatched,
        "verdict": Verdict.Name(outcome.verdict).removeprefix("VERDICT_").replace("UNSPECIFIED", "-"),
        "units": outcome.units,
        "reward": format_gnk(outcome.reward_ngonka),
        "pending": format_gnk(outcome.reward_pending_ngonka),
        "slashed": format_gnk(outcome.slashed_ngonka),
        "missed": "; ".join(outcome.missed) or "-",
    }


def choose_columns(call: Call, records: list[dict[str, Json]]) -> list[Json]:
    """The records, for people without the columns of mishaps in which each says that there was none."""
    idle = {name for name, nothing in MISHAPS.items() if all(record[name] == nothing for record in records)}
    dropped = set() if call.as_json else idle
    return [{name: value for name, value in record.items() if name not in dropped} for record in records]


def _without_host(record: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in record.items() if name != "host"}


def _read_settled(call: Call, epoch: int) -> EpochSummary | None:
    from chain_client.errors import ClientError
    from rules.errors import RuleError

    try:
        return read_summary(call, epoch)
    except (ClientError, RuleError) as error:
        if error.code == "not_found":
            return None
        raise
