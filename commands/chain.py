"""`gnk chain`: the chain process, made, started, asked, exported and replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from chain_client.errors import PermanentError
from commands.call import Call, local, reads
from commands.genesis_models import read_model
from commands.logs import FORMATS
from commands.network import NETWORK_FILE, find_invitation
from commands.output import Json
from commands.upgrades import backup, rehearse
from commands.wallets import add_to_wallet, prove

if TYPE_CHECKING:
    from chain.store.store import Store
    from wire.gonka.params.v1.genesis_pb2 import GenesisHost

PRESETS = ("minimal", "local", "mainnet")
ENGINES = ("local", "cometbft")


@click.group()
def group() -> None:
    """The chain process: make, start, ask and export a chain."""


group.add_command(backup)
group.add_command(rehearse)
group.add_command(add_to_wallet)
group.add_command(prove)


@group.command()
@click.option(
    "--preset", type=click.Choice(PRESETS), default="local", show_default=True, help="Parameters to begin with."
)
@click.option("--chain-id", metavar="ID", required=True, help="The name of the new network.")
@click.option("--account", "accounts", metavar="ADDRESS=GNK", multiple=True, help="An account and its whole GNK.")
@click.option("--host", "hosts", metavar="ADDRESS[=UNITS]", multiple=True, help="A founding host among the accounts.")
@click.option(
    "--consensus-key",
    "consensus_keys",
    metavar="ADDRESS=FILE",
    multiple=True,
    help="A founding host's priv_validator_key.json, made where there is none; for --engine cometbft.",
)
@click.option("--subsidy", metavar="GNK", type=click.IntRange(0), default=300, help="Of epoch 1.", show_default=True)
@click.option(
    "--model",
    "models",
    metavar="SPEC",
    multiple=True,
    help="FOLDER:UNITS_IN:UNITS_OUT:AMOUNT, a model with its units a token and its price for 10^6 units.",
)
@local
def init(  # noqa: PLR0917  # a command's parameters are its flags
    call: Call,
    preset: str,
    accounts: tuple[str, ...],
    hosts: tuple[str, ...],
    consensus_keys: tuple[str, ...],
    subsidy: int,
    models: tuple[str, ...],
) -> None:
    """Write HOME/genesis.json, the beginning of a new network."""
    import time

    from chain.genesis import add_models, build_genesis
    from chain.process import GENESIS_FILE
    from chain_client.disk import create_durably
    from rules.params import GNK
    from rules.presets import PRESETS as PARAMS

    path = call.config.home / GENESIS_FILE
    if path.exists():
        raise PermanentError("genesis_exists", str(path))
    balances = {address: amount * GNK for address, amount in map(_parse_account, accounts)}
    if len(balances) < len(accounts):
        raise PermanentError("config_invalid", "an account is given twice with --account")
    genesis = build_genesis(
        chain_id=call.config.chain_id,
        time_ms=time.time_ns() // 10**6,
        params=PARAMS[preset],
        balances=balances,
        hosts=_add_consensus_keys([_parse_host(text) for text in hosts], consensus_keys, call.config.chain_id),
        subsidy_ngonka=subsidy * GNK,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    create_durably(path, add_models(genesis, [read_model(text) for text in models]))
    call.emit({"chain_id": call.config.chain_id, "genesis": str(path), "accounts": len(accounts), "hosts": len(hosts)})


@group.command()
@click.option("--grpc", metavar="HOST:PORT", default="127.0.0.1:9090", show_default=True, help="Port 0: a free one.")
@click.option("--block-ms", metavar="MS", type=click.IntRange(10), help="Milliseconds between blocks [the genesis's].")
@click.option("--log-format", type=click.Choice(FORMATS), default="console", show_default=True, help="Of the events.")
@click.option(
    "--engine", type=click.Choice(ENGINES), help="Who makes blocks [cometbft where HOME knows it, else local]."
)
@click.option("--p2p", metavar="HOST:PORT", default="0.0.0.0:26656", show_default=True, help="Of CometBFT.")
@click.option("--rpc", metavar="HOST:PORT", default="", help="Of CometBFT's RPC, for wallets [nowhere].")
@click.option("--rest", metavar="HOST:PORT", default="", help="Of REST, for wallets [nowhere].")
@click.option("--keep-blocks", metavar="N", type=click.IntRange(0), default=200_000, show_default=True, help="0: all.")
@click.option(
    "--snapshot-blocks",
    metavar="N",
    type=click.IntRange(0),
    default=1000,
    show_default=True,
    help="Under CometBFT, a snapshot for nodes that join every N blocks; 0: none.",
)
@click.option("--skip-upgrade", "skipped", metavar="NAME", multiple=True, help="Go on without it, as all agreed.")
@click.option("--peer", "peers", metavar="ID@HOST:PORT", multiple=True, help="A node that CometBFT keeps to.")
@local
def start(  # noqa: PLR0917  # a command's parameters are its flags
    call: Call,
    grpc: str,
    block_ms: int | None,
    log_format: str,
    engine: str | None,
    p2p: str,
    rpc: str,
    rest: str,
    keep_blocks: int,
    snapshot_blocks: int,
    skipped: tuple[str, ...],
    peers: tuple[str, ...],
) -> None:
    """Run the chain in the foreground until SIGTERM or Ctrl-C.

    HOME/grpc-address, rest-address and rpc-address say where it listens while it runs.  A home that joined a network,
    or has CometBFT's keys, runs CometBFT.
    """
    import asyncio
    import os

    from chain.api.listening import Interfaces
    from chain.engine.cometbft import find_cometbft
    from chain.engine.cometbft_home import Network
    from chain.process import ChainConfig, CometbftConfig, serve_until_signal
    from commands.logs import configure_logs
    from wire.notify import ServiceManager

    configure_logs(log_format)
    cometbft = None
    if (engine or find_engine(call.config.home)) == "cometbft":
        invited = find_invitation(call.config.home)
        network = Network(
            p2p=p2p,
            rpc=rpc,
            peers=(*peers, *(invited.peers if invited else ())),
            state_sync=invited.state_sync if invited else None,
        )
        cometbft = CometbftConfig(program=find_cometbft(os.environ), network=network)
    config = ChainConfig(
        home=call.config.home,
        interfaces=Interfaces(grpc=grpc, rest=rest, rpc=rpc),
        block_ms=block_ms,
        keep_blocks=keep_blocks,
        snapshot_blocks=snapshot_blocks,
        skipped_upgrades=frozenset(skipped),
        cometbft=cometbft,
    )
    try:
        asyncio.run(
            serve_until_signal(config, ServiceManager.read(os.environ), lambda addresses: call.emit({**addresses}))
        )
    except OSError as error:
        if error.errno is not None:  # of a file; the port's has no number
            raise
        raise PermanentError("listen_failed", str(error)) from error


@group.command()
@reads
def status(call: Call) -> None:
    """The node: network, height, time, app hash, version."""
    call.emit(_read_status(call))


@group.command(short_help="What HOME holds, while no chain runs there.")
@click.option(
    "--blocks", is_flag=True, help="The genesis and every block, one JSON object a line, for `gnk chain replay`."
)
@local
def export(call: Call, *, blocks: bool) -> None:
    """What HOME holds, while no chain runs there: its state, as one JSON value with keys and values in hex."""
    from chain.blockfile import encode_log
    from chain.process import DATA_FILE, read_genesis_file
    from chain.store.store import Store

    read_genesis_file(call.config.home)  # a home without a chain must not get one by being looked at
    store = Store.open(call.config.home / DATA_FILE)
    try:
        if blocks:
            for line in encode_log(store.latest.records):
                click.echo(line)
        else:
            click.echo(json.dumps(_describe_state(store), indent=2))
    finally:
        store.close()


@group.command(short_help="Apply the blocks in FILE to an empty store.")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--restart-each-block", is_flag=True, help="Close and open the store after every block.")
@local
def replay(call: Call, file: TextIO, *, restart_each_block: bool) -> None:  # noqa: ARG001  # the options of `local`
    """Apply the blocks in FILE to an empty store, and print the app hash after each, one JSON object a line.

    Ends with block_mismatch where another app hash comes out than the file says.
    """
    import tempfile

    from chain.blockfile import read_log
    from chain.replay import replay_blocks

    genesis, blocks = read_log(file)
    with tempfile.TemporaryDirectory(prefix="gnk-replay-") as directory:
        for height, app_hash in replay_blocks(Path(directory), genesis, blocks, restart=restart_each_block):
            click.echo(json.dumps({"height": height, "app_hash": app_hash.hex()}))


def find_engine(home: Path) -> str:
    """The engine of a home: CometBFT where it joined a network of it, or has its directory; else the local one."""
    from chain.process import COMETBFT_FILE

    return "cometbft" if any((home / name).exists() for name in (NETWORK_FILE, COMETBFT_FILE)) else "local"


def _parse_account(text: str) -> tuple[bytes, int]:
    from rules.addresses import decode_address

    address, _, amount = text.partition("=")
    return decode_address(address), _parse_number(amount, text)


def _parse_host(text: str) -> GenesisHost:
    from rules.presets import GENESIS_UNITS
    from wire.gonka.params.v1.genesis_pb2 import GenesisHost

    address, equals, units = text.partition("=")
    return GenesisHost(address=address, units=_parse_number(units, text) if equals else GENESIS_UNITS)


def _add_consensus_keys(hosts: list[GenesisHost], keys: tuple[str, ...], chain_id: str) -> list[GenesisHost]:
    """The hosts, those named in `keys` (ADDRESS=FILE) with the proof of their key; a file that is not there is made."""
    from chain.engine.cometbft_home import make_consensus_key
    from chain_client.consensus_key import prove_consensus_key

    by_address = {host.address: host for host in hosts}
    for text in keys:
        address, _, name = text.partition("=")
        if not name or address not in by_address:
            raise PermanentError("config_invalid", f"{text!r} is not ADDRESS=FILE of a founding host")
        if not Path(name).exists():
            make_consensus_key(Path(name))
        proof = prove_consensus_key(Path(name), chain_id, address)
        by_address[address].consensus_pubkey = proof.public_key
        by_address[address].consensus_signature = proof.signature
    return hosts


def _parse_number(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise PermanentError("config_invalid", f"{whole!r} is not ADDRESS=NUMBER")
    return int(text)


def _read_status(call: Call) -> dict[str, Json]:
    import wire  # noqa: F401  # puts the Cosmos messages on the path
    from commands.call import ask

    from cosmos.base.node.v1beta1.query_pb2 import StatusRequest, StatusResponse
    from cosmos.base.tendermint.v1beta1.query_pb2 import GetNodeInfoRequest, GetNodeInfoResponse

    info = ask(
        call,
        lambda ledger: ledger.query(
            "/cosmos.base.tendermint.v1beta1.Service/GetNodeInfo", GetNodeInfoRequest(), GetNodeInfoResponse
        ),
    )
    at = ask(
        call,
        lambda ledger: ledger.query("/cosmos.base.node.v1beta1.Service/Status", StatusRequest(), StatusResponse),
    )
    return {
        "chain_id": info.default_node_info.network,
        "height": at.height,
        "time": at.timestamp.ToJsonString(),
        "app_hash": at.app_hash.hex(),
        "version": info.application_version.version,
        "earliest_height": at.earliest_store_height,
    }


def _describe_state(store: Store) -> dict[str, Json]:
    pairs: list[Json] = [{"key": key.hex(), "value": value.hex()} for key, value in store.latest.scan(b"")]
    return {"height": store.height, "app_hash": store.app_hash.hex(), "state": pairs}
