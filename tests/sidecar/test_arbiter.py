"""Who gets a free device."""

import pytest

from sidecar.arbiter import (
    MAX_COUNT,
    TARGET_MS,
    USERS_TARGET_MS,
    SprintBid,
    VerificationBid,
    adapt_count,
    choose,
    compute_rest_ms,
    get_target_ms,
)

A = SprintBid(job_id="a", deadline_ms=1000, last_turn=2)
B = SprintBid(job_id="b", deadline_ms=1000, last_turn=1)
SOON = VerificationBid(key=2, deadline_ms=500)
LATER = VerificationBid(key=1, deadline_ms=900)


@pytest.mark.parametrize(
    ("now_ms", "sprints", "verifications", "chosen"),
    [
        pytest.param(0, [], [], None, id="nothing to do"),
        pytest.param(0, [A, B], [], B, id="the job that waited longest"),
        pytest.param(0, [A, B], [LATER], LATER, id="a verification comes before every job"),
        pytest.param(0, [A], [LATER, SOON], SOON, id="the earliest deadline first"),
        pytest.param(500, [A], [SOON], A, id="a verification that is late gets nothing"),
        pytest.param(1000, [A, B], [], None, id="a job at its deadline gets nothing"),
    ],
)
def test_choose(
    now_ms: int,
    sprints: list[SprintBid],
    verifications: list[VerificationBid],
    chosen: SprintBid | VerificationBid | None,
) -> None:
    assert choose(now_ms, sprints, verifications) == chosen


def test_choose__turns_are_counted__jobs_alternate() -> None:
    turns, served = {"a": 0, "b": 0, "c": 0}, []
    for turn in range(1, 10):
        bids = [SprintBid(job_id=job, deadline_ms=1, last_turn=last) for job, last in turns.items()]
        bid = choose(0, bids, [])
        assert isinstance(bid, SprintBid)
        turns[bid.job_id] = turn
        served.append(bid.job_id)
    assert "".join(served) == "abcabcabc"


@pytest.mark.parametrize(
    ("count", "elapsed_ms", "following"),
    [
        pytest.param(8, TARGET_MS / 2, 16, id="fast: double"),
        pytest.param(8, TARGET_MS, 8, id="just right"),
        pytest.param(8, TARGET_MS + 1, 4, id="slow: halve"),
        pytest.param(1, 10_000, 1, id="never below one"),
        pytest.param(MAX_COUNT, 0, MAX_COUNT, id="never above the limit"),
    ],
)
def test_adapt_count(count: int, elapsed_ms: float, following: int) -> None:
    assert adapt_count(count, elapsed_ms, TARGET_MS) == following


@pytest.mark.parametrize("target_ms", [TARGET_MS, USERS_TARGET_MS])
@pytest.mark.parametrize("nonces_per_ms", [0.01, 1, 50, 800])
def test_adapt_count__any_steady_speed__batches_settle_between_half_the_target_and_the_target(
    nonces_per_ms: float, target_ms: int
) -> None:
    count = 8
    for _ in range(30):
        count = adapt_count(count, count / nonces_per_ms, target_ms)
    assert count == 1 or target_ms / 2 < count / nonces_per_ms <= target_ms


def test_get_target_ms__users_want_tokens__batches_are_at_most_50_ms() -> None:
    assert (get_target_ms(users=True), get_target_ms(users=False)) == (50, 80)


@pytest.mark.parametrize(
    ("bid", "slowdown"),
    [
        pytest.param(A, 1.2, id="proofs"),
        pytest.param(SOON, 2.0, id="a verification, which has a near deadline"),
    ],
)
def test_compute_rest_ms__batch_and_rest_in_turn__users_keep_their_share_of_the_device(
    bid: SprintBid | VerificationBid, slowdown: float
) -> None:
    rest_ms = compute_rest_ms(bid, 50)
    assert (50 + rest_ms) / rest_ms == pytest.approx(slowdown)
