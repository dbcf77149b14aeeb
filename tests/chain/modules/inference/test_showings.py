"""A receipt that a host signed is shown: it hangs where it belongs, or counts like a lot of which nothing came."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

import pytest

from chain.modules.inference import checks_state, showings_state
from chain.modules.inference.showings import RETIRED_EPOCHS
from rules.answers import build_receipt_tree
from rules.claims import Tree
from rules.errors import RuleError
from rules.evidence import CAP, ONE
from rules.receipts import SHOWN_EPOCHS, SignedReceipt
from rules.types import Host, Phase
from rules.vouchers import Tokens
from tests.chain.court import Court, all_say
from tests.chain.ledger import ANN, BOB, CHAIN_ID, DAN, STRANGER, Person
from tests.chain.market import serving_key_of
from wire.gonka.inference.v1.receipt_pb2 import MsgPlaceReceipt, MsgShowReceipt, Placing
from wire.gonka.inference.v1.tx_pb2 import MsgCloseEscrow, MsgSetServingKey, MsgSettleVoucher
from wire.vouchers import sign_receipt

WORST_ROUND = (1 + CAP) // 2
"""By how much the worst distance multiplies the bet."""


def digest_of(request: int) -> bytes:
    return sha256(b"receipt" + request.to_bytes(8)).digest()


def tree_of(*requests: int) -> Tree:
    return build_receipt_tree([(request, digest_of(request)) for request in requests])


@dataclass
class Case:
    """An escrow of Dan's; Ann settles vouchers with trees over the requests named, or without receipts."""

    court: Court = field(default_factory=Court)
    escrow_id: int = 0

    @classmethod
    def open(cls) -> Case:
        case = cls()
        case.court.network.play(Phase.SERVE)
        case.escrow_id = case.court.market.escrow()
        return case

    def send(self, message: MsgShowReceipt | MsgPlaceReceipt | MsgSettleVoucher | MsgSetServingKey) -> None:
        self.court.network.send(message)

    def refused(self, message: MsgShowReceipt | MsgPlaceReceipt) -> str:
        with pytest.raises(RuleError) as error:
            self.court.network.send(message)
        return error.value.code

    def settle(self, serial: int, *requests: int) -> None:
        voucher = self.court.market.voucher(self.escrow_id, ANN, serial, Tokens(tokens_out=100 * serial))
        root = tree_of(*requests).root if requests else b""
        self.send(MsgSettleVoucher(sender=ANN.text, voucher=voucher, receipts_root=root, receipts_count=len(requests)))

    def signed(self, request: int, after: int = 0) -> SignedReceipt:
        return SignedReceipt(
            chain_id=CHAIN_ID,
            escrow_id=self.escrow_id,
            host=Host(ANN.address),
            request=request,
            after_serial=after,
            receipt=digest_of(request),
        )

    def show(self, request: int, after: int = 0, key: Person | None = None) -> MsgShowReceipt:
        key = key or serving_key_of(ANN)
        receipt = sign_receipt(key.secret, self.signed(request, after))
        return MsgShowReceipt(developer=DAN.text, receipt=receipt, serving_pubkey=key.public_key)

    def place(self, request: int, *requests: int, sender: Person | None = None) -> MsgPlaceReceipt:
        position = requests.index(request)
        proof = tree_of(*requests).prove([position])
        placing = Placing(position=position, siblings=proof.siblings, splits=proof.splits)
        sender = sender or serving_key_of(ANN)
        return MsgPlaceReceipt(sender=sender.text, host=ANN.text, escrow_id=self.escrow_id, placing=placing)

    def wealth(self) -> int:
        return checks_state.read_wealth(self.court.conduct()).amount

    def settle_epochs(self, epochs: int) -> None:
        for _ in range(epochs):
            self.court.judge({})


@pytest.fixture
def case() -> Case:
    return Case.open()


