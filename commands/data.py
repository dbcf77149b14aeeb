"""`gnk keys sign-data` and `gnk keys check-data`: an account's word on plain data, as wallets sign and check it."""

from __future__ import annotations

import base64
from typing import BinaryIO

import click

from chain_client.errors import PermanentError
from commands.call import KEY, Call, keyed, local
from commands.passphrases import call_keyring, call_passphrase

KEY_TYPE = "tendermint/PubKeySecp256k1"
MAX_DATA_BYTES = 1 << 20


@click.command(name="sign-data")
@click.argument("file", type=click.File("rb"))
@KEY
@keyed
def sign_data(call: Call, file: BinaryIO) -> None:
    """Sign the bytes of FILE (- for stdin) by ADR-036.

    No chain takes what is signed so: it moves nothing.
    """
    from wire.amino import encode_adr36

    data = _read(file)
    key = call_keyring(call).unlock(call.config.key, call_passphrase(call))
    signature = key.sign(encode_adr36(key.address, data))
    call.emit(
        {
            "address": key.address,
            "pub_key": {"type": KEY_TYPE, "value": base64.b64encode(key.public_key).decode()},
            "signature": base64.b64encode(signature).decode(),
        }
    )


@click.command(name="check-data", short_help="Check that an account signed the bytes of a file.")
@click.argument("file", type=click.File("rb"))
@click.option("--address", metavar="ADDRESS", required=True, help="Whose word it is to be.")
@click.option("--public-key", metavar="BASE64", required=True, help="The account's key, of 33 bytes.")
@click.option("--signature", metavar="BASE64", required=True, help="Of 64 bytes.")
@local
def check_data(call: Call, file: BinaryIO, address: str, public_key: str, signature: str) -> None:
    """Check that an account signed the bytes of FILE (- for stdin) by ADR-036."""
    from wire.adr36 import verify_data

    if not verify_data(address, _decode(public_key), _decode(signature), _read(file)):
        raise PermanentError("signature_invalid", f"it is not {address[:90]}'s over these bytes")
    call.emit({"signed_by": address})


def _read(file: BinaryIO) -> bytes:
    data = file.read(MAX_DATA_BYTES + 1)
    if len(data) > MAX_DATA_BYTES:
        raise PermanentError("request_invalid", f"the data has more than {MAX_DATA_BYTES} bytes")
    return data


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise PermanentError("signature_invalid", f"{text[:40]!r} is no base64") from error
