import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.params import RewardParams
from rules.presets import MAINNET
from rules.rewards import Earner, compute_minted, compute_next_subsidy, split_pot
from rules.types import Host

PARAMS = RewardParams(decay_num=99, decay_den=100, max_subsidy_per_unit_ngonka=10)


def earner(number: int, units: int, *, due: int = 0, wrong: int = 0) -> Earner:
    return Earner(host=Host(bytes([number]) * 20), effective_units=units, due=due, wrong=wrong)


@pytest.mark.parametrize(("subsidy", "units", "minted"), [(1000, 100, 1000), (1000, 99, 990), (1000, 0, 0), (0, 5, 0)])
def test_compute_minted__no_more_than_the_units_carry(subsidy: int, units: int, minted: int) -> None:
    assert compute_minted(subsidy, units, PARAMS) == minted


def test_compute_next_subsidy__is_floored_each_time() -> None:
    assert compute_next_subsidy(101, PARAMS) == 99
    assert compute_next_subsidy(1, PARAMS) == 0


def test_compute_next_subsidy__mainnet__halves_in_about_four_years() -> None:
    subsidy = start = 323_000 * 10**9
    for _ in range(1475):
        subsidy = compute_next_subsidy(subsidy, MAINNET.rewards)
    assert start * 49 // 100 < subsidy < start * 51 // 100


SPLITS = [
    (100, [earner(1, 1), earner(2, 1), earner(3, 1)], 0, [33, 33, 33], 1, "rounding is the rest"),
    (100, [earner(1, 3), earner(2, 1)], 0, [75, 25], 0, "by effective units"),
    (100, [earner(1, 50)], 50, [50], 50, "what others forfeit is nobody's"),
    (100, [earner(1, 1, due=4, wrong=1), earner(2, 1, due=4)], 0, [37, 50], 13, "a quarter wrong costs a quarter"),
    (100, [earner(1, 1, due=4, wrong=2)], 0, [0], 100, "half wrong costs all"),
    (100, [earner(1, 1, due=1, wrong=1)], 0, [0], 100, "all wrong costs all"),
    (100, [], 0, [], 100, "nobody earns"),
    (100, [earner(1, 0)], 0, [0], 100, "nobody weighs anything"),
    (0, [earner(1, 1)], 0, [0], 0, "an empty pot"),
]


@pytest.mark.parametrize(
    ("pot", "earners", "forfeited", "shares", "rest", "words"), SPLITS, ids=[s[-1] for s in SPLITS]
)
def test_split_pot__conserves_the_pot(
    pot: int, earners: list[Earner], forfeited: int, shares: list[int], rest: int, words: str
) -> None:
    split = split_pot(pot, earners, forfeited)
    assert [share for _, share in split.shares] == shares
    assert split.rest == rest


@given(
    pot=st.integers(0, 2**62),
    units=st.lists(st.tuples(st.integers(0, 2**50), st.integers(0, 40), st.integers(0, 40)), max_size=8),
    forfeited=st.integers(0, 2**50),
)
def test_a_pot_is_never_more_nor_less_than_its_parts(
    pot: int, units: list[tuple[int, int, int]], forfeited: int
) -> None:
    earners = [earner(i, u, due=max(due, wrong), wrong=wrong) for i, (u, due, wrong) in enumerate(units)]
    split = split_pot(pot, earners, forfeited)
    assert sum(share for _, share in split.shares) + split.rest == pot
    assert split.rest >= 0
    assert all(share >= 0 for _, share in split.shares)


@given(st.integers(1, 2**62), st.integers(1, 2**40), st.integers(1, 2**40))
def test_a_rivals_failure_never_pays(pot: int, mine: int, theirs: int) -> None:
    both = split_pot(pot, [earner(1, mine), earner(2, theirs)], 0)
    alone = split_pot(pot, [earner(1, mine)], theirs)
    assert alone.shares[0] == both.shares[0]
