"""A voucher pays once, what it adds, to its host, as far as the reserve goes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chain.modules.bank.state import get_balance, get_supply
from chain.modules.inference import state
from chain.modules.params.state import get_live, init_params
from chain.modules.stake import state as stake
from rules.answers import MAX_BATCH
from rules.errors import RuleError
from rules.params import GNK
from rules.types import Host, Phase
from rules.vouchers import Tokens
from rules.vouchers import Voucher as Recorded
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, CHAIN_ID, DAN, GAS, STRANGER, Ledger, code_of, make_genesis
from tests.chain.market import DEPOSIT, VOUCHER_KEY, Market, add_model, model_of, offer_of, serving_key_of
from wire.gonka.inference.v1.inference_pb2 import Reserve, Settled, Voucher
from wire.gonka.inference.v1.tx_pb2 import (
    MsgCloseEscrow,
    MsgOpenEscrow,
    MsgSetServingKey,
    MsgSettleVoucher,
    MsgSettleVoucherResponse,
)
from wire.gonka.stake.v1.tx_pb2 import MsgLeave
from wire.signing import sign_digest
from wire.vouchers import read_voucher, sign_voucher

TOKENS = Tokens(tokens_in=1000, tokens_out=500)
AMOUNT = 10_000 + 20_000
"""What TOKENS cost at the market's prices: 0.01 and 0.04 GNK for 10^6 tokens."""


@pytest.fixture
def market() -> Market:
    market = Market.open()
    market.escrow()
    return market


def refused(market: Market, message: MsgSettleVoucher) -> str:
    with pytest.raises(RuleError) as error:
        market.network.send(message)
    return error.value.code


def test_settle__a_first_voucher__pays_the_host_and_burns_a_part(market: Market) -> None:
    supply, held = get_supply(market.network.store), get_balance(market.network.store, ANN.address)
    assert market.settle(1, ANN, 1, TOKENS) == MsgSettleVoucherResponse(paid_ngonka=28_500, burned_ngonka=1_500)
    store = market.network.store
    assert get_balance(store, ANN.address) == held + 28_500
    assert get_supply(store) == supply - 1_500
    assert get_balance(store, state.POOL) == DEPOSIT - AMOUNT
    reserve = market.reserve(1, ANN)
    assert reserve == Reserve(
        host=ANN.text,
        reserve_ngonka=reserve.reserve_ngonka,
        serial=1,
        tokens_in=1000,
        tokens_out=500,
        paid_ngonka=AMOUNT,
    )


def test_settle__a_later_voucher__pays_what_it_adds(market: Market) -> None:
    market.settle(1, ANN, 3, TOKENS)
    again = market.settle(1, ANN, 9, Tokens(tokens_in=1000, tokens_out=501))
    assert again == MsgSettleVoucherResponse(paid_ngonka=38, burned_ngonka=2)
    assert market.reserve(1, ANN).paid_ngonka == AMOUNT + 40


def test_settle__so_little_that_a_part_is_less_than_one_ngonka__burns_nothing(market: Market) -> None:
    first = market.settle(1, ANN, 1, Tokens(tokens_in=1))
    assert first == MsgSettleVoucherResponse(paid_ngonka=10)
    assert market.settle(1, ANN, 2, Tokens(tokens_in=4)) == MsgSettleVoucherResponse(paid_ngonka=29, burned_ngonka=1)


def test_settle__hosts_of_one_escrow__have_serials_and_reserves_of_their_own(market: Market) -> None:
    for host in (ANN, BOB, CAT):
        assert market.settle(1, host, 1, TOKENS).paid_ngonka == 28_500


def test_settle__the_whole_reserve__pays_it_and_not_a_token_more(market: Market) -> None:
    whole = market.reserve(1, CAT).reserve_ngonka * 10**6 // (4 * 10**7)
    market.settle(1, CAT, 1, Tokens(tokens_out=whole))
    code = refused(
        market, MsgSettleVoucher(sender=CAT.text, voucher=market.voucher(1, CAT, 2, Tokens(tokens_out=whole + 1)))
    )
    assert code == "voucher_over_reserve"
    assert get_balance(market.network.store, state.POOL) >= DEPOSIT * 2 // 3


def voucher_of(market: Market, serial: int = 2, tokens: Tokens = TOKENS) -> Voucher:
    return market.voucher(1, ANN, serial, tokens)


