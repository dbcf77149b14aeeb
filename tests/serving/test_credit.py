"""The credit: never more unsigned than it says, and nobody starves while there is some."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.types import Host
from rules.vouchers import Price, Terms, Tokens
from serving.credit import Credit

CREDIT = 256


def make_credit(reserve: int = 10**12, done: Tokens | None = None, signed: Tokens | None = None) -> Credit:
    terms = Terms(
        chain_id="test-1",
        escrow_id=1,
        host=Host(bytes(20)),
        model_id=bytes(32),
        price=Price(in_ngonka=1_000_000, out_ngonka=3_000_000),
        reserve_ngonka=reserve,
        credit_tokens=CREDIT,
    )
    return Credit(terms, done=done or Tokens(), signed=signed or Tokens())


def granted(credit: Credit) -> Tokens:
    return credit._granted


def test_share__one_answer__gets_the_whole_credit() -> None:
    credit = make_credit()
    run = credit.begin("a", prompt=100, most=1_000)
    assert credit.share() == ("a",)
    assert run.granted == CREDIT
    assert credit.share() == ()


def test_share__a_short_answer__gets_what_it_can_use() -> None:
    credit = make_credit()
    assert (run := credit.begin("a", prompt=10, most=30))
    credit.share()
    assert run.granted == 30
    assert not run.is_starving


def test_share__a_second_answer__is_served_from_the_next_voucher() -> None:
    credit = make_credit()
    first = credit.begin("a", prompt=100, most=1_000)
    credit.share()
    second = credit.begin("b", prompt=100, most=1_000)
    credit.share()
    assert second.is_starving
    first.done = CREDIT
    credit.signed = Tokens(tokens_in=100, tokens_out=156)
    assert set(credit.share()) == {"a", "b"}
    assert (first.granted, second.granted) == (CREDIT + 128, 128)


def test_end__what_was_not_used__is_free_again() -> None:
    credit = make_credit()
    credit.begin("a", prompt=100, most=1_000)
    credit.share()
    credit.end("a")
    second = credit.begin("b", prompt=1, most=1_000)
    credit.share()
    assert second.granted == CREDIT


def test_share__tokens_signed_of_one_kind__do_not_pay_for_the_other() -> None:
    credit = make_credit(signed=Tokens(tokens_in=10_000))
    run = credit.begin("a", prompt=10, most=5_000)
    credit.share()
    assert run.granted == CREDIT
    run.done = CREDIT
    credit.share()
    assert run.granted == 10 + CREDIT


def test_begin__whole__is_granted_beyond_its_share() -> None:
    credit = make_credit(signed=Tokens(tokens_in=200))
    credit.begin("a", prompt=1, most=1)
    run = credit.begin("b", prompt=400, most=400, whole=True)
    credit.share()
    assert run.granted == 400


@pytest.mark.parametrize(("reserve", "spent"), [(10_000, False), (1, False), (0, True)])
def test_is_spent__the_reserve__covers_one_more_token_or_not(reserve: int, *, spent: bool) -> None:
    assert make_credit(reserve=reserve).is_spent is spent


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(1, 400), st.integers(1, 400)),
        st.tuples(st.just("work"), st.integers(0, 5), st.integers(1, 300)),
        st.tuples(st.just("end"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("sign"), st.integers(0, 300), st.integers(0, 300)),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_whatever_happens_no_more_than_the_credit_is_unsigned(steps: list[tuple[str, int, int]]) -> None:
    credit, runs = make_credit(), {}
    for number, (step, one, other) in enumerate(steps):
        if step == "begin":
            runs[str(number)] = credit.begin(str(number), prompt=one, most=one + other)
        elif step == "sign":
            before = credit.signed
            credit.signed = Tokens(tokens_in=before.tokens_in + one, tokens_out=before.tokens_out + other)
        elif runs:
            key = sorted(runs)[one % len(runs)]
            if step == "work":
                runs[key].done = min(runs[key].granted, runs[key].done + other)
            else:
                credit.end(key)
                del runs[key]
        credit.share()
        assert granted(credit).beyond(credit.signed) <= CREDIT
        assert credit.worked.beyond(credit.signed) <= CREDIT
        assert all(run.done <= run.granted <= run.most for run in runs.values())
