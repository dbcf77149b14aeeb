"""A key signs what the chain accepts, and prints as its address."""

import pytest

from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from wire.signing import GROUP_ORDER, verify


def test_sign__any_document__verifies_under_its_public_key() -> None:
    key = SigningKey(Secret(b"\1" * 32))

    assert verify(key.public_key, key.sign(b"document"), b"document")
    assert not verify(key.public_key, key.sign(b"document"), b"another")


def test_repr__a_key__shows_the_address_and_not_the_secret() -> None:
    key = SigningKey(Secret(b"\1" * 32))

    assert repr(key) == f"SigningKey({key.address})"
    assert "01" * 8 not in repr(key)


@pytest.mark.parametrize("secret", [b"", bytes(32), b"\1" * 33, GROUP_ORDER.to_bytes(32, "big")])
def test_signing_key__no_valid_secret__is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"[Ss]ecret"):
        SigningKey(Secret(secret))
