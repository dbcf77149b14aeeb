from __future__ import annotations

import pytest
import torch
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from pow_kernels import oracle, stream
from rules.seeds import le64

KEY = bytes(range(32))


def wrap(nonce: int) -> int:
    return nonce - (nonce >> 63 << 64)


def test_permute_blocks__rfc_8439_block__is_the_published_one() -> None:
    """RFC 8439, 2.3.2: its counter and the first nonce word are our 64-bit counter, the rest is our nonce."""
    counter = torch.tensor([(0x09000000 << 32) | 1])
    nonce = torch.tensor([0x4A000000])
    block = stream._permute_blocks(stream._initial_state(KEY, counter, nonce))
    assert bytes(block.t().contiguous().view(torch.uint8)[0].tolist()).hex() == (
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


@pytest.mark.parametrize("nonce", [0, 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000])
def test_draw_bytes__any_nonce_and_size__is_what_another_library_gives(nonce: int, size: int) -> None:
    encryptor = Cipher(ChaCha20(KEY, bytes(8) + le64(nonce)), mode=None).encryptor()
    drawn = stream.draw_bytes(KEY, torch.tensor([wrap(nonce)]), size)
    assert bytes(drawn[0].tolist()) == encryptor.update(bytes(size))


def test_draw_bytes__more_blocks_than_are_computed_together__runs_on() -> None:
    size = (2 * stream.CPU_LANES + 3) * stream.BLOCK_BYTES
    drawn = stream.draw_bytes(KEY, torch.tensor([7]), size)[0]
    assert drawn.numpy().tobytes() == oracle.key_stream(KEY, 7, size).tobytes()


def test_draw_int8__several_nonces__each_row_is_its_own_stream_without_minus_128() -> None:
    nonces = [5, 2**64 - 3, 0]
    drawn = stream.draw_int8(KEY, torch.tensor([wrap(n) for n in nonces]), 3000)
    assert drawn.tolist() == [oracle.int8_stream(KEY, n, 3000).tolist() for n in nonces]
    assert int(drawn.min()) == -127


def test_draw_weight__any_tensor__is_the_oracles() -> None:
    drawn = stream.draw_weight(KEY, 2**32, 48, 50, "cpu")
    assert drawn.tolist() == oracle.weight_stream(KEY, 2**32, 48, 50).tolist()
    assert (int(drawn.min()), int(drawn.max())) == (-7, 7)
