"""The demo's hosts: keys, homes, and the genesis file that names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chain_client.keys.signing_key import SigningKey
from commands.homes import build_local_genesis, make_host_home, write_host_config
from rules.params import GNK

CHAIN_ID = "gonka-demo-1"
STAKE_NGONKA = 100 * GNK


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
    key = make_host_home(home)
    return Member(name=home.name, home=home, key=key, vote=vote, cheats=cheats, is_killed=is_killed)


def write_config(member: Member, chain: str) -> None:
    """The config.toml that the member's client reads."""
    write_host_config(member.home, chain=chain, chain_id=CHAIN_ID, sidecar=member.client_socket)


def make_genesis(members: tuple[Member, ...]) -> bytes:
    """Preset LOCAL with the members as founding hosts of equal units."""
    return build_local_genesis(CHAIN_ID, [m.address for m in members])
