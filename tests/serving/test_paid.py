"""Paid requests on the real stack: chain, sidecar, server; what goes wrong is coded, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest

from chain_client.inference_stub import InferenceStub
from gateway.assembly import CHAT_PATH, COMPLETION_PATH, read_chunk
from gateway.market import OnChainModel
from gateway.prompts import Counted, PromptCounter
from gateway.receipts import Contents, check_contents
from gateway.spelling import Spellings, build_script
from rules.addresses import decode_address
from rules.answers import answer_seed, compute_receipt_hash
from rules.receipts import Settling, check_placing, find_settling
from rules.types import Host
from rules.vouchers import Price, Tokens, request_seed
from serving import accounts
from serving.database import Database
from serving.journal import Journal
from serving.sampling import build_sampling
from tests.chain.ledger import ANN, BOB, CHAIN_ID, DAN
from tests.serving.market import (
    SERVING,
    Developer,
    Market,
    Stream,
    connect,
    open_escrow,
    poll,
    read_escrow,
    read_settled,
    read_showings,
    run_market,
    show,
    submit,
)
from tests.serving.stack import run_paid_server, settle_once
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import receipt_pb2
from wire.gonka.inference.v1 import tx_pb2 as tx
from wire.openai.documents import parse_request
from wire.openai.notes import (
    PROTOBUF,
    RECEIPT_PATH,
    TICKET_HEADER,
    TOKENS_HEADER,
    TOLD,
    VOUCHERS_PATH,
    AnswerNote,
    Progress,
    encode_header,
)
from wire.openai.requests import ChatRequest, CompletionRequest
from wire.vouchers import read_receipt

T = TypeVar("T")
CREDIT = 256
SLACK = 32
"""Tokens that are on their way to the developer when it looks."""


@pytest.fixture(scope="module")
def market(sidecar: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with run_market(Path(tmp_path_factory.mktemp("market")), sidecar) as market:
        yield market


@pytest.fixture
def developer(market: Market, tmp_path: Path) -> Iterator[Developer]:
    """A developer with an escrow of its own, before a server of its own with its journal in `tmp_path`."""
    escrow = asyncio.run(open_escrow(market.chain, tmp_path / "dan", market.model.model_id))
    with run_paid_server(market, tmp_path) as url:
        yield Developer(url, market.terms_of(escrow))


def with_session(work: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T:
    async def run() -> T:
        async with connect() as session:
            return await work(session)

    return asyncio.run(run())


def peek(home: Path) -> Journal:
    return Journal(Database.peek(home), chain_id=CHAIN_ID, host=Host(decode_address(BOB.text)))


def build_signed(developer: Developer, note: AnswerNote) -> receipt_pb2.SignedReceipt:
    """What a developer shows of a note."""
    return receipt_pb2.SignedReceipt(
        chain_id=CHAIN_ID,
        escrow_id=developer.terms.escrow_id,
        host=BOB.text,
        request=note.request,
        after_serial=note.after_serial,
        receipt=note.receipt,
        signature=note.signature,
    )


async def ask_where(developer: Developer, session: aiohttp.ClientSession, request: int | str) -> tuple[int, bytes]:
    """Status and body of what the host says of where a receipt hangs."""
    path = RECEIPT_PATH.format(escrow_id=developer.terms.escrow_id, request=request)
    async with session.get(developer.url + path) as answer:
        return answer.status, await answer.read()


def test_a_paid_answer_is_streamed_signed_for_and_receipted(developer: Developer, tmp_path: Path) -> None:
    got = with_session(lambda session: developer.ask(session, max_tokens=300, logit_bias={"258": -100}))
    assert got.done
    assert got.note is not None
    assert (got.note.tokens_in, got.note.tokens_out) == (got.progress.tokens_in, got.progress.tokens_out)
    assert got.note.tokens_out == 300
    assert got.note.after_serial == 0
    assert read_receipt(build_signed(developer, got.note), SERVING.public_key).receipt == got.note.receipt
    assert got.most_unsigned <= CREDIT
    state = peek(tmp_path).read_escrow(developer.terms.escrow_id)
    assert state.voucher == developer.newest
    assert state.done == Tokens(tokens_in=got.note.tokens_in, tokens_out=300)


def test_a_long_prompt_is_read_no_faster_than_it_is_paid(developer: Developer) -> None:
    long = [{"role": "user", "content": "x" * 800}]
    got = with_session(lambda session: developer.ask(session, messages=long, max_tokens=5))
    assert got.done
    assert got.progress.tokens_in > 800
    assert got.most_unsigned <= CREDIT


def test_who_never_pays_gets_no_more_than_the_credit(developer: Developer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "VOUCHER_S", 1.0)
    developer.pays = False
    never = {"max_tokens": 400, "logit_bias": {"258": -100}}

    async def ask_five(session: aiohttp.ClientSession) -> list[Stream]:
        return [*await asyncio.gather(*(developer.ask(session, **never) for _ in range(5)))]

    answers = with_session(ask_five)
    assert [got.error for got in answers] == ["voucher_missing"] * 5
    assert not any(got.done for got in answers)
    assert sum(got.progress.tokens_in + got.progress.tokens_out for got in answers) <= CREDIT
    again = with_session(lambda session: developer.ask(session, **never))
    assert again.error == "voucher_missing"
    assert again.progress.tokens_in + again.progress.tokens_out == 0


def test_eight_at_once_share_the_credit_and_all_end(developer: Developer) -> None:
    async def ask_eight(session: aiohttp.ClientSession) -> list[Stream]:
        return [*await asyncio.gather(*(developer.ask(session, max_tokens=120) for _ in range(8)))]

    answers = with_session(ask_eight)
    assert all(got.done for got in answers)
    assert max(got.most_unsigned for got in answers) <= CREDIT


def test_a_client_that_leaves_ends_the_work(developer: Developer, tmp_path: Path) -> None:
    never = {"max_tokens": 900, "logit_bias": {"258": -100}}
    with_session(lambda session: developer.ask(session, cut_after=5, **never))
    journal = peek(tmp_path)
    poll(lambda: journal.read_escrow(developer.terms.escrow_id).done.tokens_out > 0)
    done = journal.read_escrow(developer.terms.escrow_id).done
    assert done.tokens_out < 300
    assert done.beyond(developer.delivered) <= CREDIT
    assert with_session(lambda session: developer.ask(session, max_tokens=5)).done


def test_the_tokens_follow_from_both_nonces(developer: Developer, market: Market, tmp_path: Path) -> None:
    """The seed of every answer can be derived again by who verifies it."""
    got = with_session(lambda session: developer.ask(session, max_tokens=10, n=2))
    asyncio.run(settle(market, tmp_path, developer))
    (stored,) = peek(tmp_path).read_answers(developer.terms.escrow_id, developer.serial)
    assert compute_receipt_hash(stored.receipt) == stored.digest == (got.note and got.note.receipt)
    assert stored.receipt.host_nonce.hex() == got.host_nonce
    assert len(stored.receipt.answers) == 2
    ticket = stored.ticket
    seed = request_seed(CHAIN_ID, ticket.escrow_id, ticket.request, ticket.developer_nonce, stored.receipt.host_nonce)
    asked = parse_request(stored.body, ChatRequest)
    assert build_sampling(asked, answer_seed(seed, 1)).seed == answer_seed(seed, 1)


async def settle(market: Market, home: Path, developer: Developer) -> None:
    """Settles what the server in `home` has, as its own settler would."""
    assert await settle_once(market, home) == 1
    escrow = await read_escrow(market.chain, developer.terms.escrow_id)
    assert escrow.reserves[0].serial == developer.serial


def test_vouchers_settle_and_the_next_batch_has_only_new_answers(
    developer: Developer, market: Market, tmp_path: Path
) -> None:
    for turn in range(2):
        with_session(lambda session: developer.ask(session, max_tokens=40))
        with_session(lambda session: developer.ask(session, max_tokens=40))
        asyncio.run(settle(market, tmp_path, developer))
        answers = peek(tmp_path).read_answers(developer.terms.escrow_id, developer.serial)
        assert [answer.receipt.request for answer in answers] == [2 * turn + 1, 2 * turn + 2]
    (reserve,) = asyncio.run(read_escrow(market.chain, developer.terms.escrow_id)).reserves
    assert reserve.paid_ngonka == (developer.newest and developer.newest.amount_ngonka)


def test_where_a_receipt_hangs_is_told_once_its_voucher_has_settled__and_one_that_is_shown_is_placed(
    developer: Developer, market: Market, tmp_path: Path
) -> None:
    """And a later answer's hangs after the serial that was planned before it."""
    escrow_id, notes = developer.terms.escrow_id, list[AnswerNote]()
    for _ in range(2):
        for _ in range(2):
            got = with_session(lambda session: developer.ask(session, max_tokens=40))
            assert got.note is not None
            notes.append(got.note)
        status, body = with_session(lambda session: ask_where(developer, session, notes[-1].request))
        assert (status, json.loads(body)["error"]["code"]) == (409, "receipt_not_settled")
        asyncio.run(settle(market, tmp_path, developer))
    settlings = asyncio.run(read_settlings(market, escrow_id))
    first, second = (settling.serial for settling in settlings)
    assert [settling.after_serial for settling in settlings] == [0, first]
    assert [note.after_serial for note in notes] == [0, 0, first, first]
    for note in notes:
        status, body = with_session(lambda session, note=note: ask_where(developer, session, note.request))
        assert status == 200
        placing = receipt_pb2.Placing.FromString(body)
        settling = find_settling(note.after_serial, settlings, second)
        leaf = (note.request, note.receipt)
        check_placing(settling, leaf, placing.position, tuple(placing.siblings), tuple(placing.splits))

    def is_placed() -> bool:
        (showing,) = asyncio.run(read_showings(market.chain, escrow_id))
        assert (showing.receipt.request, showing.serial) == (notes[2].request, second)
        return bool(showing.placed)

    asyncio.run(show(market.chain, tmp_path / "dan", build_signed(developer, notes[2])))
    poll(is_placed)


