import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point, G2Point, Scalar

from wire.threshold.curve import (
    ORDER,
    compute_lagrange,
    derive_scalar,
    evaluate,
    read_g1,
    read_g2,
    sign,
    verify,
)

QUICKNET = json.loads((Path(__file__).parents[2] / "vectors" / "drand.json").read_text())
PUBLIC_KEY = bytes.fromhex(QUICKNET["public_key"])


@pytest.mark.parametrize("beacon", QUICKNET["beacons"], ids=lambda beacon: f"round {beacon['round']}")
def test_verify__a_round_of_drands_quicknet__is_good(beacon: dict[str, str]) -> None:
    message = sha256(int(beacon["round"]).to_bytes(8, "big")).digest()
    signature = bytes.fromhex(beacon["signature"])
    assert verify(PUBLIC_KEY, message, signature)
    assert not verify(PUBLIC_KEY, message + b"\0", signature)
    if "randomness" in beacon:
        assert sha256(signature).hexdigest() == beacon["randomness"]


def test_verify__one_rounds_signature_for_another__is_not() -> None:
    first, second = QUICKNET["beacons"][:2]
    message = sha256(int(first["round"]).to_bytes(8, "big")).digest()
    assert not verify(PUBLIC_KEY, message, bytes.fromhex(second["signature"]))


def public_key_of(secret: int) -> bytes:
    return (G2Point() * Scalar(secret)).to_compressed_bytes()


def test_verify__what_a_secret_signed__is_good_under_its_key_only() -> None:
    signature = sign(5, b"message")
    assert verify(public_key_of(5), b"message", signature)
    assert not verify(public_key_of(6), b"message", signature)


IDENTITY = b"\xc0" + bytes(47)
MALFORMED = [
    (b"", "nothing"),
    (bytes(48), "zeros"),
    (b"\xff" * 48, "an identity written in another way"),
    (IDENTITY[:-1] + b"\1", "an identity with a stray bit"),
    (sign(5, b"message")[:-1], "a byte short"),
    (sign(5, b"message") + b"\0", "a byte long"),
]


@pytest.mark.parametrize(("data", "words"), MALFORMED, ids=[words for _, words in MALFORMED])
def test_read_g1__what_is_no_canonical_point__is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_g1(data)
    assert not verify(public_key_of(5), b"message", data)


@pytest.mark.parametrize("data", [b"", bytes(96), b"\xff" * 96, PUBLIC_KEY[:-1], PUBLIC_KEY + b"\0"])
def test_read_g2__what_is_no_canonical_point__is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_g2(data)
    assert not verify(data, b"message", sign(5, b"message"))


def test_read_g1__a_point_outside_the_subgroup__is_refused() -> None:
    outside = next(
        data
        for data in (b"\x80" + bytes(45) + i.to_bytes(2, "big") for i in range(1, 100))
        if _is_on_curve(data) and not G1Point.from_compressed_bytes_unchecked(data).is_in_subgroup()
    )
    with pytest.raises(ValueError, match=r"."):
        read_g1(outside)


def _is_on_curve(data: bytes) -> bool:
    try:
        G1Point.from_compressed_bytes_unchecked(data)
    except ValueError:
        return False
    return True


def test_verify__the_identity_as_key_and_signature__is_not() -> None:
    assert not verify(b"\xc0" + bytes(95), b"message", IDENTITY)


@given(
    st.lists(st.integers(0, ORDER - 1), min_size=1, max_size=8),
    st.sets(st.integers(1, 128), min_size=8, max_size=8),
)
def test_compute_lagrange__values_at_enough_points__give_the_constant(
    coefficients: list[int], points: set[int]
) -> None:
    order = sorted(points)
    weights = compute_lagrange(order)
    total = sum(w * evaluate(coefficients, x) for w, x in zip(weights, order, strict=True))
    assert total % ORDER == coefficients[0]


def test_derive_scalar__other_parts__give_another_scalar() -> None:
    found = {derive_scalar("a", b"x"), derive_scalar("b", b"x"), derive_scalar("a", b"x", b""), derive_scalar("a")}
    assert len(found) == 4
    assert all(0 < scalar < ORDER for scalar in found)
