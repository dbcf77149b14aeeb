"""What a signed header adds to a block of the local engine, and what a step of a light client costs; CPU time.

python -m benchmarks.headers
"""

import time
from collections.abc import Callable

from chain.engine.application import Block, BlockResult, TxResult
from chain.engine.validator import NOBODY
from chain_client.light import find_fault, find_gap
from tests.chain_client.light_network import LightNetwork

TX_BYTES = 314
REPEATS = 5


def make_block(count: int) -> tuple[Block, BlockResult]:
    txs = tuple(index.to_bytes(8, "big").ljust(TX_BYTES, b"x") for index in range(count))
    block = Block(height=1, time_ns=10**18, hash=b"", last_hash=bytes(32), proposer=NOBODY.address, txs=txs)
    result = TxResult(code=0, codespace="", log="", data=bytes(40), gas_wanted=1, gas_used=1, events=())
    results = BlockResult(tx_results=(result,) * count, events=(), app_hash=bytes(32), validator_updates=())
    return block, results


def measure_ms(work: Callable[[], object]) -> float:
    """The best of REPEATS, in milliseconds of this thread."""
    times = []
    for _ in range(REPEATS):
        begun = time.thread_time()
        work()
        times.append(time.thread_time() - begun)
    return min(times) * 1000


def main() -> None:
    for count in (0, 1_000, 10_000):
        block, results = make_block(count)

        def build(block: Block = block, results: BlockResult = results) -> object:
            return NOBODY.build_header(block, chain_id="bench", app_hash=bytes(32), last=None, last_result=results)

        header = NOBODY.build_header(block, chain_id="bench", app_hash=bytes(32), last=None, last_result=results)
        built = measure_ms(build)
        signed = measure_ms(lambda header=header, txs=block.txs: NOBODY.sign(header, txs=txs, last=None))
        print(
            f"{count:6} transactions of {TX_BYTES} bytes: header {built:7.2f} ms, parts and signature {signed:6.2f} ms"
        )
    for count in (1, 4, 128):
        network = LightNetwork({1: dict.fromkeys(range(1, count + 1), 10)})
        first, last = network.block(1), network.block(500)
        step = measure_ms(lambda first=first, last=last: (find_fault(last), find_gap(first, last)))
        size = last.signed.ByteSize() + 2 * last.validators.ByteSize()
        print(f"{count:6} validators: a step over blocks {step:.2f} ms, {size:,} bytes of a proof file")


if __name__ == "__main__":
    main()
