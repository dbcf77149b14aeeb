"""Nested writes: what is read, scanned, flushed and discarded."""

from hypothesis import given
from hypothesis import strategies as st

from chain.store.overlay import Overlay
from chain.store.store import Store

KEYS = st.binary(min_size=1, max_size=2)
CHANGES = st.dictionaries(KEYS, st.none() | st.binary(min_size=1, max_size=2), max_size=12)


def overlay_of(pairs: dict[bytes, bytes]) -> Overlay:
    overlay = Overlay(Store.in_memory().latest)
    for key, value in pairs.items():
        overlay.set(key, value)
    return overlay


def apply(overlay: Overlay, changes: dict[bytes, bytes | None]) -> None:
    for key, value in changes.items():
        if value is None:
            overlay.delete(key)
        else:
            overlay.set(key, value)


def test_get__written_removed_or_neither__shows_the_nearest_word() -> None:
    lower = overlay_of({b"a": b"1", b"b": b"2", b"c": b"3"})
    upper = Overlay(lower)
    upper.set(b"a", b"9")
    upper.delete(b"b")
    assert [upper.get(key) for key in (b"a", b"b", b"c", b"d")] == [b"9", None, b"3", None]
    assert lower.get(b"a") == b"1"


def test_flush_into__the_parent__makes_the_writes_its_own() -> None:
    lower = overlay_of({b"a": b"1", b"b": b"2"})
    upper = Overlay(lower)
    apply(upper, {b"a": None, b"c": b"3"})
    upper.flush_into(lower)
    assert lower.writes == {b"a": None, b"b": b"2", b"c": b"3"}


def test_scan__written_while_it_runs__shows_what_stood_when_it_began() -> None:
    overlay = overlay_of({b"a": b"1", b"b": b"2"})
    seen = []
    for key, value in overlay.scan(b""):
        overlay.delete(key)
        overlay.set(b"c" + key, b"3")
        seen.append((key, value))
    assert seen == [(b"a", b"1"), (b"b", b"2")]
    assert [key for key, _ in overlay.scan(b"")] == [b"ca", b"cb"]


@given(st.lists(CHANGES, min_size=1, max_size=3), CHANGES, st.binary(max_size=2))
def test_scan__any_nesting_and_writes_between__is_the_merged_dictionary(
    layers: list[dict[bytes, bytes | None]], later: dict[bytes, bytes | None], prefix: bytes
) -> None:
    overlay = overlay_of({})
    expected: dict[bytes, bytes | None] = {}
    for changes in layers:
        overlay = Overlay(overlay)
        apply(overlay, changes)
        expected |= changes
    for changes in ({}, later):
        apply(overlay, changes)
        expected |= changes
        held = sorted((key, value) for key, value in expected.items() if value is not None and key.startswith(prefix))
        assert list(overlay.scan(prefix)) == held
