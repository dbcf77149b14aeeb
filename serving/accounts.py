"""Escrows at this host, in memory: what is granted to whom, and how long an answer waits for a voucher."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rules.vouchers import Voucher, check_progress
from serving.credit import Credit, Run
from serving.journal import Journal
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError

VOUCHER_S: Final = 30.0
"""How long an answer that has used its allowance waits for a voucher."""
LOOK_S: Final = 0.5
RUNS_PER_ESCROW: Final = 64
"""Answers at a time: each has a share of the credit, and waits for vouchers at its end."""


class Account:
    """One escrow at this host; the journal has what must not be lost.  `now_s` is monotonic."""

    def __init__(self, journal: Journal, now_s: Callable[[], float], credit: Credit, newest: Voucher | None) -> None:
        self._journal = journal
        self._now_s = now_s
        self.credit = credit
        self.newest = newest
        self._grown: dict[str, asyncio.Event] = {}

    @property
    def signed(self) -> int:
        """Tokens that the newest voucher covers."""
        return self.credit.signed.tokens_in + self.credit.signed.tokens_out

    def begin(self, key: str, *, prompt: int, most: int, whole: bool = False) -> PaidRun:
        """A new answer, with what can be granted now.  Raises ApiError queue_full."""
        if self.credit.runs >= RUNS_PER_ESCROW:
            raise ApiError("queue_full", f"{RUNS_PER_ESCROW} answers for this escrow already", retry_after_s=1)
        run = self.credit.begin(key, prompt=prompt, most=most, whole=whole)
        self._grown[key] = asyncio.Event()
        self.share()
        return PaidRun(account=self, run=run, grown=self._grown[key], now_s=self._now_s)

    def end(self, key: str) -> None:
        """An answer has ended."""
        if key in self._grown:
            self.credit.end(key)
            del self._grown[key]
            self.share()

    def share(self) -> None:
        """Grant what may be granted."""
        for key in self.credit.share():
            self._grown[key].set()

    def take(self, voucher: Voucher, message: pb.Voucher) -> None:
        """A voucher whose signature is good: on disk before it counts.  Raises RuleError, ClientError."""
        check_progress(self.credit.terms, self.newest, voucher)
        self._journal.keep_voucher(message, self.credit.worked)
        self.newest, self.credit.signed = voucher, voucher.tokens
        self.share()


@dataclass(slots=True, kw_only=True)
class PaidRun:
    """One answer of a paid request."""

    account: Account
    run: Run
    grown: asyncio.Event
    now_s: Callable[[], float]
    starved_s: float | None = None

    @property
    def granted(self) -> int:
        """Tokens of prompt and answer together."""
        return self.run.granted

    def note(self, work: int) -> None:
        """So many are done; what that frees goes to who needs it."""
        self.run.done = max(self.run.done, work)
        self.account.share()

    async def wait_beyond(self, granted: int) -> int:
        """Wait until more than that is granted.  Raises ApiError: voucher_missing, escrow_spent."""
        while self.run.granted <= granted:
            self.grown.clear()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self.grown.wait()
            except TimeoutError:
                self._check_patience()
        self.starved_s = None
        return self.run.granted

    def _check_patience(self) -> None:
        if not self.run.is_starving:
            self.starved_s = None
            return
        if self.account.credit.is_spent:
            raise ApiError("escrow_spent")
        self.starved_s = self.now_s() if self.starved_s is None else self.starved_s
        if self.now_s() - self.starved_s > VOUCHER_S:
            raise ApiError("voucher_missing", f"{VOUCHER_S:.0f} s without a voucher for what is done")
