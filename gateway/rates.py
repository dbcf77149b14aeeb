"""Requests a minute, per key: a bucket that holds a minute's worth and fills steadily.  No clock of its own."""

from __future__ import annotations

from typing import Final

from wire.openai.errors import ApiError

MINUTE_US: Final = 60_000_000
MOST_KEYS: Final = 10_000


class RateLimiter:
    """Remembers, for each key, when its bucket would be full again (in microseconds; Source: ITU-T I.371, GCRA)."""

    def __init__(self) -> None:
        self._full_us: dict[str, int] = {}

    def take(self, key_id: str, per_minute: int, now_ms: int) -> None:
        """Take one request out of a key's bucket.  Raises ApiError `rate_limit_exceeded` where it is empty."""
        now_us = 1000 * now_ms
        known_us = self._full_us.get(key_id, 0)
        if known_us > now_us + MINUTE_US:  # the clock was set back
            known_us = self._full_us[key_id] = now_us + MINUTE_US
        full_us = max(now_us, known_us) + MINUTE_US // per_minute
        wait_us = full_us - now_us - MINUTE_US
        if wait_us > 0:
            raise ApiError(
                "rate_limit_exceeded",
                f"this key may send {per_minute} requests a minute",
                retry_after_s=-(-wait_us // 1_000_000),
            )
        if len(self._full_us) >= MOST_KEYS:
            self._full_us = {key: full for key, full in self._full_us.items() if full > now_us}
        self._full_us[key_id] = full_us
