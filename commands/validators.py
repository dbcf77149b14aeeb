"""A network of validators on this machine: each has a chain with a CometBFT, a client and a sidecar, in one home."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chain_client.errors import ClientError, PermanentError
from commands.homes import BALANCE_NGONKA, SUBSIDY_NGONKA, make_host_home, write_host_config
from commands.output import Json
from commands.pidfiles import KeptProcess
from commands.ports import find_free_ports
from rules.errors import RuleError

if TYPE_CHECKING:
    from rules.params import Params

CHAIN_ID: Final = "gonka-validators-1"
STAKE: Final = "100GNK"
LEAST_BLOCK_MS: Final = 1_000
"""Between blocks, so that clients and votes on a small machine keep up."""
LEAST_GENESIS_BLOCKS: Final = 24
LEAST_SERVE_BLOCKS: Final = 9
"""With fewer, a key's deals, complaints and votes would each have a block or two."""
LEAST_WINDOW_BLOCKS: Final = 3
WINDOWS: Final = (
    "claim_blocks",
    "reveal_blocks",
    "rows_commit_blocks",
    "rows_reveal_blocks",
    "dispute_commit_blocks",
    "dispute_reveal_blocks",
)
STAKE_TIMEOUT_S: Final = 180
STATUS_TIMEOUT_S: Final = 5
_FILE: Final = "network.json"
NOWHERE: Final = {"epoch": None, "phase": None, "round_late_blocks": None}
"""Where a network stands that does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """One of them, and where it listens: host:port each."""

    name: str
    node_id: str
    address: str
    grpc: str
    p2p: str
    rpc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorNet:
    """The network in `directory`: homes in NAME, pid files and logs in `run`."""

    directory: Path

    @property
    def validators(self) -> list[Validator]:
        """All of them; none where there is no network."""
        try:
            described = json.loads((self.directory / _FILE).read_text())
        except FileNotFoundError:
            return []
        return [Validator(**one) for one in described["validators"]]

    def home(self, validator: Validator) -> Path:
        """Keys, chain, client and sidecar of one of them: for `gnk ... --home`."""
        return self.directory / validator.name

    def make(self, count: int, preset: str) -> None:
        """Homes with new keys, and the genesis that names them: all of it or nothing.

        Raises PermanentError network_directory_used.
        """
        if self.directory.exists() and any(self.directory.iterdir()):
            raise PermanentError("network_directory_used", str(self.directory))
        draft = ValidatorNet(directory=self.directory.with_name(f"{self.directory.name}.draft"))
        shutil.rmtree(draft.directory, ignore_errors=True)
        validators = [_make_validator(draft.directory / f"validator-{number}") for number in range(1, count + 1)]
        genesis = _build_genesis([draft.home(one) for one in validators], validators, preset)
        for one in validators:
            home = draft.home(one)
            (home / "genesis.json").write_bytes(genesis)
            sidecar = self.home(one) / "sidecar.sock"
            write_host_config(home, chain=one.grpc, chain_id=CHAIN_ID, sidecar=sidecar, moved_to=self.home(one))
        (draft.directory / "run").mkdir()
        described = {"validators": [asdict(one) for one in validators]}
        (draft.directory / _FILE).write_text(json.dumps(described, indent=2))
        draft.directory.rename(self.directory)

    def start(self) -> None:
        """Start what does not run: chains first, the rest once they make blocks; then stake, once."""
        for validator, chain in zip(self.validators, self.chains, strict=True):
            if chain.pid is None:
                (self.home(validator) / "grpc-address").unlink(missing_ok=True)
            chain.start()
        for validator, chain in zip(self.validators, self.chains, strict=True):
            chain.wait_for(self.home(validator) / "grpc-address")
        for validator, sidecar in zip(self.validators, self.sidecars, strict=True):
            if sidecar.pid is None:
                (self.home(validator) / "sidecar.sock").unlink(missing_ok=True)
            sidecar.start()
        self._stake()
        for validator, sidecar, client in zip(self.validators, self.sidecars, self.clients, strict=True):
            sidecar.wait_for(self.home(validator) / "sidecar.sock")
            client.start()

    @property
    def chains(self) -> list[KeptProcess]:
        """Each with a CometBFT that knows all others."""
        names = {one.name: f"{one.node_id}@{one.p2p}" for one in self.validators}
        return [
            self._keep(
                one,
                "chain",
                *("chain", "start", "--engine", "cometbft", "--grpc", one.grpc, "--p2p", one.p2p, "--rpc", one.rpc),
                *(word for name, peer in names.items() if name != one.name for word in ("--peer", peer)),
            )
            for one in self.validators
        ]

    @property
    def sidecars(self) -> list[KeptProcess]:
        """One thread each."""
        return [self._keep(one, "sidecar", "sidecar", "start", "--threads", "1") for one in self.validators]

    @property
    def clients(self) -> list[KeptProcess]:
        """They follow the chain of their own home."""
        return [self._keep(one, "client", "host", "run") for one in self.validators]

    @property
    def processes(self) -> list[KeptProcess]:
        """All of them in the order in which they start."""
        return [*self.chains, *self.sidecars, *self.clients]

    def describe(self) -> dict[str, Json]:
        """How far every validator is, as it says itself; None for one that does not answer."""
        told: list[dict[str, Any]] = [_look(one) for one in self.validators]
        status = next((one["status"] for one in told if one["status"]), NOWHERE)
        validators: list[Json] = [{name: one[name] for name in one if name != "status"} for one in told]
        return {"validators": validators, **status}

    def _keep(self, validator: Validator, kind: str, group: str, command: str, *words: str) -> KeptProcess:
        line = (group, command, "--home", str(self.home(validator)), *words)
        return KeptProcess(name=f"{validator.name}-{kind}", words=line, directory=self.directory / "run")

    def _stake(self) -> None:
        """Stake behind the founding units, all at once, by the command that an operator would type."""
        done = self.directory / "run" / "staked"
        if done.exists():
            return
        homes = [self.home(one) for one in self.validators]
        lines = [[sys.executable, "-m", "cli", "stake", "add", STAKE, "--yes", "--home", str(home)] for home in homes]
        running = [
            subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for line in lines
        ]
        for home, process in zip(homes, running, strict=True):
            said, _ = process.communicate(timeout=STAKE_TIMEOUT_S)
            if process.returncode:
                raise PermanentError("process_ended", f"gnk stake add for {home.name}: {said.strip()[-500:]}")
        done.touch()


def widen(params: Params) -> Params:
    """A preset for validators on one machine: seeds signed in votes, blocks and windows no shorter than that takes."""
    from rules.params import THRESHOLD_BLS

    s = params.sprint
    return replace(
        params,
        sprint=replace(
            s,
            genesis_blocks=max(s.genesis_blocks, LEAST_GENESIS_BLOCKS),
            serve_blocks=max(s.serve_blocks, LEAST_SERVE_BLOCKS),
            **{name: max(getattr(s, name), LEAST_WINDOW_BLOCKS) for name in WINDOWS},
        ),
        beacon=replace(
            params.beacon,
            kind=THRESHOLD_BLS,
            reveal_blocks=max(params.beacon.reveal_blocks, LEAST_WINDOW_BLOCKS),
        ),
        auth=replace(params.auth, block_ms=max(params.auth.block_ms, LEAST_BLOCK_MS)),
    )


def _make_validator(home: Path) -> Validator:
    """A home with an account's key, a consensus key and a node's key, and free ports."""
    from chain.engine.cometbft_home import make_consensus_key, make_node_key
    from chain.process import COMETBFT_FILE

    key = make_host_home(home)
    make_consensus_key(home / COMETBFT_FILE / "config" / "priv_validator_key.json")
    grpc, p2p, rpc = find_free_ports(3)
    return Validator(
        name=home.name,
        node_id=make_node_key(home / COMETBFT_FILE),
        address=key.address,
        grpc=f"127.0.0.1:{grpc}",
        p2p=f"127.0.0.1:{p2p}",
        rpc=f"127.0.0.1:{rpc}",
    )


def _build_genesis(homes: Sequence[Path], validators: Sequence[Validator], preset: str) -> bytes:
    from chain.genesis import build_genesis
    from chain.process import COMETBFT_FILE
    from chain_client.consensus_key import prove_consensus_key
    from rules.addresses import decode_address
    from rules.presets import GENESIS_UNITS, PRESETS
    from wire.gonka.params.v1.genesis_pb2 import GenesisHost

    hosts = []
    for home, one in zip(homes, validators, strict=True):
        key_file = home / COMETBFT_FILE / "config" / "priv_validator_key.json"
        proof = prove_consensus_key(key_file, CHAIN_ID, one.address)
        hosts.append(
            GenesisHost(
                address=one.address,
                units=GENESIS_UNITS,
                consensus_pubkey=proof.public_key,
                consensus_signature=proof.signature,
            )
        )
    return build_genesis(
        chain_id=CHAIN_ID,
        time_ms=time.time_ns() // 10**6,
        params=widen(PRESETS[preset]),
        balances={decode_address(one.address): BALANCE_NGONKA for one in validators},
        hosts=hosts,
        subsidy_ngonka=SUBSIDY_NGONKA,
    )


def _look(validator: Validator) -> dict[str, Any]:
    """What one validator says of itself and of the chain."""
    import asyncio

    told: dict[str, Any] = {"name": validator.name, "height": None, "app_hash": None, "power": None, "units": None}
    told |= {"peers": _count_peers(validator.rpc), "status": None}

    async def ask() -> dict[str, Any]:
        async with asyncio.timeout(STATUS_TIMEOUT_S):
            return await _ask(validator)

    try:
        return told | asyncio.run(ask())
    except (ClientError, RuleError, TimeoutError):
        return told


async def _ask(validator: Validator) -> dict[str, Any]:
    import wire  # noqa: F401  # puts the Cosmos messages on the path
    from chain_client.cosmos import CosmosLedger
    from wire.gonka.sprint.v1.query_pb2 import QueryEpochRequest, QueryEpochResponse
    from wire.gonka.stake.v1.query_pb2 import QueryHostRequest, QueryHostResponse

    from cosmos.base.node.v1beta1.query_pb2 import StatusRequest, StatusResponse
    from cosmos.base.tendermint.v1beta1.query_pb2 import (
        GetLatestValidatorSetRequest,
        GetLatestValidatorSetResponse,
    )

    async with CosmosLedger.open(validator.grpc) as ledger:
        at = await ledger.query("/cosmos.base.node.v1beta1.Service/Status", StatusRequest(), StatusResponse)
        epoch = await ledger.query("/gonka.sprint.v1.Query/Epoch", QueryEpochRequest(), QueryEpochResponse)
        host = await ledger.query(
            "/gonka.stake.v1.Query/Host", QueryHostRequest(address=validator.address), QueryHostResponse
        )
        in_set = await ledger.query(
            "/cosmos.base.tendermint.v1beta1.Service/GetLatestValidatorSet",
            GetLatestValidatorSetRequest(),
            GetLatestValidatorSetResponse,
        )
    key = host.host.consensus_pubkey
    powers = [one.voting_power for one in in_set.validators if key and one.pub_key.value.endswith(key)]
    from rules.types import Phase

    return {
        "height": at.height,
        "app_hash": at.app_hash.hex(),
        "power": sum(powers),
        "units": host.entry.units,
        "status": {
            "epoch": epoch.status.epoch,
            "phase": Phase(epoch.status.phase).name,
            "round_late_blocks": epoch.status.round_late_blocks,
        },
    }


def _count_peers(rpc: str) -> int | None:
    """Peers that a CometBFT is connected to, None where it does not answer."""
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://{rpc}/net_info", timeout=STATUS_TIMEOUT_S) as response:
            return int(json.load(response)["result"]["n_peers"])
    except (OSError, ValueError, KeyError):
        return None