def with_field(market: Market, name: str, value: object) -> MsgSettleVoucher:
    voucher = voucher_of(market)
    setattr(voucher, name, value)
    return MsgSettleVoucher(sender=ANN.text, voucher=voucher)


def forged(market: Market) -> MsgSettleVoucher:
    voucher = voucher_of(market)
    voucher.signature = sign_digest(STRANGER.secret, bytes(32))
    return MsgSettleVoucher(sender=ANN.text, voucher=voucher)


def of_another_escrow(market: Market) -> MsgSettleVoucher:
    """An escrow of the same developer and key: only its number differs."""
    market.escrow()
    voucher = voucher_of(market)
    voucher.escrow_id = 2
    return MsgSettleVoucher(sender=ANN.text, voucher=voucher)


def of_another_host(market: Market) -> MsgSettleVoucher:
    voucher = voucher_of(market)
    voucher.host = BOB.text
    return MsgSettleVoucher(sender=BOB.text, voucher=voucher)


CASES: list[tuple[Callable[[Market], MsgSettleVoucher], str, str]] = [
    (lambda m: MsgSettleVoucher(sender=ANN.text, voucher=voucher_of(m, 1)), "voucher_stale", "a replay"),
    (
        lambda m: MsgSettleVoucher(sender=ANN.text, voucher=voucher_of(m, 1, Tokens(tokens_in=9999, tokens_out=999))),
        "voucher_stale",
        "the same serial for more",
    ),
    (lambda m: MsgSettleVoucher(sender=ANN.text, voucher=voucher_of(m)), "voucher_pays_nothing", "nothing added"),
    (
        lambda m: MsgSettleVoucher(sender=ANN.text, voucher=voucher_of(m, 2, Tokens(tokens_in=999, tokens_out=900))),
        "voucher_lower",
        "fewer tokens of one kind",
    ),
    (lambda m: MsgSettleVoucher(sender=ANN.text), "escrow_unknown", "no voucher"),
    (lambda m: with_field(m, "escrow_id", 7), "escrow_unknown", "no such escrow"),
    (lambda m: with_field(m, "host", DAN.text), "voucher_foreign", "a host outside the group"),
    (lambda m: with_field(m, "host", ""), "voucher_foreign", "no host"),
    (lambda m: with_field(m, "chain_id", "other-1"), "signature_invalid", "another chain's name put in"),
    (lambda m: with_field(m, "amount_ngonka", 2**64 - 1), "signature_invalid", "another amount put in"),
    (lambda m: with_field(m, "serial", 2**64 - 1), "signature_invalid", "another serial put in"),
    (lambda m: with_field(m, "signature", b""), "signature_invalid", "not signed"),
    (forged, "signature_invalid", "signed by another key"),
    (of_another_escrow, "signature_invalid", "another escrow's"),
    (of_another_host, "signature_invalid", "another host's"),
    (lambda m: MsgSettleVoucher(sender=BOB.text, voucher=voucher_of(m)), "unauthorized", "sent by another host"),
    (lambda m: MsgSettleVoucher(sender=DAN.text, voucher=voucher_of(m)), "unauthorized", "sent by the developer"),
]


@pytest.mark.parametrize(("build", "code", "words"), CASES, ids=[words for *_, words in CASES])
def test_settle__one_thing_wrong__is_refused_and_pays_nothing(
    market: Market, build: Callable[[Market], MsgSettleVoucher], code: str, words: str
) -> None:
    market.settle(1, ANN, 1, TOKENS)
    message = build(market)
    before = dict(market.network.store.scan(b"bank/"))
    assert refused(market, message) == code
    assert dict(market.network.store.scan(b"bank/")) == before


SIGNED_WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"chain_id": "other-1"}, "voucher_foreign", "another chain"),
    ({"model_id": bytes(32)}, "voucher_foreign", "another model"),
    ({"amount_ngonka": AMOUNT + 1}, "voucher_amount_wrong", "more than the tokens cost"),
    ({"amount_ngonka": AMOUNT - 1}, "voucher_amount_wrong", "less than the tokens cost"),
    ({"tokens": Tokens(tokens_in=2**64 - 1, tokens_out=2**64 - 1)}, "voucher_amount_wrong", "all tokens there are"),
]


