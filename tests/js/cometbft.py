"""A chain whose engine is CometBFT, in a thread of the test: Ann is its one validator."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chain.api.listening import Interfaces
from chain.engine.cometbft import find_cometbft
from chain.engine.cometbft_home import Network, make_consensus_key
from chain.genesis import build_genesis
from chain.process import COMETBFT_FILE, GENESIS_FILE, CometbftConfig
from chain_client.consensus_key import prove_consensus_key
from commands.ports import find_free_ports
from rules.params import Params
from rules.presets import GENESIS_UNITS
from tests.chain.api.running import run_interfaces
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, CHAIN_ID, DAN, SUBSIDY, TIME_MS
from wire.gonka.params.v1.genesis_pb2 import GenesisHost

BLOCK_MS = 200


@contextmanager
def run_cometbft(home: Path, params: Params) -> Iterator[Mapping[str, str]]:
    """The addresses of a chain in `home`, by name."""
    key = home / COMETBFT_FILE / "config" / "priv_validator_key.json"
    make_consensus_key(key)
    proof = prove_consensus_key(key, CHAIN_ID, ANN.text)
    hosts = [GenesisHost(address=person.text, units=GENESIS_UNITS) for person in (ANN, BOB, CAT)]
    hosts[0].consensus_pubkey, hosts[0].consensus_signature = proof.public_key, proof.signature
    genesis = build_genesis(
        chain_id=CHAIN_ID,
        time_ms=TIME_MS,
        params=params,
        balances={person.address: BALANCE for person in (ANN, BOB, CAT, DAN)},
        hosts=hosts,
        subsidy_ngonka=SUBSIDY,
    )
    (home / GENESIS_FILE).write_bytes(genesis)
    p2p, rpc = (f"127.0.0.1:{port}" for port in find_free_ports(2))
    network = Network(p2p=p2p, rpc=rpc)
    cometbft = CometbftConfig(program=find_cometbft(os.environ), network=network)
    interfaces = Interfaces(grpc="127.0.0.1:0", rest="127.0.0.1:0", rpc=rpc)
    with run_interfaces(home, interfaces, params, BLOCK_MS, cometbft) as addresses:
        yield addresses
