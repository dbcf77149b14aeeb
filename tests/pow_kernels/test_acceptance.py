from __future__ import annotations

from hashlib import sha256

import pytest
import torch

from pow_kernels import oracle, spec
from pow_kernels.acceptance import compute_digests, compute_permutation, is_accepted, judge, mix
from pow_kernels.spec import DEV
from rules.seeds import framed_hash, le64


def digests(count: int) -> list[bytes]:
    return [sha256(le64(i)).digest() for i in range(count)]


def as_rows(data: list[bytes]) -> torch.Tensor:
    return torch.tensor([list(row) for row in data], dtype=torch.uint8)


def decide(dot: int, norm2: int, target2: int, cos2_q64: int) -> bool:
    return bool(is_accepted(torch.tensor([dot]), torch.tensor([norm2]), target2, cos2_q64)[0])


def test_compute_digests__any_nonce__is_the_framed_hash() -> None:
    key = bytes(range(32))
    nonces = [0, 1, 2**63, 2**64 - 1]
    outputs = torch.randint(-127, 128, (4, 256), dtype=torch.int8, generator=torch.Generator().manual_seed(0))
    wrapped = torch.tensor([n - (n >> 63 << 64) for n in nonces])
    expected = [
        framed_hash(spec.LABEL_TAG, key, le64(n), y.numpy().tobytes()) for n, y in zip(nonces, outputs, strict=True)
    ]
    assert [bytes(row) for row in compute_digests(key, wrapped, outputs).tolist()] == expected


@pytest.mark.parametrize("x", [0, 1, 255, 2**32 - 1])
@pytest.mark.parametrize("key", [0, 1, 0xDEADBEEF, 2**32 - 1])
def test_mix__words_up_to_their_limit__is_the_oracles(x: int, key: int) -> None:
    assert int(mix(torch.tensor([x]), torch.tensor([key]))[0]) == oracle.mix(x, key)


@pytest.mark.parametrize("outputs", [4, 8, 256, 2048, 8192])
def test_compute_permutation__any_keys__is_the_oracles_bijection(outputs: int) -> None:
    images = compute_permutation(as_rows(digests(3)), outputs)
    assert images.tolist() == [oracle.permutation(outputs, digest) for digest in digests(3)]
    assert torch.equal(images.sort(dim=1).values, torch.arange(outputs).expand(3, -1))


@pytest.mark.parametrize(
    ("dot", "cos2_q64", "accepted", "why"),
    [
        (2**30, 2**64, False, "equal is not greater"),
        (2**30, 2**64 - 1, True, "greater by one part in 2^64"),
        (-(2**30), 2**64 - 1, False, "the other direction"),
        (0, 0, False, "no direction"),
        (2**30, 2**64 + 1, False, "less by one part in 2^64"),
    ],
)
def test_is_accepted__at_the_boundary__is_decided_exactly(dot: int, cos2_q64: int, accepted: bool, why: str) -> None:
    assert decide(dot, 2**30, 2**30, cos2_q64) is accepted, why


def test_is_accepted__largest_terms__do_not_overflow() -> None:
    greatest = 8192 * 127 * 127
    assert decide(greatest, greatest, greatest, 2**64 - 1)
    assert not decide(greatest - 1, greatest, greatest, 2**64 - 1)


@pytest.mark.parametrize("offset", range(-3, 4))
def test_is_accepted__around_a_real_threshold__agrees_with_integers(offset: int) -> None:
    norm2, target2, cos2_q64 = 2_000_003, 11_000_017, DEV.cos2_q64
    edge = 1
    while edge**2 << 64 <= cos2_q64 * norm2 * target2:
        edge += 1
    assert decide(edge + offset, norm2, target2, cos2_q64) is (offset >= 0)


def test_judge__output_of_all_zeros__is_no_hit() -> None:
    zeros = torch.zeros((2, DEV.outputs), dtype=torch.int8)
    target = torch.ones(DEV.outputs, dtype=torch.int8)
    judgement = judge(DEV, bytes(32), target, torch.arange(2), zeros)
    assert judgement.dot.tolist() == [0, 0]
    assert judgement.norm2.tolist() == [0, 0]
    assert not judgement.accepted.any()
