"""`gnk network`: what others need to join, and joining with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chain_client.errors import PermanentError, TransientError
from commands.call import Call, ask, local, reads

if TYPE_CHECKING:
    from chain.invitation import Invitation

NETWORK_FILE = "network.json"
FETCH_TIMEOUT_S = 60.0


@click.group()
def group() -> None:
    """Invite nodes to a network, and join one."""


@group.command(short_help="Print the invitation to the network of HOME.")
@click.option("--address", metavar="HOST:PORT", help="Where others reach this home's CometBFT, its --p2p.")
@click.option("--peer", "peers", metavar="ID@HOST:PORT", multiple=True, help="Another node to dial.")
@click.option("--rpc-server", "rpc_servers", metavar="URL", multiple=True, help="An --rpc; two are better than one.")
@reads
def describe(call: Call, address: str | None, peers: tuple[str, ...], rpc_servers: tuple[str, ...]) -> None:
    """Print the invitation to the network of HOME, for `gnk network join`.

    With --rpc-server it vouches for the newest block, so that who joins starts from a snapshot and not from block 1.
    """
    from hashlib import sha256

    from chain.engine.cometbft_home import read_node_id
    from chain.genesis import read_genesis
    from chain.invitation import Invitation, read_invitation
    from chain.process import COMETBFT_FILE, read_genesis_file

    genesis = read_genesis_file(call.config.home)
    own = (f"{read_node_id(call.config.home / COMETBFT_FILE)}@{address}",) if address else ()
    height, block_hash = _read_newest(call) if rpc_servers else (0, "")
    invitation = Invitation(
        chain_id=read_genesis(genesis).chain_id,
        genesis_sha256=sha256(genesis).hexdigest(),
        genesis=genesis.decode(),
        peers=(*own, *peers),
        rpc_servers=rpc_servers,
        trust_height=height,
        trust_hash=block_hash,
    )
    encoded = invitation.encode()
    read_invitation(encoded)
    click.echo(encoded.decode(), nl=False)


@group.command()
@click.argument("source", metavar="FILE|URL")
@click.option("--chain-id", metavar="ID", help="Refuse a network of another name.")
@click.option("--genesis-sha256", metavar="HEX", help="Refuse a network with another genesis file.")
@click.option("--trust-height", metavar="H", type=click.IntRange(1), help="Trust this block, not the invitation's.")
@click.option("--trust-hash", metavar="HEX", help="The hash of that block, from somebody you trust.")
@local
def join(call: Call, source: str, genesis_sha256: str | None, trust_height: int | None, trust_hash: str | None) -> None:
    """Write HOME's genesis.json and network.json from an invitation.

    Then `gnk chain start` dials its peers and follows the network.
    """
    from dataclasses import replace

    from chain.invitation import read_invitation
    from chain.process import GENESIS_FILE
    from chain_client.disk import create_durably, replace_durably
    from rules.errors import RuleError

    if bool(trust_height) != bool(trust_hash) or trust_hash == "":
        raise PermanentError("config_invalid", "--trust-height and --trust-hash go together")
    invitation = read_invitation(_fetch(source))
    if genesis_sha256 is not None and invitation.genesis_sha256 != genesis_sha256.lower():
        raise RuleError("network_mismatch", f"its genesis file has SHA-256 {invitation.genesis_sha256}")
    if call.config.chain_id and invitation.chain_id != call.config.chain_id:
        raise RuleError("network_mismatch", f"it is for {invitation.chain_id}, not for {call.config.chain_id}")
    if trust_height and trust_hash:
        invitation = replace(invitation, trust_height=trust_height, trust_hash=trust_hash.lower())
        read_invitation(invitation.encode())
    home = call.config.home
    genesis = invitation.genesis.encode()
    home.mkdir(parents=True, exist_ok=True)
    if not (home / GENESIS_FILE).exists():
        create_durably(home / GENESIS_FILE, genesis)
    elif (home / GENESIS_FILE).read_bytes() != genesis:
        raise RuleError("network_mismatch", f"{home} holds the genesis file of another network")
    replace_durably(home / NETWORK_FILE, invitation.encode())
    beginning = f"a snapshot after block {invitation.trust_height}" if invitation.trust_height else "block 1"
    call.emit(
        {
            "chain_id": invitation.chain_id,
            "genesis_sha256": invitation.genesis_sha256,
            "peers": len(invitation.peers),
            "starts_from": beginning,
            "next": f"gnk chain start --home {home}",
        }
    )


def find_invitation(home: Path) -> Invitation | None:
    """The invitation that HOME joined by, None where it joined by none.  RuleError invitation_invalid."""
    from chain.invitation import read_invitation

    path = home / NETWORK_FILE
    return read_invitation(path.read_bytes()) if path.exists() else None


def _fetch(source: str) -> bytes:
    """A file's bytes, or what https answers, MAX_BYTES at most."""
    from http.client import HTTPException

    from chain.invitation import MAX_BYTES

    if "://" not in source:
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise PermanentError("file_unusable", f"{source}: {error.strerror}") from error
    if not source.startswith("https://"):
        raise PermanentError("config_invalid", f"{source}: an invitation is fetched by https, or is a file")
    try:
        with _open_https(source) as answer:
            content: bytes = answer.read(MAX_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise TransientError("invitation_unreachable", f"{source}: {error}") from error
    return content


def _open_https(url: str) -> Any:
    """The answer of a site, wherever it leads to over https; what stands between could change anything else."""
    from urllib.request import (
        HTTPDefaultErrorHandler,
        HTTPErrorProcessor,
        HTTPRedirectHandler,
        HTTPSHandler,
        OpenerDirector,
        ProxyHandler,
        UnknownHandler,
    )

    opener = OpenerDirector()
    for handler in (
        *(ProxyHandler, HTTPSHandler, UnknownHandler),
        *(HTTPDefaultErrorHandler, HTTPErrorProcessor, HTTPRedirectHandler),
    ):
        opener.add_handler(handler())
    return opener.open(url, timeout=FETCH_TIMEOUT_S)


def _read_newest(call: Call) -> tuple[int, str]:
    """Height and hash, in hex, of the chain's newest block."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.base.tendermint.v1beta1 import query_pb2 as pb

    method = "/cosmos.base.tendermint.v1beta1.Service/GetLatestBlock"
    answer: Any = ask(call, lambda ledger: ledger.query(method, pb.GetLatestBlockRequest(), pb.GetLatestBlockResponse))
    return int(answer.sdk_block.header.height), bytes(answer.block_id.hash).hex()