async def read_settlings(market: Market, escrow_id: int) -> tuple[Settling, ...]:
    """What the chain tells of an escrow's vouchers that settled."""
    return tuple(
        Settling(
            epoch=settled.epoch,
            after_serial=settled.after_serial,
            serial=settled.serial,
            root=settled.receipts_root,
            count=settled.receipts_count,
        )
        for settled in await read_settled(market.chain, escrow_id)
    )


@pytest.mark.parametrize(
    ("request_", "code", "status"),
    [
        ("7", "receipt_unknown", 404),
        (str(2**64 - 1), "receipt_unknown", 404),
        (str(2**64), "request_invalid", 400),
        ("-1", "request_invalid", 400),
        ("one", "request_invalid", 400),
    ],
)
def test_where_no_receipt_hangs__is_told_with_a_code(
    developer: Developer, request_: str, code: str, status: int
) -> None:
    told, body = with_session(lambda session: ask_where(developer, session, request_))
    assert (told, json.loads(body)["error"]["code"]) == (status, code)


# ---- bad tickets ---------------------------------------------------------------------------------------------------

BODY = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}).encode()
FOREIGN = [
    ({"chain_id": "other-1"}, "voucher_foreign", 403),
    ({"host": Host(ANN.address)}, "voucher_foreign", 403),
    ({"model_id": b"m" * 32}, "voucher_foreign", 403),
    ({"escrow_id": 9_999}, "escrow_unknown", 404),
    ({"body_hash": bytes(32)}, "body_hash_wrong", 400),
    ({"developer_nonce": b"short"}, "tx_malformed", 400),
]


