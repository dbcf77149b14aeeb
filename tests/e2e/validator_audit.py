"""What validators did, by the block log of one of them, and what their clients say of what they did not do.

A host must do every duty in whose window, and a little before, nothing was done to it; what it did not do, whatever was
done to it, its client lists with a cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chain.engine.application import Event
from chain.engine.blocklog import LoggedBlock, scan_blocks
from chain.handlers import HANDLERS
from chain.modules.beacon.state import get_seed
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_summary
from chain.process import DATA_FILE
from chain.round_signature import is_signature
from chain.store.store import Store
from chain_client.journal import Journal
from chain_client.review import NO_CLAIM, NO_DEAL
from rules.params import Params
from rules.schedule import EpochStart, locate_dealing, phase_span
from rules.types import Phase, Round
from tests.e2e.uptime import Span
from wire.gonka.sprint.v1.sprint_pb2 import VERDICT_REJECTED, VERDICT_VOID, EpochSummary, Verdict

from cosmos.tx.v1beta1.tx_pb2 import TxBody, TxRaw

BEFORE_MS = 3_000
"""A duty is begun with the block before its window; who was disturbed so shortly before may be late."""
WINDOWS = (
    ("leaves of the claim", (Phase.REVEAL,)),
    ("no row on the claim", (Phase.ROWS_COMMIT, Phase.ROWS_REVEAL)),
    ("no vote on the open disputes", (Phase.DISPUTE_COMMIT, Phase.DISPUTE_REVEAL)),
    ("secret for the Sprint's seed", (Phase.SEED,)),
    ("secret for the sample's seed", (Phase.BEACON2,)),
    (NO_CLAIM, (Phase.SPRINT, Phase.CLAIM)),
)
REPEATABLE = {"MsgClaim", "MsgComplain", "MsgStake", "MsgRegisterHost", "MsgSetBeaconKey"}


@dataclass(frozen=True, kw_only=True)
class Record:
    """A validator's log and state, read while it does not run."""

    blocks: tuple[LoggedBlock, ...]
    summaries: Mapping[int, EpochSummary]
    seeds: Mapping[tuple[int, Round], bytes]
    params: Params

    @property
    def hashes(self) -> list[tuple[bytes, bytes]]:
        return [(logged.block.hash, logged.result.app_hash) for logged in self.blocks]

    def named(self, kind: str) -> list[tuple[int, dict[str, str]]]:
        """(height, attributes) of the events of a kind."""
        return [
            (logged.block.height, dict(event.attributes))
            for logged in self.blocks
            for event in _list_events(logged)
            if event.type == kind
        ]

    def start(self, epoch: int) -> EpochStart:
        """Where an epoch began, and how late its rounds were."""
        first = {int(told["epoch"]): height for height, told in self.named("epoch_begun")}
        late = Counter((int(told["epoch"]), told["round"]) for _, told in self.named("round_delayed"))
        dealt = {int(told["epoch"]) for _, told in self.named("key_dealt")}
        beacon = self.params.beacon
        revealing = 0 if epoch in dealt else beacon.reveal_blocks - beacon.round_blocks
        return EpochStart(
            epoch=epoch,
            first_height=first[epoch] if epoch else 1,
            seed_delay=late[epoch, "sprint"] + revealing,
            sample_delay=late[epoch, "sample"] + revealing,
        )

    def span(self, first: int, last: int) -> Span:
        """From the block before a height to another."""
        times = [logged.block.time_ns // 10**6 for logged in self.blocks]
        return Span(first_ms=times[max(first - 2, 0)] - BEFORE_MS, last_ms=times[min(last, len(times)) - 1])


def _list_events(logged: LoggedBlock) -> Iterator[Event]:
    yield from logged.result.events
    for result in logged.result.tx_results:
        yield from result.events


def read_record(home: Path) -> Record:
    store = Store.open(home / DATA_FILE)
    try:
        blocks = tuple(scan_blocks(store.latest.records))
        found = (get_summary(store.latest, epoch) for epoch in range(1, len(blocks)))
        return Record(
            blocks=blocks,
            summaries={summary.epoch: summary for summary in found if summary is not None},
            seeds={
                (epoch, beacon_round): seed
                for epoch in range(1, len(blocks))
                for beacon_round in Round
                if (seed := get_seed(store.latest, epoch, beacon_round))
            },
            params=get_frozen(store.latest),
        )
    finally:
        store.close()


def list_done(record: Record) -> Iterator[tuple[str, str, int]]:
    """(host, message and epoch, code) of every message in a block."""
    for logged in record.blocks:
        for tx, result in zip(logged.block.txs, logged.result.tx_results, strict=True):
            for packed in [] if is_signature(tx) else TxBody.FromString(TxRaw.FromString(tx).body_bytes).messages:
                message = HANDLERS[packed.TypeName()].message()
                packed.Unpack(message)
                what = message.DESCRIPTOR.name
                parts = [str(getattr(message, name)) for name in ("epoch", "round") if hasattr(message, name)]
                yield str(getattr(message, "host", "")), " ".join([what, *parts]), result.code


def find_faults(
    record: Record, addresses: Mapping[str, str], outages: Mapping[str, list[Span]], journals: Mapping[str, Journal]
) -> Iterator[str]:
    """Everything that must not be, in words.  Hosts by name; what disturbed each of them."""
    done = Counter((host, what) for host, what, code in list_done(record) if code == 0)
    for (host, what), times in done.items():
        if times > 1 and what.split()[0] not in REPEATABLE:
            yield f"{host}: {what} took effect {times} times"
    for host, what, code in list_done(record):
        if code:
            yield f"{host}: {what} failed with {code}"
    reviewed = min(journal.read(0).reviewed for journal in journals.values())
    for epoch in [epoch for epoch in record.summaries if epoch <= reviewed]:
        for name, address in addresses.items():
            yield from _find_faults_of(record, epoch, name, address, outages[name], journals[name])


def _find_faults_of(
    record: Record, epoch: int, name: str, address: str, outages: list[Span], journal: Journal
) -> Iterator[str]:
    outcome = next(one for one in record.summaries[epoch].outcomes if one.host == address)
    if outcome.verdict in {VERDICT_REJECTED, VERDICT_VOID}:
        yield f"{name}: the honest claim of epoch {epoch} is {Verdict.Name(outcome.verdict)}"
    listed = {words: cause for at, words, cause in journal.read_misses() if at == epoch}
    missed = {*outcome.missed, *([] if outcome.claimed else [NO_CLAIM])}
    for words in missed - listed.keys():
        yield f"{name}: epoch {epoch}: {words!r} is missed, and its client does not list it"
    for words in [*missed, *({NO_DEAL} & listed.keys())]:
        window = _find_window(record, epoch, words)
        if not any(outage.first_ms < window.last_ms and outage.last_ms > window.first_ms for outage in outages):
            yield f"{name}: epoch {epoch}: {words!r} is missed ({listed.get(words)}), and nothing was done to it"


def _find_window(record: Record, epoch: int, words: str) -> Span:
    if words == NO_DEAL:
        place = locate_dealing(record.start(epoch - 1), record.params)
        return record.span(place.deal_first, place.deal_last)
    phases = next(phases for start, phases in WINDOWS if words.startswith(start))
    spans = [phase_span(record.start(epoch), record.params, phase) for phase in phases]
    return record.span(spans[0][0], spans[-1][1])
