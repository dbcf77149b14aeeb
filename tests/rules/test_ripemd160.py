"""The hash against the vectors of its authors' page, with and without hashlib's own."""

import hashlib

import pytest

from rules.ripemd160 import compute_ripemd160, compute_ripemd160_here

VECTORS = [
    (b"", "9c1185a5c5e9fc54612808977ee8f548b2258d31", "nothing"),
    (b"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe", "one byte"),
    (b"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc", "three bytes"),
    (b"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36", "words"),
    (b"abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc", "the alphabet"),
    (
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "12a053384a9c0c88e405a06c27dcf49ada62eb2b",
        "56 bytes",
    ),
    (b"1234567890" * 8, "9b752e45573d4b39f4dbd3323cab82bf63326bfb", "two blocks"),
]


@pytest.mark.parametrize(("data", "expected", "words"), VECTORS)
def test_compute_ripemd160__published_vector__matches(data: bytes, expected: str, words: str) -> None:
    assert compute_ripemd160(data).hex() == expected
    assert compute_ripemd160_here(data).hex() == expected


def test_compute_ripemd160__hashlib_without_it__falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *rest: object, **options: object) -> None:
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(hashlib, "new", refuse)

    assert compute_ripemd160(b"abc").hex() == "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"
