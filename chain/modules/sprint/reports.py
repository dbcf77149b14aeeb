"""Verifiers report rows, jurors vote on disputes: each is committed first, then revealed."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.handler import Handler
from chain.modules.params.state import get_frozen
from chain.modules.sprint import state
from chain.modules.sprint.window import check_window
from chain.modules.stake import state as stake
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.sampling import DIGEST_BYTES, encode_bits, encode_rows
from rules.seeds import compute_dispute_commitment, compute_rows_commitment
from rules.types import Dispute, Host, Phase, Row
from rules.verdicts import STOPPED_DIGEST, list_judged
from wire.gonka.sprint.v1.sprint_pb2 import DisputeVote, RowSet
from wire.gonka.sprint.v1.tx_pb2 import (
    MsgCommitDispute,
    MsgCommitDisputeResponse,
    MsgCommitRows,
    MsgCommitRowsResponse,
    MsgRevealDispute,
    MsgRevealDisputeResponse,
    MsgRevealRows,
    MsgRevealRowsResponse,
)

COMMITMENT_BYTES: Final = 32
SALT_BYTES: Final = 32


def commit_rows(ctx: Context, message: MsgCommitRows) -> MsgCommitRowsResponse:
    """A seat holder's promise of its rows."""
    host = Host(decode_address(message.host))
    check_window(ctx, message.epoch, Phase.ROWS_COMMIT, "rows_window_closed")
    if state.get_seats(ctx.store, message.epoch, host) is None:
        raise RuleError("rows_not_seated", f"{message.host} holds no seat in epoch {message.epoch}")
    if len(message.commitment) != COMMITMENT_BYTES:
        raise RuleError("rows_malformed", f"a commitment is {COMMITMENT_BYTES} bytes")
    if state.get_rows(ctx.store, message.epoch, host):
        raise RuleError("rows_twice", "the rows are committed")
    state.set_rows(ctx.store, message.epoch, host, RowSet(verifier=message.host, commitment=message.commitment))
    ctx.emit("rows_committed", epoch=message.epoch, host=message.host)
    return MsgCommitRowsResponse()


def reveal_rows(ctx: Context, message: MsgRevealRows) -> MsgRevealRowsResponse:
    """The rows behind a commitment: one for each claim in which the verifier holds seats."""
    host = Host(decode_address(message.host))
    check_window(ctx, message.epoch, Phase.ROWS_REVEAL, "rows_window_closed")
    record = state.get_rows(ctx.store, message.epoch, host)
    if record is None:
        raise RuleError("commitment_missing", f"{message.host} has committed no rows in epoch {message.epoch}")
    if record.revealed:
        raise RuleError("rows_twice", "the rows are revealed")
    rows = tuple(state.read_row(row) for row in message.rows)
    seats = state.get_seats(ctx.store, message.epoch, host)
    if [row.claimant for row in message.rows] != [seat.claimant for seat in (seats.seats if seats else ())]:
        raise RuleError("rows_not_seated", f"{len(rows)} rows are not those of the seats, in address order")
    for row in rows:
        _check_row(ctx, message.epoch, row)
    _check_salt(message.salt, "rows_malformed")
    found = compute_rows_commitment(ctx.chain_id, message.epoch, host, message.salt, encode_rows(rows))
    if found != record.commitment:
        raise RuleError("rows_mismatch", f"the rows hash to {found.hex()}")
    record.revealed = True
    record.rows.extend(message.rows)
    state.set_rows(ctx.store, message.epoch, host, record)
    ctx.emit("rows_revealed", epoch=message.epoch, host=message.host, rows=len(rows))
    return MsgRevealRowsResponse()


