"""CometBFT's own directory, HOME/cometbft: what it must be told, and the key that it signs blocks with.

config/config.toml              written anew at each start
config/genesis.json             the same for every node of a network: made from our genesis file only
config/priv_validator_key.json  the consensus key; made with the genesis file, or by CometBFT itself
data/                           CometBFT's own; priv_validator_state.json is what keeps it from signing twice
"""

import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chain.engine.abci import describe_app_state
from chain.engine.errors import EngineError
from rules.params import THRESHOLD_BLS, Params
from rules.schedule import EpochStart, phase_lengths
from wire.codec import decode_params
from wire.gonka.params.v1.genesis_pb2 import Genesis

MEMPOOL_TXS: Final = 20_000
MEMPOOL_BYTES: Final = 64 << 20
"""CometBFT hands over all that waits to make a block of it, in one frame of at most 100 MiB."""
RPC_BODY_BYTES: Final = 2 << 20
"""Of a request: a transaction of 1 MiB, in base64, where CometBFT by itself takes one of 0.7 MiB."""
_CONFIG_FILE: Final = "config.toml"
_GENESIS_FILE: Final = "genesis.json"
_KEY_FILE: Final = "priv_validator_key.json"
_NODE_KEY_FILE: Final = "node_key.json"
_STATE_FILE: Final = "priv_validator_state.json"
_LEAST_TIMEOUT_MS: Final = 1000
_EVIDENCE_BYTES: Final = 1 << 20
TRUST_PERIOD: Final = "168h0m0s"
"""A validator's stake can be slashed for longer: who signs a false header within it loses what stands behind it."""
_UNSIGNED: Final = {"height": "0", "round": 0, "step": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSync:
    """How an empty node starts from a snapshot: whose headers it compares, and the block that it trusts to begin with.

    `trust_hash` is hex.
    """

    rpc_servers: tuple[str, ...]
    trust_height: int
    trust_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where CometBFT listens and whom it dials: host:port each, `rpc` "" for nowhere; peers are ID@host:port."""

    p2p: str
    rpc: str = ""
    peers: tuple[str, ...] = ()
    state_sync: StateSync | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """The unix sockets of one run: `app` is ours, `rpc` CometBFT's."""

    app: Path
    rpc: Path


def write_home(home: Path, genesis: bytes, described: Genesis, config: str) -> None:
    """Write what CometBFT reads at its start; `described` is what the file `genesis` says."""
    folder, data = home / "config", home / "data"
    for directory in (folder, data):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / _CONFIG_FILE).write_text(config)
    (folder / _GENESIS_FILE).write_text(json.dumps(describe_genesis(genesis, described), indent=2))
    if (folder / _KEY_FILE).exists() and not any(data.iterdir()):
        _create(data / _STATE_FILE, _UNSIGNED)


def describe_genesis(genesis: bytes, described: Genesis) -> dict[str, Any]:
    """CometBFT's genesis.json.  Its validators come from InitChain; blocks are bounded by our parameters alone."""
    params = decode_params(described.params)
    blocks = _evidence_blocks(params)
    seconds, milliseconds = divmod(described.genesis_time_unix_ms, 1000)
    time = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "genesis_time": f"{time}.{milliseconds:03d}Z",
        "chain_id": described.chain_id,
        "initial_height": "1",
        "consensus_params": {
            "block": {"max_bytes": "-1", "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": str(blocks),
                "max_age_duration": str(blocks * params.auth.block_ms * 10**6),
                "max_bytes": str(_EVIDENCE_BYTES),
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": "0"},
            "abci": {"vote_extensions_enable_height": "1" if params.beacon.kind == THRESHOLD_BLS else "0"},
        },
        "app_hash": "",
        "app_state": describe_app_state(genesis),
    }


def _evidence_blocks(params: Params) -> int:
    """As long as stake can be slashed: the epochs that it takes to unbond."""
    epoch = sum(length for _, length in phase_lengths(EpochStart(epoch=1, first_height=1), params))
    return params.stake.unbonding_epochs * epoch


