"""Who commits and what their secrets come to."""

from hashlib import sha256

from rules.beacon import combine_reveals, select_committers
from rules.types import Host

A, B, C, D = (Host(bytes([n]) * 20) for n in (1, 2, 3, 4))


def test_select_committers__more_hosts_than_places__takes_the_most_units_and_the_lower_address() -> None:
    assert select_committers({D: 5, C: 9, B: 5, A: 0}, 2) == (B, C)
    assert select_committers({D: 5, C: 9, B: 5, A: 0}, 9) == (B, C, D)


def test_combine_reveals__any_order_of_arrival__hashes_in_address_order() -> None:
    framed = b"".join(len(p).to_bytes(4, "little") + p for p in (b"gonka/reveals", b"a" * 32, b"b" * 32))
    assert combine_reveals({B: b"b" * 32, A: b"a" * 32}) == sha256(framed).digest()


def test_combine_reveals__nobody__is_empty() -> None:
    assert combine_reveals({}) == b""
