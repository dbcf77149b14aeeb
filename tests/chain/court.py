"""A market whose hosts check each other's answers, for the tests of checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from chain.modules.inference import checks_state
from rules.addresses import decode_address
from rules.answers import Report as ReportRule
from rules.answers import compute_reports_commitment
from rules.presets import MINIMAL
from rules.types import Host, Phase
from rules.vouchers import Tokens
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, Person
from tests.chain.market import Market
from tests.chain.network import SALT, Network
from wire.gonka.inference.v1.check_pb2 import Conduct, Lot, MsgCommitReports, MsgRevealReports, Report
from wire.gonka.inference.v1.tx_pb2 import MsgSettleVoucher

PARAMS = replace(MINIMAL, inference=replace(MINIMAL.inference, answer_seats=5))
NULL = PARAMS.inference.answer_null_ppm
HOSTS = (ANN, BOB, CAT)


@dataclass
class Court:
    """A market in which Ann's answers lie `distance` from the model, and everyone reports what `says` tells."""

    market: Market = field(default_factory=lambda: Market.open(Network(params=PARAMS)))
    serial: int = 0

    @property
    def network(self) -> Network:
        return self.market.network

    def settle(self, escrow_id: int, host: Person = ANN, count: int = 3) -> None:
        self.serial += 1
        voucher = self.market.voucher(escrow_id, host, self.serial, Tokens(tokens_in=1, tokens_out=100 * self.serial))
        root = sha256(bytes([self.serial % 256])).digest() if count else b""
        self.network.send(MsgSettleVoucher(sender=host.text, voucher=voucher, receipts_root=root, receipts_count=count))

    def lots(self) -> list[Lot]:
        return list(checks_state.scan_lots(self.network.store))

    def report(self, person: Person, distance: int, tokens: int = 100) -> MsgRevealReports:
        lots = checks_state.scan_seated(self.network.store, Host(person.address))
        reports = [Report(escrow_id=lot.escrow_id, host=lot.host, tokens=tokens, distance_ppm=distance) for lot in lots]
        return MsgRevealReports(
            sender=person.text, host=person.text, epoch=self.network.epoch, salt=SALT, reports=reports
        )

    def judge(self, says: dict[str, int], tokens: int = 100) -> None:
        """From SERVE of one epoch to SERVE of the next, with reports of those named in `says`."""
        self.network.play(Phase.ROWS_COMMIT)
        seated = {seat.verifier for lot in self.lots() for seat in lot.seats}
        revealed = [self.report(p, says[p.text], tokens) for p in HOSTS if p.text in says and p.text in seated]
        for message in revealed:
            self.network.send(commitment_of(self.network, message))
        self.network.play(Phase.DISPUTE_REVEAL)
        for message in revealed:
            self.network.send(message)
        self.network.play(Phase.SERVE)

    def conduct(self, host: Person = ANN) -> Conduct:
        return checks_state.get_conduct(self.network.store, Host(host.address), self.market.model_id)


def commitment_of(network: Network, message: MsgRevealReports) -> MsgCommitReports:
    reports = [
        ReportRule(
            escrow_id=r.escrow_id,
            host=Host(decode_address(r.host)),
            tokens=r.tokens,
            distance_ppm=r.distance_ppm,
        )
        for r in message.reports
    ]
    verifier = Host(decode_address(message.host))
    commitment = compute_reports_commitment(CHAIN_ID, message.epoch, verifier, message.salt, reports)
    return MsgCommitReports(sender=message.sender, host=message.host, epoch=message.epoch, commitment=commitment)


def all_say(distance: int) -> dict[str, int]:
    return dict.fromkeys([p.text for p in HOSTS], distance)
