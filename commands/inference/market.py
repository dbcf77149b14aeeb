"""A local network that sells inference: homes, genesis, and every process with its command line."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chain.genesis import add_models, build_genesis
from chain_client.cosmos import CosmosLedger
from chain_client.errors import PermanentError
from chain_client.keys.keyring import open_keyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from commands.demo.members import Member
from commands.demo.purse import Purse
from commands.homes import BALANCE_NGONKA, PASSPHRASE_FILE, SUBSIDY_NGONKA, make_host_home, write_host_config
from commands.ports import find_free_port
from commands.processes import Child
from rules.addresses import decode_address
from rules.params import GNK, Params
from rules.presets import GENESIS_UNITS, LOCAL
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.inference.v1.query_pb2 import QueryModelsRequest, QueryModelsResponse
from wire.gonka.inference.v1.tx_pb2 import MsgSetOffer, MsgSetServingKey
from wire.gonka.params.v1.genesis_pb2 import GenesisHost
from wire.gonka.stake.v1.tx_pb2 import MsgStake

if TYPE_CHECKING:
    from sidecar.inference.manifest import Manifest

CHAIN_ID = "gonka-demo-1"
STAKE_NGONKA = 100 * GNK
DEPOSIT_GNK = 5
BASE_PRICE_NGONKA = GNK
UNITS_IN, UNITS_OUT = 1, 3
SETTLE_EVERY_S = 3
START_TIMEOUT_S = 240
POLL_S = 0.2
RENDERER_SOCKET = "renderer.sock"
"""In the gateway's home: of the sidecar that counts prompts, and says what tokens spell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """A host that serves: its member's home holds the account's key and the hot serving key; `port` is on loopback."""

    member: Member
    serving: SigningKey
    port: int
    region: str

    @property
    def endpoint(self) -> str:
        """What it offers on chain."""
        return f"http://127.0.0.1:{self.port}"


