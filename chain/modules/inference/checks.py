"""Answers are checked: lots are drawn with the sample's seed, and SETTLE judges what their verifiers reported.

What a host settled in one epoch is opened in the next, under that one's seed.  Source: docs/checking.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from chain.context import Context
from chain.modules.beacon.state import get_seed
from chain.modules.inference import checks_state as state
from chain.modules.inference.offers import list_servers
from chain.modules.inference.showings import take_left_out
from chain.modules.inference.state import find_escrow, get_escrow, get_offer, scan_settled, set_offer
from chain.modules.params.state import get_frozen
from chain.modules.stake.state import get_host, slash_stake
from chain.settlement import Settlement
from rules.addresses import decode_address, encode_address
from rules.answers import Batch, draw_samples, draw_verifiers, order_verifiers
from rules.answers import Lot as LotRule
from rules.evidence import WORST_PPM, Wealth, bet, hold_back, settle_distance_ppm
from rules.params import InferenceParams
from rules.reputation import compute_rate_ppm, grow
from rules.sampling import Holders
from rules.types import Host, Round
from wire.gonka.inference.v1.check_pb2 import CheckSeat, Conduct, Lot, Report, ReportSet, Sample
from wire.gonka.inference.v1.inference_pb2 import Policy, Settled

Found = Mapping[str, Mapping[tuple[int, str], Report]]
"""Revealed reports by verifier, then by escrow and host."""


def process_lots(ctx: Context, epoch: int) -> None:
    """Draw what is opened of the answers that were settled in the epoch before, and who verifies it."""
    state.delete_checks(ctx.store)
    seed = get_seed(ctx.store, epoch, Round.SAMPLE)

    @cache
    def list_inside(model_id: bytes, policy: bytes) -> Holders:
        return order_verifiers(seed, epoch, list_servers(ctx.store, model_id, Policy.FromString(policy)))

    for (escrow_id, _), settled in groupby(scan_settled(ctx.store, epoch - 1), lambda s: (s.escrow_id, s.host)):
        lot, escrow = _read_lot(tuple(settled)), get_escrow(ctx.store, escrow_id)
        if escrow is None or not lot.batches:
            continue
        inside = list_inside(escrow.model_id, escrow.policy.SerializeToString(deterministic=True))
        able = inside if _are_most(inside, list_inside(escrow.model_id, b""), lot.host) else Holders.of({})
        _draw_lot(ctx, epoch, lot, escrow.model_id, able)


def _are_most(inside: Holders, servers: Holders, host: Host) -> bool:
    """Whether those inside a policy hold more than half of the units that serve the model beside the host.

    A developer chooses its policy, and with it who would verify: else one host of little weight could be named alone,
    to acquit or to condemn another.
    """
    return 2 * inside.count_others(host) > servers.count_others(host)


def _read_lot(settled: tuple[Settled, ...]) -> LotRule:
    batches = tuple(
        [Batch(serial=s.serial, root=s.receipts_root, count=s.receipts_count) for s in settled if s.receipts_count]
    )
    return LotRule(host=Host(decode_address(settled[0].host)), escrow_id=settled[0].escrow_id, batches=batches)


def _draw_lot(ctx: Context, epoch: int, lot: LotRule, model_id: bytes, able: Holders) -> None:
    """Nobody may verify: the lot stays unverified, which is said and is no fault of the host."""
    seed, params = get_seed(ctx.store, epoch, Round.SAMPLE), get_frozen(ctx.store).inference
    conduct = state.get_conduct(ctx.store, lot.host, model_id)
    samples = draw_samples(seed, epoch, lot, compute_rate_ppm(conduct.reputation))
    if not samples:
        return
    seats = draw_verifiers(seed, epoch, lot, able, params.answer_seats)
    address = encode_address(lot.host)
    if not seats:
        ctx.emit("answers_unverified", epoch=epoch, host=address, escrow_id=lot.escrow_id)
        return
    record = Lot(escrow_id=lot.escrow_id, host=address, model_id=model_id)
    for sample in samples:
        batch = sample.batch
        record.samples.append(
            Sample(serial=batch.serial, root=batch.root, count=batch.count, positions=sample.positions)
        )
    for verifier, count in sorted(Counter(seats).items()):
        record.seats.append(CheckSeat(verifier=encode_address(verifier), count=count))
    state.set_lot(ctx.store, record)


def process_checks(ctx: Context, settlement: Settlement) -> None:
    """Bet on what most seats of each lot report; grow reputations; a bet that wins too much is a verdict."""
    found = defaultdict(dict, {verifier: _index(reports) for verifier, reports in state.scan_reports(ctx.store)})
    rounds = sorted(_list_rounds(ctx, settlement.epoch), key=lambda one: (one.host, one.model_id, one.escrow_id))
    for (address, model_id), group in groupby(rounds, lambda one: (one.host, one.model_id)):
        host = Host(decode_address(address))
        conduct = state.get_conduct(ctx.store, host, model_id)
        _judge(ctx, settlement, conduct, tuple(group), found)
        if state.read_wealth(conduct).is_alarm:
            _condemn(ctx, settlement, host, conduct)
        state.set_conduct(ctx.store, host, conduct)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One round of the bet: a lot, or an escrow for which the host left out the `request` that was shown; or both."""

    host: str
    model_id: bytes
    escrow_id: int
    lot: Lot | None
    request: int | None


