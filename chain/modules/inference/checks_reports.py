"""Verifiers report on lots: committed while they are recomputed, revealed when nobody can copy any more."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.handler import Handler
from chain.modules.inference import checks_state as state
from chain.modules.inference.vouchers import check_sender
from chain.modules.sprint.state import locate_height
from chain.modules.sprint.window import check_window
from rules.addresses import decode_address
from rules.answers import SALT_BYTES, Report, compute_reports_commitment
from rules.errors import RuleError
from rules.evidence import WORST_PPM
from rules.types import Host, Phase
from wire.gonka.inference.v1.check_pb2 import (
    MsgCommitReports,
    MsgCommitReportsResponse,
    MsgRevealReports,
    MsgRevealReportsResponse,
    ReportSet,
)

COMMITMENT_BYTES: Final = 32
COMMIT_PHASES: Final = frozenset({Phase.REVEAL, Phase.ROWS_COMMIT, Phase.ROWS_REVEAL, Phase.DISPUTE_COMMIT})


def commit_reports(ctx: Context, message: MsgCommitReports) -> MsgCommitReportsResponse:
    """A seat holder's promise of its reports.

    Raises: RuleError `unauthorized`, `epoch_wrong`, `reports_window_closed`, `reports_not_seated`, `reports_malformed`,
    `reports_twice`.
    """
    place, host = locate_height(ctx.store, ctx.height), Host(decode_address(message.host))
    check_sender(ctx.store, host, decode_address(message.sender))
    check_window(ctx, message.epoch, place.phase, "reports_window_closed")
    if place.phase not in COMMIT_PHASES:
        raise RuleError("reports_window_closed", f"the phase is {place.phase.name}")
    if not any(state.scan_seated(ctx.store, host)):
        raise RuleError("reports_not_seated", f"{message.host} holds no seat in a lot of epoch {message.epoch}")
    if len(message.commitment) != COMMITMENT_BYTES:
        raise RuleError("reports_malformed", f"a commitment is {COMMITMENT_BYTES} bytes")
    if state.get_reports(ctx.store, host):
        raise RuleError("reports_twice", "the reports are committed")
    state.set_reports(ctx.store, host, ReportSet(commitment=message.commitment))
    ctx.emit("reports_committed", epoch=message.epoch, host=message.host)
    return MsgCommitReportsResponse()


def reveal_reports(ctx: Context, message: MsgRevealReports) -> MsgRevealReportsResponse:
    """The reports behind a commitment: one for each lot in which the verifier holds seats.

    Raises: RuleError `unauthorized`, `epoch_wrong`, `reports_window_closed`, `commitment_missing`, `reports_twice`,
    `reports_not_seated`, `reports_malformed`, `reports_mismatch`.
    """
    check_window(ctx, message.epoch, Phase.DISPUTE_REVEAL, "reports_window_closed")
    host = Host(decode_address(message.host))
    check_sender(ctx.store, host, decode_address(message.sender))
    record = state.get_reports(ctx.store, host)
    if record is None:
        raise RuleError("commitment_missing", f"{message.host} has committed no reports in epoch {message.epoch}")
    if record.revealed:
        raise RuleError("reports_twice", "the reports are revealed")
    seated = [(lot.escrow_id, lot.host) for lot in state.scan_seated(ctx.store, host)]
    if [(report.escrow_id, report.host) for report in message.reports] != seated:
        raise RuleError("reports_not_seated", f"{len(message.reports)} reports are not those of the seats, in order")
    if len(message.salt) != SALT_BYTES or any(report.distance_ppm > WORST_PPM for report in message.reports):
        raise RuleError("reports_malformed", f"a salt is {SALT_BYTES} bytes, a distance at most {WORST_PPM}")
    found = compute_reports_commitment(ctx.chain_id, message.epoch, host, message.salt, _read_reports(message))
    if found != record.commitment:
        raise RuleError("reports_mismatch", f"the reports hash to {found.hex()}")
    record.revealed = True
    record.reports.extend(message.reports)
    state.set_reports(ctx.store, host, record)
    ctx.emit("reports_revealed", epoch=message.epoch, host=message.host, reports=len(message.reports))
    return MsgRevealReportsResponse()


def _read_reports(message: MsgRevealReports) -> list[Report]:
    return [
        Report(
            escrow_id=report.escrow_id,
            host=Host(decode_address(report.host)),
            tokens=report.tokens,
            distance_ppm=report.distance_ppm,
        )
        for report in message.reports
    ]


HANDLERS: Final = (
    Handler(message=MsgCommitReports, apply=commit_reports, gas=30_000, duty=True),
    Handler(message=MsgRevealReports, apply=reveal_reports, gas=100_000, duty=True),
)
