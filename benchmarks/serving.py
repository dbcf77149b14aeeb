"""What a request costs the serving process beside the model: reading it, what goes to disk before it is answered, and
telling where its receipt hangs.

python -m benchmarks.serving [DIRECTORY]
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rules.answers import Answer, Receipt
from rules.types import Host
from rules.vouchers import Tokens
from serving.database import Database
from serving.journal import Journal, KeptReceipt
from serving.placing import TREES, Trees
from serving.records import hash_body
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.openai.documents import parse_request
from wire.openai.requests import ChatRequest

HOST = Host(b"h" * 20)
TIMES = 300


def measure(name: str, work: Callable[[int], object]) -> None:
    """Prints the median and the 99th percentile of TIMES runs."""
    taken_ms = []
    for number in range(TIMES):
        began = time.perf_counter()
        work(number)
        taken_ms.append((time.perf_counter() - began) * 1000)
    print(f"{name:<48} {statistics.median(taken_ms):8.3f} ms   p99 {statistics.quantiles(taken_ms, n=100)[98]:8.3f} ms")


def measure_reading() -> None:
    for letters in (100, 10_000, 1_900_000):
        message = {"role": "user", "content": "x" * letters}
        body = json.dumps({"model": "m", "messages": [message], "temperature": 0.7, "stream": True}).encode()
        measure(f"read a chat of {letters} letters", lambda _, body=body: parse_request(body, ChatRequest))


def measure_disk(home: Path) -> None:
    journal = Journal(Database.open(home, chain_id="bench-1", host=HOST), chain_id="bench-1", host=HOST)
    body, tokens = b'{"model": "m"}', tuple(range(1_000))

    def keep_voucher(number: int) -> None:
        voucher = pb.Voucher(chain_id="bench-1", escrow_id=1, serial=number + 1, signature=bytes(64))
        journal.keep_voucher(voucher, Tokens(tokens_in=number, tokens_out=number))

    def keep_answer(number: int) -> None:
        receipt = Receipt(
            chain_id="bench-1",
            escrow_id=1,
            host=HOST,
            request=number,
            body_hash=hash_body(body),
            developer_nonce=bytes(32),
            host_nonce=bytes(32),
            answers=(Answer(prompt=tokens, tokens=tokens),),
            salt=bytes(32),
        )
        journal.keep_answer(receipt, body, pb.Ticket(request=number), Tokens())

    measure("begin a request: number and nonce on disk", lambda number: journal.open_request(1, number, bytes(32)))
    measure("take a voucher: on disk", keep_voucher)
    measure("end an answer of 2,000 tokens: receipt, on disk", keep_answer)


class Shelf:
    """`serials` trees of so many receipts each: request number n hangs in that of serial n modulo `serials`, plus 1."""

    def __init__(self, receipts: int, serials: int) -> None:
        self._receipts = receipts
        self._serials = serials

    def find_receipt(self, _escrow_id: int, request: int) -> KeptReceipt:
        return KeptReceipt(receipt=bytes(32), serial=request % self._serials + 1)

    def read_leaves(self, _escrow_id: int, serial: int) -> tuple[tuple[int, bytes], ...]:
        return tuple((n * self._serials + serial - 1, bytes(32)) for n in range(self._receipts))


def measure_placing() -> None:
    """Of a tree that is held, and of one that is built anew each time; without reading the disk."""
    for receipts in (100, 10_000):
        for name, serials in (("held", 1), ("built", TREES + 1)):
            with asyncio.Runner() as runner:
                place = partial(_place, runner, Trees(Shelf(receipts, serials)))
                measure(f"place one of {receipts} receipts, tree {name}", place)


def _place(runner: asyncio.Runner, trees: Trees, number: int) -> None:
    runner.run(trees.place(1, number % 100))


if __name__ == "__main__":
    measure_reading()
    measure_placing()
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        measure_disk(Path(folder))