def test_nobody_looks_into_the_body_of_who_does_not_pay(developer: Developer) -> None:
    async def post(session: aiohttp.ClientSession) -> int:
        headers = {"Content-Type": "application/json"}
        async with session.post(f"{developer.url}/v1/chat/completions", data=b"{", headers=headers) as answer:
            return answer.status

    assert with_session(post) == 401


async def send(developer: Developer, session: aiohttp.ClientSession, ticket: object) -> tuple[int, str]:
    headers = {"Content-Type": "application/json"}
    if ticket is not None:
        headers[TICKET_HEADER] = ticket if isinstance(ticket, str) else encode_header(ticket)  # type: ignore[arg-type]
    async with session.post(f"{developer.url}/v1/chat/completions", data=BODY, headers=headers) as answer:
        told = json.loads(await answer.text())
        return answer.status, told.get("error", {}).get("code", "")


@pytest.mark.parametrize(("changes", "code", "status"), FOREIGN, ids=[str(case[0])[:40] for case in FOREIGN])
def test_a_ticket_for_something_else_is_refused(
    developer: Developer, changes: dict[str, object], code: str, status: int
) -> None:
    ticket = developer.ticket(BODY, **changes)
    assert with_session(lambda session: send(developer, session, ticket)) == (status, code)


def test_without_a_ticket_or_with_a_garbled_or_forged_one_nobody_is_served(developer: Developer) -> None:
    forged = developer.ticket(BODY)
    forged.signature = bytes(63) + b"\x01"
    cases = [(None, (401, "ticket_missing")), ("!", (400, "header_invalid")), (forged, (401, "signature_invalid"))]
    for ticket, told in cases:
        assert with_session(lambda session, ticket=ticket: send(developer, session, ticket)) == told


