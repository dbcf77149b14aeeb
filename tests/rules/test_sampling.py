"""Draws against a naive reading of the protocol's text, their fairness, and the encodings of reports."""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.errors import RuleError
from rules.sampling import (
    Holders,
    compute_sample_digest,
    draw_group,
    draw_numbers,
    draw_seats,
    encode_bits,
    encode_rows,
    sample_positions,
)
from rules.types import Claim, Dispute, Host, Row

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "sampling.json").read_text())
SEED = bytes(range(32))
A, B, C, D = (Host(bytes([n]) * 20) for n in (1, 2, 3, 4))


def naive_draw(label: bytes, parts: list[bytes], counter: int) -> int:
    framed = b"".join(len(p).to_bytes(4, "little") + p for p in [label, *parts, counter.to_bytes(4, "little")])
    return int.from_bytes(sha256(framed).digest()[:8], "little")


def naive_positions(seed: bytes, epoch: int, claim: Claim, k: int) -> list[int]:
    parts = [seed, epoch.to_bytes(8, "little"), claim.host, claim.root, claim.count.to_bytes(8, "little")]
    found: list[int] = []
    counter = 0
    while len(found) < min(k, claim.count):
        v = naive_draw(b"gonka/sample", parts, counter)
        if v < claim.count * (2**64 // claim.count) and v % claim.count not in found:
            found.append(v % claim.count)
        counter += 1
    return sorted(found)


def naive_seats(seed: bytes, epoch: int, claimant: Host, table: dict[Host, int], seats: int) -> list[Host]:
    total = sum(units for host, units in table.items() if host != claimant)
    found: list[Host] = []
    counter = 0
    while len(found) < seats:
        v = naive_draw(b"gonka/seats", [seed, epoch.to_bytes(8, "little"), claimant], counter)
        counter += 1
        if v >= total * (2**64 // total):
            continue
        running = 0
        for host in sorted(table):
            if host != claimant:
                running += table[host]
                if running > v % total:
                    found.append(host)
                    break
    return found


def make_claim(count: int) -> Claim:
    return Claim(host=A, count=count, root=sha256(count.to_bytes(8, "big")).digest())


@given(st.integers(1, 400), st.integers(64, 128), st.binary(min_size=32, max_size=32))
@settings(max_examples=40, deadline=None)
def test_sample_positions__any_claim__equals_the_naive_draw(count: int, k: int, seed: bytes) -> None:
    drawn = sample_positions(seed, 5, make_claim(count), k)
    assert list(drawn) == naive_positions(seed, 5, make_claim(count), k)
    assert len(set(drawn)) == min(k, count)


def test_sample_positions__vectors__are_the_same_for_ever() -> None:
    for vector in VECTORS["positions"]:
        claim = Claim(host=A, count=int(vector["count"]), root=bytes.fromhex(vector["root"]))
        drawn = sample_positions(SEED, vector["epoch"], claim, vector["samples"])
        assert list(map(str, drawn)) == vector["positions"]


def test_sample_positions__many_seeds__every_position_as_often() -> None:
    hits = Counter(
        p for n in range(300) for p in sample_positions(bytes([n % 256, n // 256] * 16), 1, make_claim(80), 64)
    )
    assert set(hits) == set(range(80))
    assert all(200 < hits[p] < 280 for p in hits)  # 240 expected, standard deviation 7


@given(
    st.dictionaries(st.sampled_from([A, B, C, D]), st.integers(0, 10**15)),
    st.sampled_from([A, B, C, D]),
    st.binary(min_size=32, max_size=32),
)
@settings(max_examples=80, deadline=None)
def test_draw_seats__any_table__equals_the_naive_draw(table: dict[Host, int], claimant: Host, seed: bytes) -> None:
    holders, others = Holders.of(table), sum(units for host, units in table.items() if host != claimant)
    drawn = draw_seats(seed, 9, claimant, holders, 32)
    assert holders.count_others(claimant) == others
    if others:
        assert list(drawn) == naive_seats(seed, 9, claimant, table, 32)
    else:
        assert drawn == ()


def test_draw_seats__vectors__are_the_same_for_ever() -> None:
    vector = VECTORS["seats"]
    table = {Host(bytes.fromhex(host)): units for host, units in vector["table"].items()}
    drawn = draw_seats(SEED, vector["epoch"], A, Holders.of(table), len(vector["holders"]))
    assert [holder.hex() for holder in drawn] == vector["holders"]


def test_draw_seats__units_1_to_3__seats_follow_them_and_nobody_sits_on_its_own_claim() -> None:
    holders = Holders.of({A: 900, B: 1, C: 3, D: 0})
    drawn = Counter(h for n in range(100) for h in draw_seats(bytes([n] * 32), 1, A, holders, 32))
    assert set(drawn) == {B, C}
    assert 700 < drawn[B] < 900  # 800 of 3,200 expected, standard deviation 24


@pytest.mark.parametrize("below", [0, 2**64 + 1])
def test_draw_numbers__a_bound_that_no_draw_can_meet__stops_instead_of_drawing_for_ever(below: int) -> None:
    with pytest.raises(AssertionError):
        next(draw_numbers("gonka/sample", (b"",), below))
    assert next(draw_numbers("gonka/sample", (b"",), 2**64)) < 2**64


def test_draw_seats__claimant_alone__has_none() -> None:
    assert draw_seats(SEED, 1, A, Holders.of({A: 5}), 32) == ()
    assert draw_seats(SEED, 1, A, Holders.of({}), 32) == ()


def test_compute_sample_digest__any_order__hashes_ascending() -> None:
    pairs = [(300, b"c" * 24), (2, b"a" * 24)]
    body = (2).to_bytes(8, "little") + b"a" * 24 + (300).to_bytes(8, "little") + b"c" * 24
    framed = b"".join(len(p).to_bytes(4, "little") + p for p in (b"gonka/digest", body))
    assert compute_sample_digest(pairs) == sha256(framed).digest()[:8]


def test_encode_rows__two_claims__is_host_digest_count_positions() -> None:
    rows = [
        Row(claimant=A, sample_digest=b"d" * 8, mismatched_positions=()),
        Row(claimant=B, sample_digest=bytes(8), mismatched_positions=(1, 258)),
    ]
    assert encode_rows(rows) == (
        A + b"d" * 8 + bytes(4) + B + bytes(8) + bytes([2, 0, 0, 0]) + bytes([1, *[0] * 7]) + bytes([2, 1, *[0] * 6])
    )


def test_encode_bits__two_disputes__is_claimant_nonce_bit() -> None:
    disputes = [Dispute(claimant=A, nonce=1), Dispute(claimant=B, nonce=2)]
    assert encode_bits(disputes, b"\x00\x01") == A + bytes([1, *[0] * 7, 0]) + B + bytes([2, *[0] * 7, 1])


@pytest.mark.parametrize("bits", [b"", b"\x00", b"\x00\x02", b"\x00\x01\x00"])
def test_encode_bits__not_one_bit_a_dispute__is_refused(bits: bytes) -> None:
    with pytest.raises(RuleError, match="dispute_malformed"):
        encode_bits([Dispute(claimant=A, nonce=1), Dispute(claimant=B, nonce=2)], bits)


def test_draw_group__as_many_hosts_as_asked_for__are_distinct_and_bound_to_all_parts() -> None:
    table = {Host(bytes([n]) * 20): n + 1 for n in range(40)}
    group = draw_group("gonka-1", bytes(32), 7, table, 8)
    assert len(set(group)) == 8
    assert group == draw_group("gonka-1", bytes(32), 7, dict(reversed(table.items())), 8)
    others = [("gonka-2", bytes(32), 7), ("gonka-1", b"\1" * 32, 7), ("gonka-1", bytes(32), 8)]
    assert all(draw_group(*other, table, 8) != group for other in others)


def test_draw_group__fewer_hosts_with_units_than_asked_for__are_all_of_them() -> None:
    table = {Host(bytes([n]) * 20): n for n in range(4)}
    assert sorted(draw_group("gonka-1", bytes(32), 1, table, 8)) == [bytes([n]) * 20 for n in (1, 2, 3)]
    assert draw_group("gonka-1", bytes(32), 1, {}, 8) == ()


def test_draw_group__one_host_with_nearly_all_units__is_nearly_always_first_and_the_draw_still_ends() -> None:
    table = {Host(bytes([n]) * 20): 1 for n in range(10)} | {Host(b"\xff" * 20): 2**58}
    groups = [draw_group("gonka-1", bytes(32), escrow, table, 8) for escrow in range(20)]
    assert {group[0] for group in groups} == {b"\xff" * 20}
    assert all(len(set(group)) == 8 for group in groups)


def test_draw_group__first_places__fall_by_effective_units() -> None:
    small, large = Host(bytes(20)), Host(b"\1" * 20)
    firsts = [draw_group("gonka-1", bytes(32), escrow, {small: 1, large: 3}, 1)[0] for escrow in range(1000)]
    assert 690 <= firsts.count(large) <= 810


def test_draw_group__vector__is_the_same_for_ever_and_that_of_a_naive_reading() -> None:
    vector = json.loads((Path(__file__).parents[1] / "vectors" / "vouchers.json").read_text())["group"]
    table = {Host(bytes.fromhex(host)): units for host, units in vector["table"].items()}
    found, left = [], dict(sorted(table.items()))
    for place in range(vector["size"]):
        total, counter = sum(left.values()), 0
        parts = [b"gonka-1", SEED, (5).to_bytes(8, "little"), place.to_bytes(4, "little")]
        while (value := naive_draw(b"gonka/group", parts, counter)) >= total * (2**64 // total):
            counter += 1
        running = 0
        for host, units in left.items():  # noqa: B007 - the one it ends at
            running += units
            if running > value % total:
                break
        found.append(host)
        del left[host]
    assert [host.hex() for host in found] == vector["group"]
    assert tuple(found) == draw_group("gonka-1", SEED, 5, table, vector["size"])