def test_a_receipt_that_hangs_where_it_belongs__is_placed_and_costs_its_host_nothing(case: Case) -> None:
    case.settle(3, 1, 2, 5)
    case.send(case.show(2, after=2))
    case.send(case.place(2, 1, 2, 5))
    case.settle_epochs(1)  # the lot itself is a round, in which nobody reports
    before = case.court.conduct().rounds
    assert case.court.network.named("receipt_left_out") == []
    assert list(showings_state.scan_showings(case.court.network.store)) == []
    assert (before, case.wealth()) == (1, ONE // 4)


def test_a_receipt_that_was_left_out__is_one_round_with_the_worst_distance(case: Case) -> None:
    case.settle(3, 1, 5)
    case.send(case.show(2))
    assert case.refused(case.place(2, 1, 2)) == "reveal_wrong_root"
    case.court.judge(all_say(0))
    (event,) = case.court.network.named("receipt_left_out")
    assert (event["host"], event["escrow_id"], event["request"]) == (ANN.text, str(case.escrow_id), "2")
    conduct = case.court.conduct()
    assert (conduct.rounds, conduct.reputation) == (1, 0)  # its lot's good answers acquit nobody
    assert case.wealth() == ONE // 2 * WORST_ROUND


def test_a_voucher_that_settled_without_receipts__leaves_out_every_one(case: Case) -> None:
    case.settle(3)
    case.send(case.show(2))
    assert case.refused(case.place(2, 2)) == "placing_wrong"
    case.settle_epochs(1)
    assert case.court.conduct().rounds == 1
    assert case.wealth() == ONE // 2 * WORST_ROUND


def test_receipts_left_out_for_long_enough__are_a_verdict(case: Case) -> None:
    for serial in range(1, 30):
        case.settle(serial)
        case.send(case.show(serial, after=serial - 1))
        case.settle_epochs(1)
        if case.court.network.named("answers_condemned"):
            break
    (event,) = case.court.network.named("answers_condemned")
    assert event["host"] == ANN.text
    assert serial >= 8


def test_show__a_tree_that_is_not_the_first_after_the_serial__does_not_hold_the_receipt(case: Case) -> None:
    """A host cannot wait and see what is shown: the receipt is due in the first tree that settles, not in a later."""
    case.settle(3, 1)
    case.settle(4, 2)
    case.send(case.show(2, after=2))
    assert case.refused(case.place(2, 2)) == "reveal_wrong_root"


@pytest.mark.parametrize("phase", [Phase.SEED, Phase.REVEAL, Phase.DISPUTE_REVEAL])
def test_place__in_the_epoch_after__is_taken_until_its_settle(case: Case, phase: Phase) -> None:
    case.settle(3, 1, 2)
    case.send(case.show(2))
    case.court.network.play(phase)
    case.send(case.place(2, 1, 2))
    case.court.network.play(Phase.SERVE)
    assert case.court.network.named("receipt_left_out") == []


def test_show__after_beacon2__is_judged_by_the_settle_of_the_next_epoch_not_of_this(case: Case) -> None:
    case.settle(3, 1, 2)
    case.court.network.play(Phase.DISPUTE_REVEAL)
    case.send(case.show(2))
    case.court.network.play(Phase.SERVE)
    assert case.court.network.named("receipt_left_out") == []
    case.send(case.place(2, 1, 2))
    case.settle_epochs(1)
    assert case.court.network.named("receipt_left_out") == []


def test_show__a_second_one_before_the_first_is_judged__waits(case: Case) -> None:
    case.settle(3, 1, 2)
    case.send(case.show(2))
    assert case.refused(case.show(1)) == "showing_pending"
    case.send(case.place(2, 1, 2))
    assert case.refused(case.show(1)) == "showing_pending"
    assert case.refused(case.place(2, 1, 2)) == "placed_already"
    case.settle_epochs(1)
    case.send(case.show(1))


def test_show__before_and_long_after_its_voucher_settled__is_refused(case: Case) -> None:
    assert case.refused(case.show(2, after=3)) == "receipt_not_due"
    case.settle(3, 1, 2)
    assert case.refused(case.show(2, after=3)) == "receipt_not_due"
    case.settle_epochs(SHOWN_EPOCHS)
    case.send(case.show(2))
    case.send(case.place(2, 1, 2))
    case.settle_epochs(1)
    assert case.refused(case.show(2)) == "receipt_too_old"


def by_a_stranger(case: Case) -> MsgShowReceipt:
    return MsgShowReceipt(
        developer=BOB.text, receipt=case.show(2).receipt, serving_pubkey=serving_key_of(ANN).public_key
    )


def of_another_chain(case: Case) -> MsgShowReceipt:
    receipt = sign_receipt(serving_key_of(ANN).secret, replace(case.signed(2), chain_id="gonka-2"))
    return MsgShowReceipt(developer=DAN.text, receipt=receipt, serving_pubkey=serving_key_of(ANN).public_key)


def of_an_unknown_escrow(case: Case) -> MsgShowReceipt:
    receipt = sign_receipt(serving_key_of(ANN).secret, replace(case.signed(2), escrow_id=99))
    return MsgShowReceipt(developer=DAN.text, receipt=receipt, serving_pubkey=serving_key_of(ANN).public_key)


def of_a_host_outside(case: Case) -> MsgShowReceipt:
    receipt = sign_receipt(serving_key_of(ANN).secret, replace(case.signed(2), host=Host(STRANGER.address)))
    return MsgShowReceipt(developer=DAN.text, receipt=receipt, serving_pubkey=serving_key_of(ANN).public_key)


def with_another_request(case: Case) -> MsgShowReceipt:
    message = case.show(2)
    message.receipt.request = 3
    return message


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (by_a_stranger, "unauthorized"),
        (of_another_chain, "voucher_foreign"),
        (of_an_unknown_escrow, "escrow_unknown"),
        (of_a_host_outside, "voucher_foreign"),
        (with_another_request, "signature_invalid"),
        (lambda case: case.show(2, key=STRANGER), "signature_invalid"),
        (lambda case: case.show(2, key=serving_key_of(BOB)), "signature_invalid"),
        (lambda _case: MsgShowReceipt(developer=DAN.text), "escrow_unknown"),
    ],
)
def test_show__a_receipt_that_is_not_the_hosts_word_to_this_developer__is_refused(
    case: Case, make: object, code: str
) -> None:
    assert callable(make)
    case.settle(3, 1, 2)
    assert case.refused(make(case)) == code
    assert list(showings_state.scan_showings(case.court.network.store)) == []