def test_a_ticket_serves_once(developer: Developer) -> None:
    ticket = developer.ticket(BODY)
    assert with_session(lambda session: send(developer, session, ticket)) == (200, "")
    assert with_session(lambda session: send(developer, session, ticket)) == (409, "ticket_used")


def test_a_ticket_serves_once_among_many_at_once(developer: Developer) -> None:
    ticket = developer.ticket(BODY)

    async def race(session: aiohttp.ClientSession) -> list[tuple[int, str]]:
        return [*await asyncio.gather(*(send(developer, session, ticket) for _ in range(6)))]

    assert sorted(with_session(race)) == [(200, ""), *[(409, "ticket_used")] * 5]


# ---- bad vouchers --------------------------------------------------------------------------------------------------

SMALL = Tokens(tokens_in=10, tokens_out=10)


def test_vouchers_replayed_reordered_foreign_or_wrong_are_refused_and_the_newest_stays(
    developer: Developer, market: Market, tmp_path: Path
) -> None:
    first, second = developer.voucher(SMALL, 1), developer.voucher(Tokens(tokens_in=20, tokens_out=20), 5)
    big = Tokens(tokens_in=10**9, tokens_out=10**9)
    forged = developer.voucher(SMALL, 9)
    forged.tokens_out = 11
    cases = [
        (first, (204, "")),
        (second, (204, "")),
        (second, (409, "voucher_stale")),
        (first, (409, "voucher_stale")),
        (developer.voucher(SMALL, 6), (409, "voucher_lower")),
        (developer.voucher(Tokens(tokens_in=30, tokens_out=19), 6), (409, "voucher_lower")),
        (developer.voucher(Tokens(tokens_in=30, tokens_out=30), 6, amount_ngonka=1), (400, "voucher_amount_wrong")),
        (developer.voucher(big, 6), (402, "voucher_over_reserve")),
        (developer.voucher(SMALL, 6, chain_id="other-1"), (403, "voucher_foreign")),
        (developer.voucher(SMALL, 6, host=Host(ANN.address)), (403, "voucher_foreign")),
        (developer.voucher(SMALL, 6, model_id=bytes(32)), (403, "voucher_foreign")),
        (developer.voucher(SMALL, 6, escrow_id=market.escrow.escrow_id), (200, "")),
        (developer.voucher(SMALL, 6, escrow_id=9_999), (404, "escrow_unknown")),
        (forged, (401, "signature_invalid")),
    ]
    for voucher, told in cases:
        got = with_session(lambda session, voucher=voucher: developer.post(session, voucher))
        assert got == told or told == (200, ""), voucher
    assert peek(tmp_path).read_escrow(developer.terms.escrow_id).voucher == second


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"\xff", PROTOBUF, 400), (b"", "text/plain", 415), (b"x" * 5_000, PROTOBUF, 413), (b"", PROTOBUF, 403)],
)
def test_what_is_no_voucher_is_refused(developer: Developer, body: bytes, content_type: str, status: int) -> None:
    async def post(session: aiohttp.ClientSession) -> int:
        headers = {"Content-Type": content_type}
        async with session.post(developer.url + VOUCHERS_PATH, data=body, headers=headers) as answer:
            assert json.loads(await answer.text())["error"]["code"]
            return answer.status

    assert with_session(post) == status


