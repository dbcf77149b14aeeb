"""Sends and reads a second through gRPC: `python -m benchmarks.api`.

A chain process on a real store and port, blocks of 500 ms, and this process as its only client on one connection.
`accepted` counts BroadcastTx calls that were answered; `in blocks` ends when the last send is in a block; `view` is
gonka.sprint.v1.Query/View, one call after another.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import grpc
from coincurve import PrivateKey

from benchmarks.chain import _address, _build_genesis, _sign_send
from rules.addresses import encode_address
from wire.gonka.sprint.v1.query_pb2 import QueryViewRequest
from wire.gonka.sprint.v1.query_pb2_grpc import QueryStub

from cosmos.tx.v1beta1.service_pb2 import BROADCAST_MODE_SYNC, BroadcastTxRequest, GetTxRequest
from cosmos.tx.v1beta1.service_pb2_grpc import ServiceStub

ACCOUNTS = 1_000
START_TIMEOUT_S = 60


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="sends of each of the 1,000 accounts")
    parser.add_argument("--calls", type=int, default=64, help="BroadcastTx calls under way at once")
    parser.add_argument("--views", type=int, default=1_000, help="View calls, one after another")
    arguments = parser.parse_args()
    keys = sorted((PrivateKey(sha256(i.to_bytes(4, "big")).digest()) for i in range(ACCOUNTS)), key=_address)
    rounds = [[_sign_send(keys, i, sequence) for i in range(ACCOUNTS)] for sequence in range(arguments.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "genesis.json").write_bytes(_build_genesis(keys))
        words = ("-m", "cli", "chain", "start", "--home", folder, "--grpc", "127.0.0.1:0")
        with subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as node:
            try:
                target = _await_address(home)
                asyncio.run(_measure_sends(target, rounds, arguments.calls))
                asyncio.run(_measure_views(target, encode_address(_address(keys[0])), arguments.views))
            finally:
                node.terminate()


def _await_address(home: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (home / "grpc-address").exists():
        if time.monotonic() > deadline:
            raise SystemExit("the chain did not start")
        time.sleep(0.05)
    return (home / "grpc-address").read_text().strip()


async def _measure_sends(target: str, rounds: Sequence[Sequence[bytes]], calls: int) -> None:
    async with grpc.aio.insecure_channel(target) as channel:
        stub = ServiceStub(channel)
        start = time.perf_counter()
        for txs in rounds:
            await _broadcast(stub, txs, calls)
        accepted = time.perf_counter() - start
        await _await_block(stub, sha256(rounds[-1][-1]).hexdigest())
        taken = time.perf_counter() - start
    count = sum(len(txs) for txs in rounds)
    print(f"accepted:   {count / accepted:7.0f} sends/s  ({count} in {accepted:.1f} s, {calls} calls at once)")
    print(f"in blocks:  {count / taken:7.0f} sends/s  ({taken:.1f} s)")


async def _broadcast(stub: ServiceStub, txs: Sequence[bytes], calls: int) -> None:
    left = iter(txs)

    async def work() -> None:
        for tx in left:
            answer = await stub.BroadcastTx(BroadcastTxRequest(tx_bytes=tx, mode=BROADCAST_MODE_SYNC))
            if answer.tx_response.code:
                raise SystemExit(answer.tx_response.raw_log)

    await asyncio.gather(*(work() for _ in range(calls)))


async def _await_block(stub: ServiceStub, tx_hash: str) -> None:
    while True:
        try:
            await stub.GetTx(GetTxRequest(hash=tx_hash))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.02)
        else:
            return


async def _measure_views(target: str, host: str, views: int) -> None:
    async with grpc.aio.insecure_channel(target) as channel:
        stub = QueryStub(channel)
        start = time.perf_counter()
        for _ in range(views):
            await stub.View(QueryViewRequest(host=host))
        taken = time.perf_counter() - start
    print(f"view:       {views / taken:7.0f} calls/s  ({taken / views * 1e6:.0f} us each)")


if __name__ == "__main__":
    main()
