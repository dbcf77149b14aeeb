"""A key that is open for signing, and what may be known of one that is not."""

from __future__ import annotations

from dataclasses import dataclass

from coincurve import PublicKey

from chain_client.keys.derivation import account_path, derive_secret
from chain_client.keys.mnemonic import compute_seed
from chain_client.keys.secret import Secret
from rules.addresses import address_from_pubkey, encode_address
from wire.signing import sign


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """The public part of a key: bech32 address, compressed public key (33 bytes), and the coin type it came from.

    `coin_type` is 0 where it is not known.
    """

    name: str
    address: str
    public_key: bytes
    coin_type: int


class SigningKey:
    """A secp256k1 account key, open.  It prints as its address."""

    __slots__ = ("_secret", "address", "public_key")

    def __init__(self, secret: Secret) -> None:
        """Raises ValueError unless the secret is 32 bytes, above zero and below the group order."""
        self._secret = secret
        self.public_key = PublicKey.from_secret(secret.reveal()).format()
        self.address = encode_address(address_from_pubkey(self.public_key))

    @classmethod
    def from_words(cls, words: Secret, coin_type: int) -> SigningKey:
        """The first account of 12 to 24 words.  Raises the mnemonic_* errors."""
        return cls(derive_secret(compute_seed(words), account_path(coin_type)))

    def sign(self, document: bytes) -> bytes:
        """The 64-byte signature over `document` (wire.signing)."""
        return sign(self._secret.reveal(), document)

    def reveal(self) -> Secret:
        """The 32-byte secret, for sealing it."""
        return self._secret

    def describe(self, name: str, coin_type: int) -> KeyRecord:
        """Its public part, under a name."""
        return KeyRecord(name=name, address=self.address, public_key=self.public_key, coin_type=coin_type)

    def __repr__(self) -> str:
        return f"SigningKey({self.address})"
