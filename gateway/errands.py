"""A request on its way: what is to be done, what there is to do it with, and one attempt at one host."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.assembly import assemble_texts
from gateway.charges import Reservation
from gateway.counting import Bounds
from gateway.hosts import HostClient, HostFailed
from gateway.pairs import LiveAttempt, Pair
from gateway.receipts import KeptReceipt
from gateway.routing import Candidate, Chance
from gateway.spelling import Script, Spellings
from gateway.store import Store
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError

HELD_BYTES: Final = 64 << 20
"""Of events that wait for an application: those before the first word, and all of an answer that is wanted whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A request that may run: what is reserved for it, what a host gets, and which hosts may be asked, in order.

    `choices` are the answers it asks for; `wants_usage` says whether the application asked for the counting chunk, and
    `is_whole` whether it wants the answer in one piece: then nothing is delivered before all of it is there.  `script`
    is there where the answers' tokens can be held against their text.
    """

    reservation: Reservation
    bounds: Bounds
    path: str
    body: bytes
    choices: int
    wants_usage: bool
    is_whole: bool
    candidates: tuple[Candidate, ...]
    script: Script | None = None


class Ports(Protocol):
    """What a relay works with; gateway.desk.Desk is one."""

    store: Store
    client: HostClient
    secret: bytes
    chance: Chance
    requires_tokens: bool
    attempts: Counter[str]

    def pair(self, candidate: Candidate) -> Pair:
        """The live pair of a candidate's escrow and host."""
        ...

    def note_success(self, host: str, latency_ms: int) -> None:
        """A host has begun to answer."""
        ...

    def note_failure(self, host: str, error: ApiError) -> None:
        """A host did not do what it should."""
        ...

    def note_receipt(self, host: str) -> None:
        """A host has ended an answer with a receipt that it signed as it must."""
        ...

    @property
    def epoch(self) -> int:
        """The chain's, as it was seen last."""
        ...

    def list_serving_keys(self, host: str) -> tuple[bytes, ...]:
        """The keys that a host may sign receipts with now, the newest first."""
        ...


@dataclass(slots=True, kw_only=True)
class Run:
    """An attempt at one host; `spellings` and `host_nonce` are there where the host tells its tokens."""

    errand: Errand
    candidate: Candidate
    pair: Pair
    live: LiveAttempt
    ticket: pb.Ticket
    began_ms: int
    held_back: list[str] = field(default_factory=list)
    held_bytes: int = 0
    finished: set[int] = field(default_factory=set)
    has_begun: bool = False
    spellings: Spellings | None = None
    host_nonce: bytes = b""
    receipt: KeptReceipt | None = None
    receipt_fault: str = "its answer ends without a receipt"

    @property
    def is_finished(self) -> bool:
        """Whether every answer that was asked for has ended."""
        return len(self.finished) >= self.errand.choices

    def hold_back(self, text: str) -> None:
        """Keep an event until there is something to show.  Raises HostFailed for more than HELD_BYTES of them."""
        self.held_bytes += len(text)
        if self.held_bytes > HELD_BYTES:
            detail = f"more than {HELD_BYTES} bytes before there is anything to show"
            raise HostFailed(ApiError("host_answer_invalid", detail))
        self.held_back.append(text)

    def release(self) -> list[str]:
        """The events that were held back; they are the application's now."""
        held_back, self.held_back, self.held_bytes = self.held_back, [], 0
        return held_back

    def finish(self) -> None:
        """The stream is over: an answer that is wanted whole is put together, before anything is delivered.

        Raises HostFailed where what it was to bring has not come.
        """
        if not self.is_finished:
            raise HostFailed(ApiError("host_ended_early"))
        if self.spellings is not None:
            try:
                self.spellings.check_end()
            except ApiError as error:
                raise HostFailed(error) from error
        if self.errand.is_whole:
            self.held_back = [assemble_texts(self.held_back, self.errand.path)]

    def end(self) -> None:
        """Nothing more comes of it: the pair has one answer less under way."""
        self.pair.end(self.live)
        if self.spellings is not None:
            self.pair.note_surplus(self.spellings.surplus)
