"""What an account signs, and the check of its signature: SIGN_MODE_DIRECT over secp256k1 and SHA-256.

A signature is 64 bytes, r then s, big-endian, with s in the lower half of the group order: the other s would verify
as well, and let anybody change a transaction's hash.  Source: Cosmos SDK ADR-020 (SignDoc); SEC 1 v2, 4.1.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final

from coincurve import PrivateKey, PublicKey

from cosmos.tx.v1beta1.tx_pb2 import SignDoc

SIGNATURE_BYTES: Final = 64
GROUP_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HIGHEST_S: Final = (GROUP_ORDER // 2).to_bytes(32, "big")
_ZERO: Final = bytes(32)


def encode_direct(body: bytes, auth_info: bytes, chain_id: str, account_number: int) -> bytes:
    """The bytes signed in SIGN_MODE_DIRECT; `body` and `auth_info` are those of the TxRaw, as they stand in it."""
    document = SignDoc(body_bytes=body, auth_info_bytes=auth_info, chain_id=chain_id, account_number=account_number)
    encoded: bytes = document.SerializeToString(deterministic=True)
    return encoded


def sign(secret: bytes, document: bytes) -> bytes:
    """The signature of a 32-byte secret over the SHA-256 of `document`: 64 bytes, low s, nonce by RFC 6979.

    Raises ValueError for a secret that is zero or not below the group order.
    """
    return PrivateKey(secret).sign_recoverable(document)[:SIGNATURE_BYTES]


def sign_digest(secret: bytes, digest: bytes) -> bytes:
    """As `sign`, over 32 bytes that are a hash already.  Raises ValueError for another length too."""
    return PrivateKey(secret).sign_recoverable(digest, hasher=None)[:SIGNATURE_BYTES]


def verify(public_key: bytes, signature: bytes, document: bytes) -> bool:
    """Whether the signature is by the compressed key (33 bytes) over `document`; False for anything malformed."""
    return verify_digest(public_key, signature, sha256(document).digest())


def verify_digest(public_key: bytes, signature: bytes, digest: bytes) -> bool:
    """As `verify`, over 32 bytes that are a hash already; False for another length too."""
    if len(signature) != SIGNATURE_BYTES or len(public_key) != 33:
        return False
    r, s = signature[:32], signature[32:]
    if s > _HIGHEST_S or _ZERO in (r, s):
        return False
    try:
        return _read_key(public_key).verify(_encode_der(r, s), digest, hasher=None)
    except ValueError:
        return False


@lru_cache(1 << 14)
def _read_key(public_key: bytes) -> PublicKey:
    """The point of a key, which takes a square root; most accounts sign more than once."""
    return PublicKey(public_key)


def verify_direct(
    public_key: bytes, signature: bytes, body: bytes, auth_info: bytes, chain_id: str, account_number: int
) -> bool:
    """Whether a TxRaw's signature is good in SIGN_MODE_DIRECT; False for anything malformed."""
    return verify(public_key, signature, encode_direct(body, auth_info, chain_id, account_number))


def _encode_der(r: bytes, s: bytes) -> bytes:
    """DER, the only form coincurve's documented interface takes."""
    r, s = r.lstrip(b"\0"), s.lstrip(b"\0")
    r = b"\0" + r if r[0] & 0x80 else r
    s = b"\0" + s if s[0] & 0x80 else s
    return bytes((0x30, 4 + len(r) + len(s), 2, len(r))) + r + bytes((2, len(s))) + s
