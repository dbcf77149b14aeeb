import pytest

from gateway.rates import RateLimiter
from wire.openai.errors import ApiError


def test_take__a_minutes_worth_at_once__then_one_at_a_time() -> None:
    limiter = RateLimiter()
    for _ in range(6):
        limiter.take("k", 6, 0)
    with pytest.raises(ApiError) as caught:
        limiter.take("k", 6, 0)
    assert (caught.value.code, caught.value.retry_after_s) == ("rate_limit_exceeded", 10)
    limiter.take("other", 6, 0)
    limiter.take("k", 6, 10_000)
    with pytest.raises(ApiError):
        limiter.take("k", 6, 10_001)


def test_take__refused_requests__do_not_count() -> None:
    limiter = RateLimiter()
    limiter.take("k", 1, 0)
    for now_ms in range(0, 59_000, 1000):
        with pytest.raises(ApiError):
            limiter.take("k", 1, now_ms)
    limiter.take("k", 1, 60_000)


def test_take__the_clock_is_set_back__nobody_waits_longer_than_a_minute() -> None:
    limiter = RateLimiter()
    limiter.take("k", 1, 3_600_000)
    with pytest.raises(ApiError) as caught:
        limiter.take("k", 1, 0)
    assert caught.value.retry_after_s == 60
    limiter.take("k", 1, 60_000)
