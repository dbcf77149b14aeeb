"""From a seed to one key of the tree: BIP-32 with private keys only, BIP-44 paths."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from coincurve import PublicKey

from chain_client.keys.secret import Secret
from wire.signing import GROUP_ORDER

GONKA_COIN_TYPE: Final = 1200
COSMOS_COIN_TYPE: Final = 118
HARDENED: Final = 1 << 31

_PATH: Final = re.compile(r"m(/\d{1,10}'?)*")


def account_path(coin_type: int = GONKA_COIN_TYPE) -> str:
    """The path of the first account: m/44'/coin_type'/0'/0/0."""
    return f"m/44'/{coin_type}'/0'/0/0"


def derive_secret(seed: Secret, path: str) -> Secret:
    """The 32-byte secret at `path` (as m/44'/1200'/0'/0/0, ' marks hardened) below a seed of 16 to 64 bytes.

    Raises ValueError for another form of path, and where the curve has no such key (never seen: 1 in 2^127).
    """
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path} is no path such as {account_path()}")
    secret, chain_code = _split(b"Bitcoin seed", seed.reveal(), parent=0)
    for step in path.split("/")[1:]:
        index = int(step.removesuffix("'")) + (HARDENED if step.endswith("'") else 0)
        secret, chain_code = _derive_child(secret, chain_code, index)
    return Secret(secret)


def _derive_child(secret: bytes, chain_code: bytes, index: int) -> tuple[bytes, bytes]:
    serial = index.to_bytes(4, "big")
    data = b"\0" + secret if index >= HARDENED else PublicKey.from_secret(secret).format()
    return _split(chain_code, data + serial, parent=int.from_bytes(secret, "big"))


def _split(key: bytes, data: bytes, *, parent: int) -> tuple[bytes, bytes]:
    """The secret and chain code of a node; a child's secret adds its parent's."""
    digest = hmac.digest(key, data, hashlib.sha512)
    tweak = int.from_bytes(digest[:32], "big")
    secret = (tweak + parent) % GROUP_ORDER
    if tweak >= GROUP_ORDER or not secret:
        raise ValueError("the curve has no key at this path; take the next index")
    return secret.to_bytes(32, "big"), digest[32:]