def describe_config(network: Network, sockets: Sockets, *, block_ms: int) -> str:
    """CometBFT's config.toml: `block_ms` after a block, the next one is proposed."""
    rpc = [f"unix://{sockets.rpc}", *([f"tcp://{network.rpc}"] if network.rpc else [])]
    timeout_ms = max(block_ms, _LEAST_TIMEOUT_MS)
    sections: dict[str, dict[str, str | int | bool | list[str]]] = {
        "": {
            "proxy_app": f"unix://{sockets.app}",
            "abci": "socket",
            "moniker": "gnk",
            "log_format": "json",
            "log_level": "p2p:info,blocksync:info,statesync:info,*:error",
        },
        "rpc": {"laddr": ",".join(rpc), "cors_allowed_origins": ["*"], "max_body_bytes": RPC_BODY_BYTES},
        "p2p": {
            "laddr": f"tcp://{network.p2p}",
            "persistent_peers": ",".join(network.peers),
            "addr_book_strict": False,
            "allow_duplicate_ip": True,
        },
        "mempool": {"size": MEMPOOL_TXS, "max_txs_bytes": MEMPOOL_BYTES},
        "consensus": {
            "timeout_propose": f"{timeout_ms}ms",
            "timeout_prevote": f"{timeout_ms}ms",
            "timeout_precommit": f"{timeout_ms}ms",
            "timeout_commit": f"{block_ms}ms",
            "peer_gossip_sleep_duration": "20ms",
        },
        "tx_index": {"indexer": "kv" if network.rpc else "null"},  # it never forgets, and only the RPC reads it
        "statesync": _describe_state_sync(network.state_sync),
    }
    return "# Written by `gnk chain start` at each start.\n" + "".join(map(_section, sections.items()))


def _describe_state_sync(sync: StateSync | None) -> dict[str, str | int | bool | list[str]]:
    """CometBFT asks two servers at least; it skips all this where it has blocks already."""
    if sync is None:
        return {"enable": False}
    servers = sync.rpc_servers if len(sync.rpc_servers) > 1 else sync.rpc_servers * 2
    return {
        "enable": True,
        "rpc_servers": ",".join(servers),
        "trust_height": sync.trust_height,
        "trust_hash": sync.trust_hash,
        "trust_period": TRUST_PERIOD,
        "discovery_time": "5s",
    }


def _section(section: tuple[str, dict[str, str | int | bool | list[str]]]) -> str:
    """A table of TOML; JSON's strings, numbers, booleans and lists are TOML's too."""
    name, values = section
    head = f"\n[{name}]\n" if name else ""
    return head + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def read_node_id(home: Path) -> str:
    """By which name others dial this node: 40 hex digits.  EngineError node_key_unreadable."""
    path = home / "config" / _NODE_KEY_FILE
    try:
        key = b64decode(json.loads(path.read_text())["priv_key"]["value"], validate=True)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise EngineError("node_key_unreadable", str(path)) from error
    return sha256(key[32:]).hexdigest()[:40]


def make_consensus_key(path: Path) -> None:
    """Write a new ed25519 key as CometBFT's priv_validator_key.json, for this user only.

    EngineError consensus_key_exists.
    """
    seed, public = _draw_key()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    document = {
        "address": sha256(public).hexdigest()[:40].upper(),
        "pub_key": {"type": "tendermint/PubKeyEd25519", "value": b64encode(public).decode()},
        "priv_key": {"type": "tendermint/PrivKeyEd25519", "value": b64encode(seed + public).decode()},
    }
    try:
        _create(path, document)
    except FileExistsError as error:
        raise EngineError("consensus_key_exists", str(path)) from error


def make_node_key(home: Path) -> str:
    """Write a new key for CometBFT's connections, which CometBFT makes itself otherwise; the node's id."""
    seed, public = _draw_key()
    folder = home / "config"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = {"type": "tendermint/PrivKeyEd25519", "value": b64encode(seed + public).decode()}
    _create(folder / _NODE_KEY_FILE, {"priv_key": key})
    return read_node_id(home)


def _draw_key() -> tuple[bytes, bytes]:
    """The seed of a new ed25519 key, and its public key."""
    key = Ed25519PrivateKey.generate()
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return seed, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _create(path: Path, document: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=2)
        file.flush()
        os.fsync(descriptor)
