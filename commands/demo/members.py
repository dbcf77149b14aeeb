"""The demo's hosts: keys, homes, and the genesis file that names them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from chain.genesis import build_genesis
from chain_client.keys.keyring import open_keyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from rules.addresses import decode_address
from rules.params import GNK
from rules.presets import GENESIS_UNITS, LOCAL
from wire.gonka.params.v1.genesis_pb2 import GenesisHost

CHAIN_ID = "gonka-demo-1"
BALANCE_NGONKA = 1_000 * GNK
STAKE_NGONKA = 100 * GNK
SUBSIDY_NGONKA = 300 * GNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One host of the demo and its part in it; `vote` is how it votes."""

    name: str
    home: Path
    key: SigningKey
    vote: str
    cheats: bool = False
    is_killed: bool = False

    @property
    def address(self) -> str:
        """Its bech32 account."""
        return self.key.address

    @property
    def sidecar_socket(self) -> Path:
        """Where its own sidecar listens."""
        return self.home / "sidecar.sock"

    @property
    def client_socket(self) -> Path:
        """What its client takes for its sidecar: the cheat's is the liar."""
        return self.home / "liar.sock" if self.cheats else self.sidecar_socket


def make_members(directory: Path) -> tuple[Member, ...]:
    """Three hosts with new keys in encrypted keyrings under `directory`."""
    parts = (
        ("host-1", "no", False, False),
        ("host-2", "yes", False, True),
        ("host-3", "yes", True, False),
    )
    return tuple(
        _make_member(directory / name, vote, cheats=cheats, is_killed=is_killed)
        for name, vote, cheats, is_killed in parts
    )


def _make_member(home: Path, vote: str, *, cheats: bool, is_killed: bool) -> Member:
    home.mkdir(parents=True, mode=0o700)
    passphrase = secrets.token_hex(16)
    passphrase_file = home / "passphrase"
    passphrase_file.touch(mode=0o600)
    passphrase_file.write_text(passphrase)
    key = SigningKey(Secret(secrets.token_bytes(32)))
    open_keyring("file", home).add(key.describe("host", 0), key, PassphraseSource(given=Secret(passphrase)))
    return Member(name=home.name, home=home, key=key, vote=vote, cheats=cheats, is_killed=is_killed)


def write_config(member: Member, chain: str) -> None:
    """The config.toml that the member's client reads."""
    settings = {
        "chain": chain,
        "chain_id": CHAIN_ID,
        "key": "host",
        "keyring": "file",
        "passphrase_file": str(member.home / "passphrase"),
        "sidecar": f"unix:{member.client_socket}",
    }
    lines = [f'{name} = "{value}"\n' for name, value in settings.items()]
    (member.home / "config.toml").write_text("".join(lines))


def make_genesis(members: tuple[Member, ...]) -> bytes:
    """Preset LOCAL with the members as founding hosts of equal units."""
    return build_genesis(
        chain_id=CHAIN_ID,
        time_ms=time.time_ns() // 10**6,
        params=LOCAL,
        balances={decode_address(m.address): BALANCE_NGONKA for m in members},
        hosts=[GenesisHost(address=m.address, units=GENESIS_UNITS) for m in members],
        subsidy_ngonka=SUBSIDY_NGONKA,
    )
