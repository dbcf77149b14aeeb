"""Branches: all or nothing, and at any depth."""

from __future__ import annotations

from chain.context import LAST_SECOND, Context, make_timestamp
from chain.store.overlay import Overlay
from chain.store.store import Store


def make_context() -> Context:
    return Context(store=Overlay(Store.in_memory().latest), height=5, time_ns=7, chain_id="test-1", message_index=2)


def test_branch__merged__hands_on_writes_and_events() -> None:
    ctx = make_context()
    outer = ctx.branch()
    inner = outer.context.branch()
    inner.context.store.set(b"a", b"1")
    inner.context.emit("happened", what=1)
    assert ctx.store.get(b"a") is None
    inner.merge()
    assert (ctx.store.get(b"a"), ctx.events) == (None, [])
    outer.merge()
    assert ctx.store.get(b"a") == b"1"
    assert [(event.type, event.attributes) for event in ctx.events] == [
        ("happened", (("what", "1"), ("msg_index", "2")))
    ]


def test_branch__dropped__leaves_nothing() -> None:
    ctx = make_context()
    branch = ctx.branch()
    branch.context.store.set(b"a", b"1")
    branch.context.store.delete(b"b")
    branch.context.emit("happened")
    assert (ctx.store.get(b"a"), ctx.events) == (None, [])


def test_branch__stands_where_its_context_stands() -> None:
    ctx, branch = make_context(), make_context().branch().context
    assert (branch.height, branch.time_ns, branch.chain_id, branch.message_index) == (
        ctx.height,
        ctx.time_ns,
        ctx.chain_id,
        ctx.message_index,
    )


def test_make_timestamp__beyond_what_one_can_say__is_the_last() -> None:
    assert make_timestamp(1_500_000_001).ToNanoseconds() == 1_500_000_001
    assert make_timestamp(10**30).seconds == LAST_SECOND
    assert make_timestamp(10**30).ToJsonString().startswith("9999-12-31")
