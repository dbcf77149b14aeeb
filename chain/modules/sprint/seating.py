"""What follows when REVEAL and ROWS are over: who sits on which claim, and which nonces are contested."""

from __future__ import annotations

from collections import Counter

from chain.context import Context
from chain.modules.beacon.state import get_seed
from chain.modules.params.state import get_frozen
from chain.modules.sprint import state
from chain.modules.stake import state as stake
from rules.addresses import encode_address
from rules.sampling import Holders, draw_seats
from rules.types import Host, Round
from rules.verdicts import open_disputes
from wire.gonka.sprint.v1.sprint_pb2 import Dispute, Seat, Seats


def process_seats(ctx: Context, epoch: int) -> None:
    """Draw the seats of every claim that is revealed and in order, and write them by verifier."""
    seed, seats = get_seed(ctx.store, epoch, Round.SAMPLE), get_frozen(ctx.store).sprint.seats
    holders = Holders.of(stake.get_weights(ctx.store, stake.table_epoch(ctx.store)))
    held: dict[Host, Seats] = {}
    for claimant, _ in state.scan_reveals(ctx.store, epoch):
        for verifier, count in Counter(draw_seats(seed, epoch, claimant, holders, seats)).items():
            record = held.setdefault(verifier, Seats(verifier=encode_address(verifier)))
            record.seats.append(Seat(claimant=encode_address(claimant), count=count))
    for verifier, record in held.items():
        state.set_seats(ctx.store, epoch, verifier, record)


def process_disputes(ctx: Context, epoch: int) -> None:
    """Open a dispute on the lowest nonce that each revealed row names."""
    leaves, tags = {}, {}
    for claimant, reveal in state.scan_reveals(ctx.store, epoch):
        leaves[claimant] = dict(zip(reveal.positions, reveal.nonces, strict=True))
        tags[claimant] = {nonce: reveal.tags[8 * i : 8 * i + 8] for i, nonce in enumerate(reveal.nonces)}
    rows = [state.read_row(row) for _, record in state.scan_rows(ctx.store, epoch) for row in record.rows]
    for dispute in open_disputes(leaves, rows):
        tag = tags[dispute.claimant][dispute.nonce]
        record = Dispute(claimant=encode_address(dispute.claimant), nonce=dispute.nonce, tag=tag)
        state.set_dispute(ctx.store, epoch, record)
        ctx.emit("dispute_opened", epoch=epoch, host=record.claimant, nonce=dispute.nonce)