def test_an_escrow_that_closes_takes_no_new_request_and_still_settles(
    developer: Developer, market: Market, tmp_path: Path
) -> None:
    assert with_session(lambda session: developer.ask(session, max_tokens=40)).done
    close = tx.MsgCloseEscrow(developer=DAN.text, escrow_id=developer.terms.escrow_id)
    asyncio.run(submit(market.chain, tmp_path / "dan", DAN, close))

    def is_refused() -> bool:
        return with_session(lambda session: developer.ask(session, max_tokens=4)).error == "escrow_closed"

    poll(is_refused)
    asyncio.run(settle(market, tmp_path, developer))


def test_a_reserve_that_is_used_up_ends_the_answer_and_a_top_up_goes_on(market: Market, tmp_path: Path) -> None:
    escrow = asyncio.run(open_escrow(market.chain, tmp_path / "dan", market.model.model_id, deposit=30_000))
    terms = market.terms_of(escrow)
    never = {"max_tokens": 400, "logit_bias": {"258": -100}}
    with run_paid_server(market, tmp_path) as url:
        developer = Developer(url, terms)
        got = with_session(lambda session: developer.ask(session, **never))
        assert got.error == "escrow_spent"
        assert 24 < got.progress.tokens_in + got.progress.tokens_out < 400
        top_up = tx.MsgTopUpEscrow(developer=DAN.text, escrow_id=terms.escrow_id, amount_ngonka=10**9)
        asyncio.run(submit(market.chain, tmp_path / "dan", DAN, top_up))
        developer.terms = market.terms_of(asyncio.run(read_escrow(market.chain, terms.escrow_id)))
        assert with_session(lambda session: developer.ask(session, max_tokens=20)).done


def test_an_embedding_is_paid_as_a_whole(developer: Developer, tmp_path: Path) -> None:
    body = json.dumps({"model": "tiny", "input": ["x" * 100, "y" * 50]}).encode()

    async def post(session: aiohttp.ClientSession) -> int:
        headers = {"Content-Type": "application/json", TICKET_HEADER: encode_header(developer.ticket(body))}
        async with session.post(f"{developer.url}/v1/embeddings", data=body, headers=headers) as answer:
            return answer.status

    assert with_session(post) == 200
    assert peek(tmp_path).read_escrow(developer.terms.escrow_id).done == Tokens(tokens_in=150, tokens_out=0)


def test_settling_what_the_chain_has_already_is_no_error(developer: Developer, market: Market, tmp_path: Path) -> None:
    """Somebody else settled it: the account itself, from another machine."""
    assert with_session(lambda session: developer.ask(session, max_tokens=40)).done
    assert developer.newest is not None
    message = tx.MsgSettleVoucher(sender=BOB.text, voucher=developer.newest)
    asyncio.run(submit(market.chain, tmp_path / "bob", BOB, message))
    assert asyncio.run(settle_once(market, tmp_path)) == 0
    state = peek(tmp_path).read_escrow(developer.terms.escrow_id)
    assert state.settled_serial == developer.serial


# ---- tokens that are told --------------------------------------------------------------------------------------------

