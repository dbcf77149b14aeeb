"""The live side of an escrow and one host of its group: what runs there, and the voucher on its way.

Work is noted, and signed for, whenever enough of it has come together; the newest voucher is what is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import structlog

from chain_client.errors import ClientError
from gateway.counting import Bounds, Meter
from gateway.promises import PairState, Report, record_work
from gateway.store import Store
from rules.vouchers import Terms, Tokens, compute_amount
from wire.openai.errors import ApiError

log = structlog.get_logger("gateway")

NOTHING: Final = Tokens()
SIGN_SHARE: Final = 4
"""Work is signed for when a fourth of the credit has come together."""
CROWD: Final = 8
LONGEST_UNSIGNED_S: Final = 0.5
QUIET_LOOKS: Final = 4
RETRY_S: Final = 0.5
LONGEST_RETRY_S: Final = 5.0

SendVoucher = Callable[[bytes], Awaitable[None]]
"""Hands an encoded voucher to the host.  Raises ApiError where it is not taken."""


@dataclass(slots=True, kw_only=True)
class LiveAttempt:
    """One request under way: how far it is, what of that is noted or counted for signing, and the ngonka it holds."""

    attempt_id: int
    meter: Meter
    held_ngonka: int
    noted: Tokens = NOTHING
    counted: Tokens = NOTHING
    delivers: bool = False

    def report(self) -> Report:
        """What there is to note."""
        return Report(attempt_id=self.attempt_id, tokens=self.meter.tokens, delivers=self.delivers)


class Pair:
    """Owns the work between one escrow and one host; `terms` are as the chain last told."""

    def __init__(self, terms: Terms, state: PairState, *, store: Store, secret: bytes, send: SendVoucher) -> None:
        self.terms = terms
        self._state = state
        self._store = store
        self._secret = secret
        self._send = send
        self._live: dict[int, LiveAttempt] = {}
        self._taken = 0
        self._expected_ngonka = 0
        self._unsigned = 0
        self._quiet = 0
        self._surplus = 0
        self.is_exhausted = False
        self._news = asyncio.Event()
        if state.serial:
            self._news.set()

    @property
    def load(self) -> int:
        """Requests under way."""
        return len(self._live)

    @property
    def promised_ngonka(self) -> int:
        """What is signed, or held for the worst cases of requests under way."""
        held = sum(attempt.held_ngonka for attempt in self._live.values())
        return compute_amount(self._state.signed, self.terms.price) + held + self._expected_ngonka

    @property
    def free_ngonka(self) -> int:
        """What the reserve can still hold."""
        return self.terms.reserve_ngonka - self.promised_ngonka

    @property
    def newest(self) -> tuple[int, bytes]:
        """Serial and bytes of the newest voucher; 0 and nothing where nothing is signed yet."""
        return self._state.serial, self._state.voucher

    @property
    def wanted(self) -> Tokens:
        """What is worth signing ahead for: prompts, and answers where many share the credit or none gets on.

        One answer alone does not wait for a voucher, and what is signed ahead of it might stay with the host.
        """
        wanted = [attempt.meter.wanted for attempt in self._live.values()]
        is_needed = len(wanted) >= CROWD or self._quiet >= QUIET_LOOKS
        out = sum(w.tokens_out for w in wanted) if is_needed else 0
        return Tokens(tokens_in=sum(w.tokens_in for w in wanted), tokens_out=out)

    @contextlib.contextmanager
    def expect(self, bounds: Bounds) -> Iterator[None]:
        """Hold a request's worst case while it is being opened."""
        most = self._compute_most(bounds)
        self._expected_ngonka += most
        try:
            yield
        finally:
            self._expected_ngonka -= most

    def begin(self, attempt_id: int, bounds: Bounds) -> LiveAttempt:
        """Count a request that was opened here, and hold its worst case."""
        attempt = LiveAttempt(attempt_id=attempt_id, meter=Meter(bounds), held_ngonka=self._compute_most(bounds))
        self._live[attempt_id] = attempt
        return attempt

    def adopt(self, state: PairState, *, carried: bool = False) -> None:
        """Take over what a write of the ledger left; writes end in the order in which they began.

        A voucher that is `carried` goes with a request, and need not be sent besides unless that fails.
        """
        self._state = state
        if state.serial > self._taken and not carried:
            self._news.set()

    def confirm(self, serial: int) -> None:
        """The host has taken a voucher of this serial, or a newer one."""
        self._taken = max(self._taken, serial)

    async def sign(self, attempt: LiveAttempt) -> None:
        """An attempt's host has counted: note and sign for what has moved since the last time, once it is enough.

        Raises ClientError where the disk does not take it.
        """
        self._unsigned += attempt.meter.tokens.beyond(attempt.counted)
        attempt.counted = attempt.meter.tokens
        if SIGN_SHARE * self._unsigned >= self.terms.credit_tokens:
            await self._note_moved()

    async def _note_moved(self) -> bool:
        """Note whatever has moved; whether anything had."""
        self._unsigned = 0
        moved = tuple(a for a in self._live.values() if a.meter.tokens != a.noted)
        if moved:
            await self.note(moved)
        return bool(moved)

    async def _look_after(self) -> None:
        """Sign for work that lies about; where nothing has moved for long, sign ahead: the host may count work that
        was lost on its way here.
        """
        moved = await self._note_moved()
        self._quiet = 0 if moved or not self._live else self._quiet + 1
        if self._quiet == QUIET_LOOKS:
            await self.note(())

    def give_up(self) -> None:
        """Ask the host nothing more under this escrow: it waits for a voucher beyond the credit, for work that never
        arrived.  That is the most that either side loses.
        """
        self.is_exhausted = True
        log.warning("credit_exhausted", escrow=self.terms.escrow_id, host=self.terms.host.hex())

    def note_surplus(self, tokens: int) -> None:
        """Tokens that an answer had beyond what its text needs, or below 0: no more than the credit is lost that way.

        Each answer by itself may be spelled so by chance; a host whose answers come to more is asked nothing more.
        """
        self._surplus = max(0, self._surplus + tokens)
        if self._surplus > self.terms.credit_tokens and not self.is_exhausted:
            self.is_exhausted = True
            log.warning("answers_padded", escrow=self.terms.escrow_id, host=self.terms.host.hex())

    async def note(self, attempts: tuple[LiveAttempt, ...]) -> None:
        """Note how far attempts are, and sign for it."""
        before = {attempt.attempt_id: attempt.noted for attempt in attempts}
        try:
            self.adopt(await self._store.write(self.prepare_note(attempts)))
        except ClientError:
            for attempt in attempts:
                attempt.noted = before[attempt.attempt_id]
            raise

    def prepare_note(self, attempts: tuple[LiveAttempt, ...]) -> Callable[[sqlite3.Connection], PairState]:
        """The write that notes how far attempts are by now, and signs for it."""
        reports = tuple(attempt.report() for attempt in attempts)
        for attempt, report in zip(attempts, reports, strict=True):
            attempt.noted = report.tokens
        terms, wanted, secret = self.terms, self.wanted, self._secret
        return lambda connection: record_work(connection, terms, reports, wanted, secret)

    def end(self, attempt: LiveAttempt) -> None:
        """Let a request go whose work is noted."""
        self._live.pop(attempt.attempt_id, None)

    def _compute_most(self, bounds: Bounds) -> int:
        return compute_amount(Tokens(tokens_in=bounds.most_in, tokens_out=bounds.most_out), self.terms.price)

    def set_terms(self, reserve_ngonka: int) -> None:
        """The reserve, after a top-up."""
        self.terms = replace(self.terms, reserve_ngonka=reserve_ngonka)

    async def deliver(self) -> None:
        """Send the newest voucher whenever there is one that the host has not got; for ever.

        Work too little to be signed for is signed for all the same after a while: the host may wait for just that.
        """
        wait_s = RETRY_S
        while True:
            try:
                async with asyncio.timeout(LONGEST_UNSIGNED_S):
                    await self._news.wait()
            except TimeoutError:
                with contextlib.suppress(ClientError):
                    await self._look_after()
            self._news.clear()
            serial, voucher = self._state.serial, self._state.voucher
            if serial <= self._taken:
                continue
            try:
                await self._send(voucher)
                self.confirm(serial)
                wait_s = RETRY_S
            except ApiError as error:
                log.info("voucher_not_taken", escrow=self.terms.escrow_id, serial=serial, code=error.code)
                self._news.set()
                await asyncio.sleep(wait_s)
                wait_s = min(LONGEST_RETRY_S, 2 * wait_s)
