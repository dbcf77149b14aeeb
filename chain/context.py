"""What a handler or a step of an epoch may see and change: the state, and where in the chain it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from google.protobuf.timestamp_pb2 import Timestamp

from chain.engine.application import Event
from chain.store.kv import KV
from chain.store.overlay import Overlay

if TYPE_CHECKING:
    from chain.modules.handler import Handler

__all__ = ["LAST_SECOND", "Branch", "Context", "Event", "make_timestamp"]

LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999, in Unix time: a Timestamp holds no later one."""


def make_timestamp(time_ns: int) -> Timestamp:
    """A time for people, as messages carry it; one beyond LAST_SECOND becomes that."""
    seconds, nanos = divmod(time_ns, 10**9)
    return Timestamp(seconds=min(seconds, LAST_SECOND), nanos=nanos)


@dataclass(slots=True, kw_only=True)
class Context:
    """One block's view of the state.

    `store` takes the writes; `height` and `time_ns` (Unix) are the block's; `events` grows; `handlers`, by full name
    of the message, is what messages inside messages are applied by; `message_index` is that of the message in its
    transaction, added to its events, -1 outside of one.  `last_block_hash` is that of the block before this one.  Where
    nobody is `heard`, as in a check, events are not kept.
    """

    store: KV
    height: int
    time_ns: int
    chain_id: str
    events: list[Event] = field(default_factory=list)
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    message_index: int = -1
    last_block_hash: bytes = b""
    heard: bool = True

    def emit(self, kind: str, /, **attributes: object) -> None:
        """Add an event; attributes become text in the order given."""
        if not self.heard:
            return
        if self.message_index >= 0:
            attributes["msg_index"] = self.message_index
        self.events.append(Event(kind, tuple([(key, str(value)) for key, value in attributes.items()])))

    def over(self, store: KV, events: list[Event], message_index: int) -> Context:
        """The same place in the chain with another store and other events."""
        return Context(
            store=store,
            height=self.height,
            time_ns=self.time_ns,
            chain_id=self.chain_id,
            events=events,
            handlers=self.handlers,
            message_index=message_index,
            last_block_hash=self.last_block_hash,
            heard=self.heard,
        )

    def branch(self) -> Branch:
        """A context whose writes and events are kept apart until `Branch.merge`."""
        return Branch(self)


class Branch:
    """Writes and events over a context: all of them are merged, or the branch is dropped."""

    __slots__ = ("_overlay", "_parent", "context")

    def __init__(self, parent: Context) -> None:
        self._parent = parent
        self._overlay = Overlay(parent.store)
        self.context = parent.over(self._overlay, [], parent.message_index)

    def merge(self) -> None:
        """Hand writes and events on to the context branched from."""
        self._overlay.flush_into(self._parent.store)
        self._parent.events.extend(self.context.events)
