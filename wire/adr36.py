"""ADR-036: an account signs plain data, in a document that no chain takes as a transaction.

Source: Cosmos SDK, ADR-036; the document is amino JSON of one sign/MsgSignData, all numbers 0 and no chain.
"""

from rules.addresses import address_from_pubkey, encode_address
from rules.errors import RuleError
from wire.amino import encode_adr36
from wire.signing import verify


def verify_data(address: str, public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the account `address` signed `data`: the key is the account's and the signature the key's.

    The signature is over `encode_adr36(address, data)`.  False for anything malformed.
    """
    try:
        owner = encode_address(address_from_pubkey(public_key))
    except RuleError:
        return False
    return owner == address and verify(public_key, signature, encode_adr36(address, data))
