"""What a host hands one verifier, and nobody else can read: sealed to the verifier's serving key.

Source: docs/checking.md.
"""

from __future__ import annotations

from typing import Final

from coincurve import PrivateKey
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from google.protobuf.message import DecodeError

from rules.errors import RuleError
from rules.seeds import framed_hash, le64
from rules.types import Host
from wire.gonka.inference.v1.check_pb2 import Opening, Sealed

NONCE: Final = bytes(12)
"""The same for all: no two messages have one key."""


def compute_opening_context(chain_id: str, epoch: int, escrow_id: int, host: Host, verifier: Host) -> bytes:
    """The 32 bytes that bind a sealed opening to its place: elsewhere it cannot be read."""
    return framed_hash("gonka/opening", chain_id.encode(), le64(epoch), le64(escrow_id), host, verifier)


def seal_opening(opening: Opening, verifier_key: bytes, context: bytes, one_time_secret: bytes) -> Sealed:
    """The opening for the holder of `verifier_key` (33 bytes); `one_time_secret` is 32 random bytes, never used twice.

    Raises: ValueError for a key or secret that is none.
    """
    one_time = PrivateKey(one_time_secret)
    one_time_key = one_time.public_key.format(compressed=True)
    key = _derive_key(one_time.ecdh(verifier_key), one_time_key, verifier_key)
    plaintext = opening.SerializeToString(deterministic=True)
    return Sealed(one_time_key=one_time_key, ciphertext=ChaCha20Poly1305(key).encrypt(NONCE, plaintext, context))


def open_sealed(sealed: Sealed, secret: bytes, context: bytes) -> Opening:
    """What was sealed to the key of `secret` (32 bytes).  Raises: RuleError `opening_invalid`."""
    private = PrivateKey(secret)
    try:
        shared = private.ecdh(sealed.one_time_key)
        key = _derive_key(shared, sealed.one_time_key, private.public_key.format(compressed=True))
        return Opening.FromString(ChaCha20Poly1305(key).decrypt(NONCE, sealed.ciphertext, context))
    except (ValueError, InvalidTag, DecodeError) as error:
        raise RuleError("opening_invalid", "it was not sealed to this key, for this place") from error


def _derive_key(shared: bytes, one_time_key: bytes, verifier_key: bytes) -> bytes:
    """`shared` is the SHA-256 of the compressed point."""
    return framed_hash("gonka/opening-key", shared, one_time_key, verifier_key)