def _list_rounds(ctx: Context, epoch: int) -> Iterator[_Round]:
    lots = {(lot.escrow_id, lot.host): lot for lot in state.scan_lots(ctx.store)}
    shown = {(one.receipt.escrow_id, one.receipt.host): one.receipt.request for one in take_left_out(ctx, epoch)}
    for place in sorted({*lots, *shown}):
        escrow_id, host = place
        lot = lots.get(place)
        model_id = lot.model_id if lot else find_escrow(ctx.store, escrow_id).model_id
        yield _Round(host=host, model_id=model_id, escrow_id=escrow_id, lot=lot, request=shown.get(place))


def _judge(ctx: Context, settlement: Settlement, conduct: Conduct, rounds: tuple[_Round, ...], found: Found) -> None:
    before, passed, null = state.read_wealth(conduct), 0, settlement.params.inference.answer_null_ppm
    wealth = before
    for one in rounds:
        reports = _list_reports(one, found)
        distance = settle_distance_ppm([None if report is None else report.distance_ppm for report in reports])
        if one.request is None:
            passed += _passes(reports, null)
        else:
            distance = WORST_PPM
        wealth = wealth if wealth.is_alarm else bet(wealth, distance, null)
        _tell(ctx, settlement.epoch, one, distance, reports)
    state.fill_wealth(conduct, hold_back(before, wealth))
    conduct.reputation = grow(conduct.reputation, passed)


def _list_reports(one: _Round, found: Found) -> list[Report | None]:
    """What each seat of the round's lot reported."""
    seats = one.lot.seats if one.lot else ()
    return [found[seat.verifier].get((one.escrow_id, one.host)) for seat in seats for _ in range(seat.count)]


def _tell(ctx: Context, epoch: int, one: _Round, distance_ppm: int, reports: list[Report | None]) -> None:
    said = sum(report is not None for report in reports)
    if one.request is not None:
        ctx.emit("receipt_left_out", epoch=epoch, host=one.host, escrow_id=one.escrow_id, request=one.request)
    ctx.emit(
        "answers_checked",
        epoch=epoch,
        host=one.host,
        escrow_id=one.escrow_id,
        distance_ppm=distance_ppm,
        reports=f"{said}/{len(reports)}",
    )


def _index(reports: ReportSet) -> dict[tuple[int, str], Report]:
    return {(report.escrow_id, report.host): report for report in reports.reports}


def _passes(reports: list[Report | None], null_ppm: int) -> bool:
    """More than half of the seats found work there, and it close to the model."""
    near = sum(report is not None and report.tokens > 0 and report.distance_ppm <= null_ppm for report in reports)
    return 2 * near > len(reports)


def _condemn(ctx: Context, settlement: Settlement, host: Host, conduct: Conduct) -> None:
    """Reputation is lost whole, a part of the stake burns, the offer is withdrawn; then the bet begins anew.

    A host that is gone has no stake left.
    """
    params: InferenceParams = settlement.params.inference
    conduct.reputation, conduct.verdict_epoch = 0, settlement.epoch
    state.fill_wealth(conduct, Wealth())
    burned = slash_stake(ctx.store, host, params.answer_slash_ppm) if get_host(ctx.store, host) else 0
    settlement.slashed[host] += burned
    offer = get_offer(ctx.store, host)
    if offer is not None:
        offer.ClearField("model_ids")
        set_offer(ctx.store, host, offer)
    ctx.emit("slashed", epoch=settlement.epoch, host=conduct.host, amount_ngonka=burned, cause="answers")
    ctx.emit("answers_condemned", epoch=settlement.epoch, host=conduct.host, model_id=conduct.model_id.hex())