def _check_row(ctx: Context, epoch: int, row: Row) -> None:
    """Positions ascend and were sampled; a verifier that stopped has no digest and names as many as it stops at."""
    reveal = state.get_reveal(ctx.store, epoch, row.claimant)
    positions, stops_at = row.mismatched_positions, get_frozen(ctx.store).sprint.slash_mismatches
    if len(row.sample_digest) != DIGEST_BYTES:
        raise RuleError("rows_malformed", f"a digest is {DIGEST_BYTES} bytes")
    if list(positions) != sorted(set(positions)) or not set(positions) <= set(reveal.positions if reveal else ()):
        raise RuleError("rows_malformed", "positions must ascend and be among the sampled ones")
    stopped = row.sample_digest == STOPPED_DIGEST
    if len(positions) > stops_at or stopped != (len(positions) == stops_at):
        raise RuleError("rows_malformed", f"a verifier stops at {stops_at} mismatches, and then has no digest")


def commit_dispute(ctx: Context, message: MsgCommitDispute) -> MsgCommitDisputeResponse:
    """A juror's promise of its bits."""
    host = Host(decode_address(message.host))
    check_window(ctx, message.epoch, Phase.DISPUTE_COMMIT, "dispute_window_closed")
    if not _list_judged(ctx, message.epoch, host):
        raise RuleError("dispute_not_juror", f"nothing for {message.host} to judge in epoch {message.epoch}")
    if len(message.commitment) != COMMITMENT_BYTES:
        raise RuleError("dispute_malformed", f"a commitment is {COMMITMENT_BYTES} bytes")
    if state.get_vote(ctx.store, message.epoch, host):
        raise RuleError("dispute_twice", "the vote is committed")
    state.set_vote(ctx.store, message.epoch, host, DisputeVote(juror=message.host, commitment=message.commitment))
    ctx.emit("dispute_committed", epoch=message.epoch, host=message.host)
    return MsgCommitDisputeResponse()


def reveal_dispute(ctx: Context, message: MsgRevealDispute) -> MsgRevealDisputeResponse:
    """The bits behind a commitment: one byte for each open dispute whose claimant is not the juror."""
    host = Host(decode_address(message.host))
    check_window(ctx, message.epoch, Phase.DISPUTE_REVEAL, "dispute_window_closed")
    record = state.get_vote(ctx.store, message.epoch, host)
    if record is None:
        raise RuleError("commitment_missing", f"{message.host} has committed no vote in epoch {message.epoch}")
    if record.revealed:
        raise RuleError("dispute_twice", "the vote is revealed")
    body = encode_bits(_list_judged(ctx, message.epoch, host), message.bits)
    _check_salt(message.salt, "dispute_malformed")
    found = compute_dispute_commitment(ctx.chain_id, message.epoch, host, message.salt, body)
    if found != record.commitment:
        raise RuleError("dispute_mismatch", f"the bits hash to {found.hex()}")
    record.revealed, record.bits = True, message.bits
    state.set_vote(ctx.store, message.epoch, host, record)
    ctx.emit("dispute_revealed", epoch=message.epoch, host=message.host, disputes=len(message.bits))
    return MsgRevealDisputeResponse()


def _list_judged(ctx: Context, epoch: int, juror: Host) -> tuple[Dispute, ...]:
    """What a juror votes on; nothing for who has no effective units."""
    if not stake.get_units(ctx.store, stake.table_epoch(ctx.store), juror):
        return ()
    return list_judged(juror, [state.read_dispute(record) for record in state.get_disputes(ctx.store, epoch)])


def _check_salt(salt: bytes, code: str) -> None:
    if len(salt) != SALT_BYTES:
        raise RuleError(code, f"a salt is {SALT_BYTES} bytes")


HANDLERS: Final = (
    Handler(message=MsgCommitRows, apply=commit_rows, gas=30_000, duty=True),
    Handler(message=MsgRevealRows, apply=reveal_rows, gas=100_000, duty=True),
    Handler(message=MsgCommitDispute, apply=commit_dispute, gas=30_000, duty=True),
    Handler(message=MsgRevealDispute, apply=reveal_dispute, gas=50_000, duty=True),
)
