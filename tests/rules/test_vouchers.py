"""Vouchers: what is signed, what is taken, and that neither side can lose more than the credit."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.errors import RuleError
from rules.types import Host
from rules.vouchers import (
    MAX_U64,
    Price,
    Terms,
    Ticket,
    Tokens,
    Voucher,
    check_progress,
    check_terms,
    compute_affordable_in,
    compute_affordable_out,
    compute_allowance,
    compute_amount,
    plan_signature,
    request_seed,
    ticket_message,
    voucher_message,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "vouchers.json").read_text())
HOST, A, B = Host(bytes(range(20))), bytes(range(32)), bytes(range(32, 64))
MODEL = bytes.fromhex(VECTORS["model"]["hash"])
PRICE = Price(in_ngonka=150_000, out_ngonka=600_000)
TERMS = Terms(
    chain_id="gonka-1",
    escrow_id=5,
    host=HOST,
    model_id=MODEL,
    price=PRICE,
    reserve_ngonka=1_000,
    credit_tokens=256,
)
RICH = replace(TERMS, reserve_ngonka=10**12)


def tokens(tokens_in: int, tokens_out: int) -> Tokens:
    return Tokens(tokens_in=tokens_in, tokens_out=tokens_out)


def promise(serial: int, done: Tokens) -> Voucher:
    return Voucher(
        chain_id="gonka-1",
        escrow_id=5,
        host=HOST,
        model_id=MODEL,
        serial=serial,
        tokens=done,
        amount_ngonka=compute_amount(done, PRICE),
    )


DERIVED = {
    "voucher": voucher_message(replace(promise(9, tokens(1000, 2**40)), amount_ngonka=123_456_789)),
    "ticket": ticket_message(
        Ticket(chain_id="gonka-1", escrow_id=5, host=HOST, model_id=MODEL, request=2, developer_nonce=A, body_hash=B)
    ),
    "req": request_seed("gonka-1", 5, 2, A, B),
}


@pytest.mark.parametrize("name", DERIVED)
def test_what_is_signed_or_drawn_from_equals_its_vector_and_a_hash_by_hand(name: str) -> None:
    parts = [bytes.fromhex(part) for part in VECTORS[name]["parts"]]
    framed = b"".join(len(part).to_bytes(4, "little") + part for part in [f"gonka/{name}".encode(), *parts])
    assert DERIVED[name].hex() == VECTORS[name]["hash"] == sha256(framed).hexdigest()


@pytest.mark.parametrize("case", VECTORS["amounts"])
def test_compute_amount__equals_its_vector(case: dict[str, int]) -> None:
    price = Price(in_ngonka=case["price_in"], out_ngonka=case["price_out"])
    assert compute_amount(tokens(case["tokens_in"], case["tokens_out"]), price) == case["amount"]


def test_check_progress__a_first_and_a_next_voucher__pass() -> None:
    first = promise(1, tokens(100, 50))
    check_progress(TERMS, None, first)
    check_progress(TERMS, first, promise(5, tokens(100, 51)))


FIRST = promise(3, tokens(100, 50))
NEXT = promise(4, tokens(200, 60))
REFUSED = [
    (replace(NEXT, chain_id="gonka-2"), "voucher_foreign", "another chain"),
    (replace(NEXT, escrow_id=6), "voucher_foreign", "another escrow"),
    (replace(NEXT, host=Host(bytes(20))), "voucher_foreign", "another host"),
    (replace(NEXT, model_id=A), "voucher_foreign", "another model"),
    (FIRST, "voucher_stale", "a replay"),
    (replace(NEXT, serial=2), "voucher_stale", "an older serial"),
    (promise(4, tokens(99, 60)), "voucher_lower", "fewer tokens read"),
    (promise(4, tokens(200, 49)), "voucher_lower", "fewer tokens written, though more in all"),
    (replace(NEXT, amount_ngonka=NEXT.amount_ngonka + 1), "voucher_amount_wrong", "an amount too high"),
    (replace(NEXT, amount_ngonka=0), "voucher_amount_wrong", "an amount too low"),
    (promise(4, tokens(100, 1_700)), "voucher_over_reserve", "more than the reserve"),
]


@pytest.mark.parametrize(("voucher", "code", "words"), REFUSED)
def test_check_progress__one_thing_wrong__is_refused(voucher: Voucher, code: str, words: str) -> None:
    with pytest.raises(RuleError) as error:
        check_progress(TERMS, FIRST, voucher)
    assert error.value.code == code


def test_check_progress__the_last_ngonka_of_the_reserve__passes() -> None:
    assert compute_amount(tokens(0, 1_666), PRICE) == 1_000
    check_progress(TERMS, None, promise(1, tokens(0, 1_666)))


def test_check_progress__one_ngonka_beyond_the_reserve__is_refused() -> None:
    assert compute_amount(tokens(0, 1_667), PRICE) == 1_001
    with pytest.raises(RuleError, match="voucher_over_reserve"):
        check_progress(TERMS, None, promise(1, tokens(0, 1_667)))


def test_check_terms__a_ticket_of_another_escrow__is_refused() -> None:
    ticket = Ticket(
        chain_id="gonka-1", escrow_id=6, host=HOST, model_id=MODEL, request=1, developer_nonce=A, body_hash=B
    )
    with pytest.raises(RuleError, match="voucher_foreign"):
        check_terms(TERMS, ticket)


counts = st.integers(0, 10**7)


@given(counts, st.integers(1, 10**12), st.integers(1, 10**12), st.integers(0, 2**63))
def test_compute_affordable__one_token_more_would_cost_too_much(
    other: int, price_in: int, price_out: int, reserve: int
) -> None:
    terms = replace(TERMS, price=Price(in_ngonka=price_in, out_ngonka=price_out), reserve_ngonka=reserve)
    most = compute_affordable_out(terms, other)
    if 0 <= most < MAX_U64:
        assert compute_amount(tokens(other, most), terms.price) <= reserve
        assert compute_amount(tokens(other, most + 1), terms.price) > reserve
    most = compute_affordable_in(terms, other)
    if 0 <= most < MAX_U64:
        assert compute_amount(tokens(most, other), terms.price) <= reserve
        assert compute_amount(tokens(most + 1, other), terms.price) > reserve


@pytest.mark.parametrize(
    ("done", "signed", "prompt_left", "allowance", "words"),
    [
        (tokens(0, 0), tokens(0, 0), 1000, 256, "nothing signed: the credit"),
        (tokens(256, 0), tokens(0, 0), 744, 0, "the credit is used up"),
        (tokens(256, 0), tokens(256, 0), 744, 256, "paid for so far"),
        (tokens(256, 0), tokens(512, 0), 744, 512, "paid ahead, and the credit"),
        (tokens(990, 0), tokens(1000, 0), 10, 266, "the end of the prompt, then the answer on credit"),
        (tokens(1000, 0), tokens(0, 1000), 0, 0, "reading is not paid by writing"),
        (tokens(256, 0), tokens(0, 40), 0, 40, "writing paid for goes on, though the credit is used up by reading"),
        (tokens(0, 100), tokens(300, 100), 0, 256, "reading signed ahead does not pay for writing"),
    ],
)
def test_compute_allowance__case__is(
    done: Tokens, signed: Tokens, prompt_left: int, allowance: int, words: str
) -> None:
    assert compute_allowance(RICH, done, signed, prompt_left) == allowance


def test_compute_allowance__reserve_nearly_spent__ends_with_the_reserve() -> None:
    done = tokens(0, 1_600)
    assert compute_allowance(TERMS, done, done, 0) == 66
    assert compute_allowance(TERMS, tokens(0, 1_666), tokens(0, 1_666), 0) == 0


def test_plan_signature__a_long_prompt__is_signed_a_credit_ahead_at_a_time() -> None:
    wanted = tokens(1000, 400)
    assert plan_signature(RICH, tokens(0, 0), tokens(0, 0), wanted) == tokens(256, 0)
    assert plan_signature(RICH, tokens(900, 0), tokens(256, 0), tokens(100, 400)) == tokens(1000, 156)
    assert plan_signature(RICH, tokens(1000, 400), tokens(1000, 400), tokens(0, 0)) == tokens(1000, 400)


def test_plan_signature__reserve_nearly_spent__signs_no_more_than_it() -> None:
    assert plan_signature(TERMS, tokens(0, 1_600), tokens(0, 1_600), tokens(0, 500)) == tokens(0, 1_666)


steps = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600), st.booleans()), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(steps, st.integers(1, 300), st.integers(1, 2_000))
def test_neither_side_ever_loses_more_than_the_credit(
    requests: list[tuple[int, int, bool]], credit: int, reserve: int
) -> None:
    """A host that works as far as it may, and a gateway that signs as far as it may; prompts guessed too long, some
    requests ended after half.  Each step either works, or the reserve is spent.
    """
    terms = replace(TERMS, credit_tokens=credit, reserve_ngonka=reserve)
    done = signed = Tokens()
    for prompt, answer, cut in requests:
        asked, left = tokens(prompt + (17 if cut else 0), answer), tokens(prompt, answer // 2 if cut else answer)
        while left != Tokens():
            signed = plan_signature(terms, done, signed, asked)
            assert signed.beyond(done) <= credit
            assert compute_amount(signed, PRICE) <= reserve
            work = compute_allowance(terms, done, signed, left.tokens_in)
            if work == 0:
                if left.tokens_in:
                    assert compute_affordable_in(terms, max(done.tokens_out, signed.tokens_out)) <= done.tokens_in
                else:
                    assert compute_affordable_out(terms, max(done.tokens_in, signed.tokens_in)) <= done.tokens_out
                return
            read = min(work, left.tokens_in)
            written = min(work - read, left.tokens_out)
            done = tokens(done.tokens_in + read, done.tokens_out + written)
            left = tokens(left.tokens_in - read, left.tokens_out - written)
            asked = tokens(max(0, asked.tokens_in - read), max(0, asked.tokens_out - written))
            assert done.beyond(signed) <= credit
            assert compute_amount(done, PRICE) <= reserve


turns = st.lists(
    st.tuples(st.sampled_from(["ask", "work", "tell", "sign", "hand over"]), st.integers(0, 400)), max_size=60
)


@settings(max_examples=300, deadline=None)
@given(turns, st.integers(1, 300), st.integers(1, 2_000))
def test_neither_side_loses_more_though_each_knows_late_what_the_other_did(
    moves: list[tuple[str, int]], credit: int, reserve: int
) -> None:
    """Requests overlap, and vouchers and deliveries are on their way for any time."""
    terms = replace(TERMS, credit_tokens=credit, reserve_ngonka=reserve)
    done = told = signed = held = wanted = Tokens()
    for move, number in moves:
        if move == "ask":
            wanted = tokens(wanted.tokens_in + number, wanted.tokens_out + 2 * number)
        elif move == "work":
            prompt_left = min(number, wanted.tokens_in - done.tokens_in)
            work = min(number, compute_allowance(terms, done, held, max(0, prompt_left)))
            read = min(work, max(0, prompt_left))
            done = tokens(done.tokens_in + read, done.tokens_out + work - read)
        elif move == "tell":
            told = done
        elif move == "sign":
            left = tokens(max(0, wanted.tokens_in - told.tokens_in), max(0, wanted.tokens_out - told.tokens_out))
            signed = plan_signature(terms, told, signed, left)
        else:
            held = signed
        assert done.beyond(held) <= credit, "what the host did without a voucher in its hands"
        assert signed.beyond(done) <= credit, "what the gateway signed and did not get"
        assert compute_amount(signed, PRICE) <= reserve
        assert compute_amount(done, PRICE) <= reserve