@pytest.mark.parametrize(("values", "code", "words"), SIGNED_WRONG, ids=[words for *_, words in SIGNED_WRONG])
def test_settle__signed_by_the_developer_but_wrong__is_refused(
    market: Market, values: dict[str, object], code: str, words: str
) -> None:
    record = replace(read_voucher(voucher_of(market), VOUCHER_KEY.public_key), **values)  # type: ignore[arg-type]
    signed = sign_voucher(VOUCHER_KEY.secret, record)
    assert refused(market, MsgSettleVoucher(sender=ANN.text, voucher=signed)) == code


def test_settle__by_the_account_of_the_serving_key__pays_the_host(market: Market) -> None:
    held = get_balance(market.network.store, ANN.address)
    market.network.send(MsgSettleVoucher(sender=serving_key_of(ANN).text, voucher=voucher_of(market)))
    assert get_balance(market.network.store, ANN.address) == held + 28_500
    assert get_balance(market.network.store, serving_key_of(ANN).address) == 0


def test_settle__by_a_serving_key_that_was_replaced__is_refused(market: Market) -> None:
    market.network.send(MsgSetServingKey(host=ANN.text, serving_pubkey=STRANGER.public_key))
    message = MsgSettleVoucher(sender=serving_key_of(ANN).text, voucher=voucher_of(market))
    assert refused(market, message) == "unauthorized"


@pytest.mark.parametrize(
    ("root", "count", "words"),
    [
        (bytes(32), 0, "a root of nothing"),
        (b"", 1, "receipts without a root"),
        (bytes(31), 1, "a short root"),
        (bytes(32), 1757, "more receipts than tokens, with a credit of 256"),
        (bytes(32), 2**64 - 1, "as many receipts as a number holds"),
    ],
)
def test_settle__receipts_that_cannot_be__are_refused(market: Market, root: bytes, count: int, words: str) -> None:
    voucher = voucher_of(market)
    message = MsgSettleVoucher(sender=ANN.text, voucher=voucher, receipts_root=root, receipts_count=count)
    assert refused(market, message) == "receipts_invalid"


def test_settle__more_receipts_than_could_be_numbered_in_a_lot__are_refused_however_many_tokens_were_paid() -> None:
    market = Market.open()
    number = market.escrow(deposit=600 * GNK)
    for count, allowed in ((MAX_BATCH + 1, False), (MAX_BATCH, True)):
        voucher = market.voucher(number, ANN, 1, Tokens(tokens_in=MAX_BATCH + 1, tokens_out=0))
        message = MsgSettleVoucher(sender=ANN.text, voucher=voucher, receipts_root=bytes(32), receipts_count=count)
        if allowed:
            market.network.send(message)
        else:
            assert refused(market, message) == "receipts_invalid"


def test_settle__receipts__are_kept_with_what_the_voucher_adds(market: Market) -> None:
    market.settle(1, ANN, 1, TOKENS)
    voucher = voucher_of(market, 4, Tokens(tokens_in=1001, tokens_out=502))
    message = MsgSettleVoucher(sender=ANN.text, voucher=voucher, receipts_root=b"r" * 32, receipts_count=2)
    market.network.send(message)
    first, second = state.scan_settled(market.network.store, 0)
    assert (first.serial, first.tokens_in, first.receipts_count) == (1, 1000, 0)
    assert second == Settled(
        escrow_id=1,
        host=ANN.text,
        serial=4,
        tokens_in=1,
        tokens_out=2,
        amount_ngonka=90,
        receipts_root=b"r" * 32,
        receipts_count=2,
        after_serial=1,
    )


def test_settle__receipts_of_answers_that_were_signed_for_ahead__hang_with_a_voucher_that_adds_less(
    market: Market,
) -> None:
    market.settle(1, ANN, 1, TOKENS)
    voucher = voucher_of(market, 4, Tokens(tokens_in=1000, tokens_out=501))
    market.network.send(
        MsgSettleVoucher(sender=ANN.text, voucher=voucher, receipts_root=b"r" * 32, receipts_count=1757)
    )
    _, second = state.scan_settled(market.network.store, 0)
    assert (second.tokens_out, second.receipts_count) == (1, 1757)


