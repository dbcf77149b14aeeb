import pytest
from py_arkworks_bls12381 import G1Point, Scalar

from wire.threshold.curve import ORDER, multiply_g1
from wire.threshold.proofs import is_key_proved, is_secret_proved, prove_key, prove_secret

HOST, SECRET = b"a" * 20, 123456789
KEY = multiply_g1(G1Point(), SECRET)
PROOF = prove_key("test-1", HOST, SECRET)
IDENTITY = b"\xc0" + bytes(47)


def test_is_key_proved__by_its_holder__is() -> None:
    assert is_key_proved("test-1", HOST, KEY, PROOF)


REFUSED = [
    ("test-2", HOST, KEY, PROOF, "on another chain"),
    ("test-1", b"b" * 20, KEY, PROOF, "for another host"),
    ("test-1", HOST, multiply_g1(G1Point(), 5), PROOF, "another key"),
    ("test-1", HOST, KEY, prove_key("test-1", HOST, 5), "another secret"),
    ("test-1", HOST, KEY, PROOF[:-1], "a short proof"),
    ("test-1", HOST, KEY, PROOF[:32] + (ORDER + 5).to_bytes(32, "big"), "an answer beyond the order"),
    ("test-1", HOST, b"junk", PROOF, "no point"),
    ("test-1", HOST, IDENTITY, prove_key("test-1", HOST, 0), "the identity"),
]


@pytest.mark.parametrize(("chain_id", "host", "key", "proof", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_is_key_proved__one_thing_wrong__is_not(
    chain_id: str, host: bytes, key: bytes, proof: bytes, words: str
) -> None:
    assert not is_key_proved(chain_id, host, key, proof)


def test_is_secret_proved__two_points_of_two_secrets__is_not() -> None:
    bases = [G1Point(), G1Point() * Scalar(7)]
    same = [multiply_g1(base, SECRET) for base in bases]
    proof = prove_secret(b"statement", bases, SECRET)
    assert is_secret_proved(b"statement", bases, same, proof)
    assert not is_secret_proved(b"another", bases, same, proof)
    assert not is_secret_proved(b"statement", bases, [same[0], multiply_g1(bases[1], 5)], proof)
    assert not is_secret_proved(b"statement", bases, [same[0], b"junk"], proof)