def test_show__a_key_that_the_host_retired_since__speaks_for_it_for_some_epochs(case: Case) -> None:
    old, new = serving_key_of(ANN), serving_key_of(STRANGER)
    case.send(MsgSetServingKey(host=ANN.text, serving_pubkey=new.public_key))
    for serial in range(1, RETIRED_EPOCHS + 2):
        case.settle(serial)
        case.send(case.show(serial, after=serial - 1, key=old))
        case.settle_epochs(1)
    case.settle(RETIRED_EPOCHS + 2)
    assert case.refused(case.show(1, after=RETIRED_EPOCHS + 1, key=old)) == "signature_invalid"
    case.send(case.show(1, after=RETIRED_EPOCHS + 1, key=new))


def test_place__by_anybody_else__is_refused(case: Case) -> None:
    case.settle(3, 1, 2)
    assert case.refused(case.place(2, 1, 2)) == "showing_unknown"
    case.send(case.show(2))
    assert case.refused(case.place(2, 1, 2, sender=BOB)) == "unauthorized"
    case.send(case.place(2, 1, 2, sender=ANN))


def test_an_escrow_that_closes_meanwhile__has_its_receipts_shown_all_the_same(case: Case) -> None:
    case.settle(3, 1)
    case.court.network.send(MsgCloseEscrow(developer=DAN.text, escrow_id=case.escrow_id))
    case.settle_epochs(2)
    assert case.court.market.find(case.escrow_id).closed
    case.send(case.show(2))
    case.settle_epochs(1)
    assert len(case.court.network.named("receipt_left_out")) == 1
