"""A request on its way: what is to be done, what there is to do it with, and one attempt at one host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gateway.charges import Reservation
from gateway.counting import Bounds
from gateway.hosts import HostClient
from gateway.pairs import LiveAttempt, Pair
from gateway.receipts import KeptReceipt
from gateway.routing import Candidate, Chance
from gateway.store import Store
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A request that may run: what is reserved for it, what a host gets, and which hosts may be asked, in order.

    `choices` are the answers it asks for; `wants_usage` says whether the application asked for the counting chunk, and
    `is_whole` whether it wants the answer in one piece: then nothing is delivered before all of it is there.
    """

    reservation: Reservation
    bounds: Bounds
    path: str
    body: bytes
    choices: int
    wants_usage: bool
    is_whole: bool
    candidates: tuple[Candidate, ...]


class Ports(Protocol):
    """What a relay works with; gateway.desk.Desk is one."""

    store: Store
    client: HostClient
    secret: bytes
    chance: Chance

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
    """An attempt at one host."""

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
    receipt: KeptReceipt | None = None
    receipt_fault: str = "its answer ends without a receipt"

    @property
    def is_finished(self) -> bool:
        """Whether every answer that was asked for has ended."""
        return len(self.finished) >= self.errand.choices