def test_settle__as_often_as_an_epoch_allows__waits_for_the_next_epoch(market: Market) -> None:
    live = get_live(market.network.store)
    init_params(market.network.store, replace(live, inference=replace(live.inference, settles_per_epoch=2)))
    for serial in (1, 2):
        market.settle(1, ANN, serial, Tokens(tokens_out=serial))
    message = MsgSettleVoucher(sender=ANN.text, voucher=market.voucher(1, ANN, 3, Tokens(tokens_out=3)))
    assert refused(market, message) == "settled_too_often"
    market.settle(1, BOB, 1, TOKENS)
    market.network.play(Phase.SERVE)
    assert market.network.send(message) == MsgSettleVoucherResponse(paid_ngonka=38, burned_ngonka=2)


def test_settle__a_host_that_left_or_was_slashed_to_nothing__still_gets_what_it_earned(market: Market) -> None:
    market.network.play(Phase.SERVE)
    stake.slash_stake(market.network.store, Host(ANN.address), 10**6)
    market.network.send(MsgLeave(host=ANN.text))
    market.network.players = [player for player in market.network.players if player.person is not ANN]
    assert market.settle(1, ANN, 1, TOKENS).paid_ngonka == 28_500
    for _ in range(4):
        market.network.play(Phase.SERVE)
    assert stake.get_host(market.network.store, Host(ANN.address)) is None
    assert state.get_offer(market.network.store, Host(ANN.address)) is None
    assert market.settle(1, ANN, 2, Tokens(tokens_in=2000, tokens_out=1000)).paid_ngonka == 28_500


def test_settle__a_developer_that_is_the_host__pays_for_it_by_what_burns() -> None:
    market = Market.open(hosts=(ANN,))
    held = get_balance(market.network.store, ANN.address)
    market.escrow(developer=ANN)
    market.settle(1, ANN, 1, Tokens(tokens_out=250 * 10**6))
    market.network.send(MsgCloseEscrow(developer=ANN.text, escrow_id=1))
    assert get_balance(market.network.store, ANN.address) == held - DEPOSIT + DEPOSIT * 95 // 100


def test_settle__as_a_transaction__is_free_and_enters_the_mempool_only_where_it_pays() -> None:
    ledger = Ledger(genesis=make_genesis(models=(model_of(add_model()),)))
    open_by_transactions(ledger)
    escrow = state.find_escrow(ledger.store.latest, 1)
    record = Recorded(
        chain_id=CHAIN_ID,
        escrow_id=1,
        host=Host(ANN.address),
        model_id=escrow.model_id,
        serial=1,
        tokens=Tokens(tokens_in=10**6),
        amount_ngonka=escrow.price_in_ngonka,
    )
    serving = serving_key_of(ANN)
    good = MsgSettleVoucher(sender=serving.text, voucher=sign_voucher(VOUCHER_KEY.secret, record))
    result = ledger.app.check_tx(ledger.tx(good, by=(serving,), fee=0), False)
    assert (result.code, result.duty) == (0, False), "free, but no window closes over it: it goes with what pays"
    strange = MsgSettleVoucher(sender=DAN.text, voucher=good.voucher)
    assert code_of(ledger.app.check_tx(ledger.tx(strange, by=(DAN,), fee=0), False)) == "unauthorized"
    assert ledger.send(good, by=serving, fee=0).code == 0
    again = ledger.tx(good, by=(serving,), fee=0)
    assert code_of(ledger.app.check_tx(again, False)) == "voucher_stale"
    assert get_balance(ledger.store.latest, ANN.address) == BALANCE - 2 * GAS + escrow.price_in_ngonka * 95 // 100


def open_by_transactions(ledger: Ledger) -> None:
    """Ann serves the model, and Dan opens escrow 1, which is hers alone."""
    ledger.block()
    (model,) = state.scan_models(ledger.store.latest)
    orders = [
        (MsgSetServingKey(host=ANN.text, serving_pubkey=serving_key_of(ANN).public_key), ANN, GAS),
        (offer_of(ANN, model.model_id), ANN, GAS),
        (
            MsgOpenEscrow(
                developer=DAN.text,
                model_id=model.model_id,
                deposit_ngonka=DEPOSIT,
                voucher_pubkey=VOUCHER_KEY.public_key,
                max_price_in_ngonka=10**12,
                max_price_out_ngonka=10**12,
            ),
            DAN,
            5 * 10**6,
        ),
    ]
    for message, person, gas in orders:
        assert ledger.send(message, by=person, gas=gas).code == 0