ENDLESS = {"258": -100}
TOOLS = [{"type": "function", "function": {"name": "f"}}]
ASKED: list[tuple[str, dict[str, object], str]] = [
    (CHAT_PATH, {}, "a chat"),
    (CHAT_PATH, {"max_tokens": 1}, "one token"),
    (CHAT_PATH, {"n": 3}, "choices side by side"),
    (CHAT_PATH, {"stop": [" ", "e", "\ufffd"]}, "stop strings"),
    (CHAT_PATH, {"stop": "zzzz", "logit_bias": {"122": 9}}, "a stop string that begins again and again"),
    (CHAT_PATH, {"logprobs": True, "top_logprobs": 2}, "log-probabilities"),
    (CHAT_PATH, {"tools": TOOLS}, "tools"),
    (CHAT_PATH, {"tools": TOOLS, "logit_bias": {"60": 12}}, "what may begin a call"),
    (CHAT_PATH, {"tools": TOOLS, "logit_bias": {"123": 100, "258": 0}}, "what may be a call all over"),
    (CHAT_PATH, {"response_format": {"type": "json_object"}, "logit_bias": {"123": 100}}, "a JSON object, cut off"),
    (CHAT_PATH, {"logit_bias": {}}, "an end that the model chooses"),
    (CHAT_PATH, {"logit_bias": {"256": 6, "257": 6} | ENDLESS, "max_tokens": 20}, "tokens that no text shows"),
    (CHAT_PATH, {"logit_bias": {"195": 7, "169": 7} | ENDLESS}, "letters of two bytes"),
    (COMPLETION_PATH, {"prompt": "ab"}, "a text to go on with"),
    (COMPLETION_PATH, {"prompt": ["ab", "c"], "n": 2, "logprobs": 2}, "several texts, and choices of each"),
    (COMPLETION_PATH, {"prompt": [1, 2, 3]}, "tokens to go on with"),
]


@pytest.mark.parametrize(("path", "more", "what"), ASKED, ids=[what for *_, what in ASKED])
def test_what_is_told_of_any_answer_is_what_a_gateway_holds_it_to(
    developer: Developer, market: Market, path: str, more: dict[str, object], what: str
) -> None:
    """Text, tokens, counts and the receipt, of the real host, under the gateway's own rules."""
    asked: dict[str, object] = {"model": "tiny", "max_tokens": 40, "logit_bias": ENDLESS, "temperature": 1.2} | more
    if path == CHAT_PATH:
        asked["messages"] = [{"role": "user", "content": "Hello"}]
    body = json.dumps(asked).encode()
    request = parse_request(body, ChatRequest) if path == CHAT_PATH else parse_request(body, CompletionRequest)

    async def run() -> tuple[Stream, Counted | None]:
        async with connect() as session, InferenceStub.open(market.sidecar) as stub:
            counter = PromptCounter(stub, lambda: 0.0)
            while (counted := await counter.count(request, as_on_chain(market.model))) and counted.vocabulary is None:
                pass  # a sidecar that serves takes a moment over its first
            return await developer.ask(session, path=path, headers={TOKENS_HEADER: TOLD}, **asked), counted

    got, counted = asyncio.run(run())
    assert counted is not None
    assert counted.vocabulary is not None
    spellings = Spellings(build_script(request, counted.prompts, counted.vocabulary), 1_000)
    assert (got.status, got.error, got.done) == (200, "", True)
    for item in got.items:
        if isinstance(item, Progress):
            spellings.take_progress(item)
        elif (chunk := read_chunk(item, path)).choices:
            spellings.take_chunk(chunk)
        else:
            assert chunk.usage is not None
            spellings.check_count(chunk.usage.completion_tokens)
    spellings.check_end()
    assert got.note is not None
    assert spellings.count == got.note.tokens_out > 0
    contents = Contents(
        ticket=got.ticket,
        host_nonce=bytes.fromhex(got.host_nonce),
        answers=spellings.answers,
    )
    signed = read_receipt(build_signed(developer, got.note), SERVING.public_key)
    check_contents(signed, got.note.salt, contents)


def as_on_chain(model: pb.Model) -> OnChainModel:
    return OnChainModel(
        name=model.name,
        model_id=model.model_id,
        content_hash=model.content_hash,
        tokenizer_hash=model.tokenizer_hash,
        max_context=model.max_context,
        price=Price(in_ngonka=1, out_ngonka=1),
    )


def test_without_being_asked_no_tokens_are_told(developer: Developer) -> None:
    got = with_session(lambda session: developer.ask(session, max_tokens=5))
    assert not any(isinstance(item, Progress) and item.tokens for item in got.items)
    assert got.note is not None
    assert got.note.salt == b""
