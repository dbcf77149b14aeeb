"""Homes of hosts on this machine's own networks: a new key each, the config of its client, and their genesis."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rules.params import GNK

if TYPE_CHECKING:
    from chain_client.keys.signing_key import SigningKey

BALANCE_NGONKA = 1_000 * GNK
SUBSIDY_NGONKA = 300 * GNK
BEACON_KEY_FILE = "beacon_key"
PASSPHRASE_FILE = "passphrase"  # noqa: S105  # the name of a file


def make_host_home(home: Path) -> SigningKey:
    """A new key named `host` in the encrypted keyring of a new home, its passphrase beside it: for play money only."""
    from chain_client.keys.keyring import open_keyring
    from chain_client.keys.passphrase import PassphraseSource
    from chain_client.keys.secret import Secret
    from chain_client.keys.signing_key import SigningKey

    home.mkdir(parents=True, mode=0o700)
    passphrase = secrets.token_hex(16)
    passphrase_file = home / PASSPHRASE_FILE
    passphrase_file.touch(mode=0o600)
    passphrase_file.write_text(passphrase)
    key = SigningKey(Secret(secrets.token_bytes(32)))
    open_keyring("file", home).add(key.describe("host", 0), key, PassphraseSource(given=Secret(passphrase)))
    return key


def write_host_config(home: Path, *, chain: str, chain_id: str, sidecar: Path, moved_to: Path | None = None) -> None:
    """The config.toml of a client whose chain is at the gRPC target `chain`, its sidecar at a socket.

    A validator's home, which will be `moved_to` another place, has its chain and the beacon's secret in it too.
    """
    settings = {
        "chain": chain,
        "chain_id": chain_id,
        "key": "host",
        "keyring": "file",
        "passphrase_file": str((moved_to or home) / PASSPHRASE_FILE),
        "sidecar": f"unix:{sidecar}",
    }
    if moved_to:
        settings["beacon_key"] = str(moved_to / BEACON_KEY_FILE)
    (home / "config.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in settings.items()))


def build_local_genesis(chain_id: str, addresses: Sequence[str]) -> bytes:
    """Preset LOCAL from now, with these bech32 accounts as founding hosts of equal units and balances."""
    from chain.genesis import build_genesis
    from rules.addresses import decode_address
    from rules.presets import GENESIS_UNITS, LOCAL
    from wire.gonka.params.v1.genesis_pb2 import GenesisHost

    return build_genesis(
        chain_id=chain_id,
        time_ms=time.time_ns() // 10**6,
        params=LOCAL,
        balances={decode_address(address): BALANCE_NGONKA for address in addresses},
        hosts=[GenesisHost(address=address, units=GENESIS_UNITS) for address in addresses],
        subsidy_ngonka=SUBSIDY_NGONKA,
    )
