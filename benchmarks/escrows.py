"""Escrows through the handlers, in process: `python -m benchmarks.escrows`.

A state on disk with many hosts that all offer one model.  Each figure is the processor time of applying one message,
without its transaction: opening an escrow reads every host that offers, settling a voucher checks one signature.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from coincurve import PrivateKey

from chain.context import Context
from chain.genesis import add_models, build_genesis, init_state, read_genesis
from chain.modules.inference import state
from chain.modules.inference.escrows import apply_close, apply_open
from chain.modules.inference.settling import process_prices, process_refunds
from chain.modules.inference.vouchers import apply_settle
from chain.modules.stake import state as stake
from chain.settlement import Settlement
from chain.store.overlay import Overlay
from chain.store.store import Store
from rules.addresses import address_from_pubkey, decode_address, encode_address
from rules.params import GNK
from rules.presets import GENESIS_UNITS, MAINNET
from rules.types import Host
from rules.vouchers import Price, Tokens, Voucher, compute_amount
from wire.gonka.inference.v1.inference_pb2 import Model, Offer
from wire.gonka.inference.v1.tx_pb2 import MsgCloseEscrow, MsgOpenEscrow, MsgSettleVoucher
from wire.gonka.params.v1.genesis_pb2 import GenesisHost
from wire.gonka.stake.v1.stake_pb2 import TableEntry
from wire.vouchers import sign_voucher

CHAIN_ID = "bench-1"
KEY = PrivateKey(sha256(b"developer").digest())
DEVELOPER = address_from_pubkey(KEY.public_key.format())


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000, help="that offer the model")
    parser.add_argument("--escrows", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(_open_market(arguments.hosts, Path(folder)), arguments.escrows)


def _measure(ctx: Context, escrows: int) -> None:
    (model,) = state.scan_models(ctx.store)
    opening = MsgOpenEscrow(
        developer=encode_address(DEVELOPER),
        model_id=model.model_id,
        deposit_ngonka=GNK,
        voucher_pubkey=KEY.public_key.format(),
        max_price_in_ngonka=2**60,
        max_price_out_ngonka=2**60,
    )
    _report("open", [_time(lambda: apply_open(ctx, opening)) for _ in range(escrows)])
    vouchers = [_make_voucher(ctx, number) for number in range(1, escrows + 1)]
    _report("settle", [_time(lambda m=message: apply_settle(ctx, m)) for message in vouchers])
    for number in range(1, escrows + 1):
        apply_close(ctx, MsgCloseEscrow(developer=encode_address(DEVELOPER), escrow_id=number))
    settlement = Settlement.open(ctx, MAINNET.inference.close_epochs)
    _report(f"refunds of {escrows}", [_time(lambda: process_refunds(ctx, settlement))])
    _report("prices", [_time(lambda: process_prices(ctx, settlement))])


def _open_market(hosts: int, folder: Path) -> Context:
    founder = encode_address(DEVELOPER)
    genesis = build_genesis(
        chain_id=CHAIN_ID,
        time_ms=1_700_000_000_000,
        params=MAINNET,
        balances={DEVELOPER: 10**6 * GNK},
        hosts=[GenesisHost(address=founder, units=GENESIS_UNITS)],
        subsidy_ngonka=GNK,
    )
    model = Model(
        name="bench",
        content_hash=bytes(32),
        tokenizer_hash=bytes(32),
        units_per_token_in=1,
        units_per_token_out=4,
        max_context=4096,
        base_price_ngonka=10**7,
    )
    described = read_genesis(add_models(genesis, [model]))
    store, begun = Store.open(folder), Overlay(Store.in_memory().latest)
    ctx = Context(store=begun, height=1, time_ns=0, chain_id=CHAIN_ID)
    init_state(ctx, described)
    (known,) = state.scan_models(ctx.store)
    table = {}
    for number in range(hosts):
        host = Host(sha256(number.to_bytes(4, "big")).digest()[:20])
        text = encode_address(host)
        stake.set_host(ctx.store, host, stake.new_host(host, registered_epoch=0))
        table[host] = TableEntry(host=text, units=GENESIS_UNITS, effective_units=GENESIS_UNITS)
        key = b"\x02" + sha256(host).digest()  # never used
        offer = Offer(host=text, model_ids=[known.model_id], endpoint="https://host.example.org", serving_pubkey=key)
        state.set_offer(ctx.store, host, offer)
    stake.set_table(ctx.store, 0, table)
    store.commit(store.prepare(begun.writes), height=1, records={})
    return Context(store=Overlay(store.latest), height=2, time_ns=0, chain_id=CHAIN_ID, last_block_hash=bytes(32))


def _make_voucher(ctx: Context, escrow_id: int) -> MsgSettleVoucher:
    escrow = state.find_escrow(ctx.store, escrow_id)
    host, tokens = escrow.reserves[0].host, Tokens(tokens_in=1000, tokens_out=500)
    price = Price(in_ngonka=escrow.price_in_ngonka, out_ngonka=escrow.price_out_ngonka)
    voucher = Voucher(
        chain_id=CHAIN_ID,
        escrow_id=escrow_id,
        host=Host(decode_address(host)),
        model_id=escrow.model_id,
        serial=1,
        tokens=tokens,
        amount_ngonka=compute_amount(tokens, price),
    )
    return MsgSettleVoucher(sender=host, voucher=sign_voucher(KEY.secret, voucher))


def _time(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _report(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    print(f"{name}: median {ordered[len(ordered) // 2] * 1000:.3f} ms, worst {ordered[-1] * 1000:.3f} ms")


if __name__ == "__main__":
    main()