class MarketNetwork:
    """Owns the processes of a local market; `directory` holds homes and logs, `models` the model folders."""

    def __init__(
        self, directory: Path, models: Path, manifest: Manifest, *, hosts: int, params: Params = LOCAL
    ) -> None:
        self.directory = directory
        self.manifest = manifest
        self.params = params
        regions = ("DE", "FR")
        self.sellers = tuple(_make_seller(directory / f"host-{n}", regions[n % 2]) for n in range(1, hosts + 1))
        self.gateway_home = directory / "gateway"
        self.developer = make_host_home(self.gateway_home)
        self.chain = self._make_child("chain", ("chain", "start", "--home", str(directory / "chain")))
        threads = str(max(1, (os.cpu_count() or 1) // hosts))
        sidecar_words = ("--models", str(models), "--model", manifest.name, "--devices", "cpu", "--threads", threads)
        self.sidecars = [self._make_host_child(s, "sidecar", "sidecar", "start", *sidecar_words) for s in self.sellers]
        self.clients = [self._make_host_child(s, "client", "host", "run") for s in self.sellers]
        serving_words = ("--settle-every", str(SETTLE_EVERY_S), "--allow-network", "127.0.0.0/8")
        self.servers = [
            self._make_host_child(s, "serving", "host", "serve", "--listen", f"127.0.0.1:{s.port}", *serving_words)
            for s in self.sellers
        ]
        rendering_words = ("--render-only", "--models", str(models), "--model", manifest.name)
        self.renderer = self._make_child(
            "renderer", ("sidecar", "start", "--home", str(self.gateway_home), *rendering_words)
        )
        self.gateway_port = find_free_port()
        self.gateway = self._make_child(
            "gateway",
            (
                *("gateway", "start", "--home", str(self.gateway_home), "--listen", f"127.0.0.1:{self.gateway_port}"),
                *("--allow-network", "127.0.0.0/8", "--deposit", str(DEPOSIT_GNK)),
                *("--renderer", f"unix:{self.gateway_home / RENDERER_SOCKET}", "--require-tokens"),
            ),
        )

    @property
    def children(self) -> list[Child]:
        """Every process, the chain last."""
        return [self.gateway, self.renderer, *self.servers, *self.clients, *self.sidecars, self.chain]

    @property
    def url(self) -> str:
        """Where the gateway serves."""
        return f"http://127.0.0.1:{self.gateway_port}"

    def check_running(self) -> None:
        """Raises PermanentError `process_ended` for the first that ended by itself."""
        for child in self.children:
            if child.process is not None:
                child.check_running()

    async def start_chain(self) -> str:
        """Start the chain; returns its gRPC address, which it keeps over restarts."""
        home = self.directory / "chain"
        home.mkdir()
        (home / "genesis.json").write_bytes(self._build_genesis())
        self.chain.words += ("--grpc", f"127.0.0.1:{find_free_port()}")
        await self.chain.start()
        await self._wait_for(home / "grpc-address")
        return (home / "grpc-address").read_text().strip()

    async def start_hosts(self, chain: str) -> None:
        """Start sidecars, and once they answer the clients and serving processes."""
        for child in self.sidecars:
            await child.start()
        for seller in self.sellers:
            home = seller.member.home
            write_host_config(home, chain=chain, chain_id=CHAIN_ID, sidecar=home / "sidecar.sock")
            await self._wait_for(home / "sidecar.sock")
        for child in [*self.clients, *self.servers]:
            await child.start()

    async def offer(self, ledger: CosmosLedger) -> None:
        """Every host stakes, names its serving key, and offers the model."""
        models = (
            await ledger.query("/gonka.inference.v1.Query/Models", QueryModelsRequest(), QueryModelsResponse)
        ).models
        for seller in self.sellers:
            address, purse = seller.member.address, Purse(seller.member, ledger)
            await purse.send(MsgStake(host=address, amount_ngonka=STAKE_NGONKA))
            await purse.send(MsgSetServingKey(host=address, serving_pubkey=seller.serving.public_key))
            offer = MsgSetOffer(
                host=address, model_ids=[models[0].model_id], endpoint=seller.endpoint, region=seller.region
            )
            await purse.send(offer)

    async def start_gateway(self, chain: str) -> None:
        """Start the gateway, and before it the sidecar that counts for it."""
        await self.renderer.start()
        await self._wait_for(self.gateway_home / RENDERER_SOCKET)
        write_host_config(self.gateway_home, chain=chain, chain_id=CHAIN_ID, sidecar=self.gateway_home / "none.sock")
        await self.gateway.start()
        await self._wait_for(self.gateway_home / "gateway-address")

    def operate(self, *words: str) -> str:
        """What a `gnk gateway` command prints.  Raises PermanentError `process_ended` where it fails."""
        line = [sys.executable, "-m", "cli", "gateway", *words, "--home", str(self.gateway_home), "--json"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False)
        if done.returncode:
            raise PermanentError("process_ended", f"gnk gateway {words[0]}: {done.stderr.strip()}")
        return done.stdout

    async def stop(self) -> None:
        """Stop everything; returns when no process is left."""
        for child in self.children:
            await child.stop()

    def _build_genesis(self) -> bytes:
        addresses = [seller.member.address for seller in self.sellers]
        model = Model(
            name=self.manifest.name,
            content_hash=self.manifest.content_hash,
            tokenizer_hash=self.manifest.tokenizer_hash,
            units_per_token_in=UNITS_IN,
            units_per_token_out=UNITS_OUT,
            max_context=self.manifest.max_context,
            base_price_ngonka=BASE_PRICE_NGONKA,
        )
        genesis = build_genesis(
            chain_id=CHAIN_ID,
            time_ms=time.time_ns() // 10**6,
            params=self.params,
            balances={decode_address(a): BALANCE_NGONKA for a in [*addresses, self.developer.address]},
            hosts=[GenesisHost(address=address, units=GENESIS_UNITS) for address in addresses],
            subsidy_ngonka=SUBSIDY_NGONKA,
        )
        return add_models(genesis, [model])

    def _make_child(self, name: str, words: tuple[str, ...]) -> Child:
        return Child(name=name, words=words, log=self.directory / f"{name}.log")

    def _make_host_child(self, seller: Seller, name: str, *words: str) -> Child:
        home = seller.member.home
        full = (*words, "--home", str(home))
        return Child(name=f"{home.name} {name}", words=full, log=home / f"{name}.log")

    async def _wait_for(self, path: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not path.exists():  # noqa: ASYNC240  # made by another process, and a look takes no time
            self.check_running()
            if time.monotonic() > deadline:
                raise PermanentError("demo_stalled", f"{path} did not come; see the logs in {self.directory}")
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def run_market(
    directory: Path, models: Path, manifest: Manifest, *, hosts: int
) -> AsyncIterator[tuple[MarketNetwork, CosmosLedger]]:
    """A new market in preset LOCAL, as `open_market` has it."""
    network = MarketNetwork(directory, models, manifest, hosts=hosts)
    async with open_market(network) as ledger:
        yield network, ledger


@asynccontextmanager
async def open_market(network: MarketNetwork) -> AsyncIterator[CosmosLedger]:
    """All processes, once every host offers the model and the gateway serves; everything is stopped on leaving."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(network.stop)
        address = await network.start_chain()
        ledger = await stack.enter_async_context(CosmosLedger.open(address, chain_id=CHAIN_ID))
        await network.start_hosts(address)
        await network.offer(ledger)
        await network.start_gateway(address)
        yield ledger


def _make_seller(home: Path, region: str) -> Seller:
    key = make_host_home(home)
    serving = SigningKey(Secret(secrets.token_bytes(32)))
    source = PassphraseSource(file=home / PASSPHRASE_FILE)
    open_keyring("file", home).add(serving.describe("serving", 0), serving, source)
    member = Member(name=home.name, home=home, key=key, vote="yes")
    return Seller(member=member, serving=serving, port=find_free_port(), region=region)
