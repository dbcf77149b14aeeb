"""Sends a second through the state machine, in process: `python -m benchmarks.chain`.

Blocks of 1,000 MsgSend, each by another account to another, with fees; every signature is checked.  `apply` finalises
and commits blocks whose transactions were never seen before (what replay costs); `check` is CheckTx before it, and
`block` the same blocks after CheckTx, which leaves their signatures checked.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

from coincurve import PrivateKey

from chain.app import App
from chain.engine.application import Block
from chain.genesis import build_genesis
from chain.modules.bank.coins import make_coin
from chain.modules.bank.messages import MODULE_NAMES
from chain.modules.handler import pack_any
from chain.store.store import Store
from rules.addresses import address_from_pubkey, encode_address
from rules.params import GNK
from rules.presets import GENESIS_UNITS, LOCAL
from wire.gonka.params.v1.genesis_pb2 import GenesisHost
from wire.signing import encode_direct, sign

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.crypto.secp256k1.keys_pb2 import PubKey
from cosmos.tx.signing.v1beta1.signing_pb2 import SIGN_MODE_DIRECT
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, Fee, ModeInfo, SignerInfo, TxBody, TxRaw

CHAIN_ID = "bench-1"
GAS = 50_000
FIRST_NUMBER = len(MODULE_NAMES)  # account numbers before it belong to the modules


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--sends", type=int, default=1_000, help="in a block, by as many accounts")
    arguments = parser.parse_args()
    keys = sorted(
        (PrivateKey(sha256(i.to_bytes(4, "big")).digest()) for i in range(arguments.sends)),
        key=_address,
    )
    genesis = _build_genesis(keys)
    blocks = [[_sign_send(keys, i, block) for i in range(len(keys))] for block in range(arguments.blocks)]
    print(f"{arguments.blocks} blocks of {arguments.sends} sends, {len(blocks[0][0])} bytes each")
    with tempfile.TemporaryDirectory() as folder:
        for name, store in (("memory", Store.in_memory()), ("lmdb", Store.open(Path(folder) / "a"))):
            app = _open(store, genesis)
            _report(f"{name}: apply", len(keys), [_time(partial(_apply, app, txs)) for txs in blocks])
        app = _open(Store.open(Path(folder) / "b"), genesis)
        checks, applied = [], []
        for txs in blocks:
            checks.append(_time(partial(_check, app, txs)))
            applied.append(_time(partial(_apply, app, txs)))
        _report("lmdb: check", len(keys), checks)
        _report("lmdb: block", len(keys), applied)


def _address(key: PrivateKey) -> bytes:
    return address_from_pubkey(key.public_key.format())


def _build_genesis(keys: Sequence[PrivateKey]) -> bytes:
    founder = GenesisHost(address=encode_address(_address(keys[0])), units=GENESIS_UNITS)
    return build_genesis(
        chain_id=CHAIN_ID,
        time_ms=1_700_000_000_000,
        params=LOCAL,
        balances={_address(key): 1_000 * GNK for key in keys},
        hosts=[founder],
        subsidy_ngonka=GNK,
    )


def _sign_send(keys: Sequence[PrivateKey], index: int, sequence: int) -> bytes:
    key, recipient = keys[index], keys[(index * 7 + 1) % len(keys)]
    message = MsgSend(
        from_address=encode_address(_address(key)),
        to_address=encode_address(_address(recipient)),
        amount=[make_coin(1 + index)],
    )
    info = SignerInfo(
        public_key=pack_any(PubKey(key=key.public_key.format())),
        mode_info=ModeInfo(single=ModeInfo.Single(mode=SIGN_MODE_DIRECT)),
        sequence=sequence,
    )
    body = TxBody(messages=[pack_any(message)]).SerializeToString()
    auth = AuthInfo(signer_infos=[info], fee=Fee(amount=[make_coin(GAS)], gas_limit=GAS)).SerializeToString()
    signature = sign(key.secret, encode_direct(body, auth, CHAIN_ID, FIRST_NUMBER + index))
    return bytes(TxRaw(body_bytes=body, auth_info_bytes=auth, signatures=[signature]).SerializeToString())


def _open(store: Store, genesis: bytes) -> App:
    app = App.open(store)
    app.init_chain(genesis)
    _apply(app, [])
    return app


def _apply(app: App, txs: Sequence[bytes]) -> None:
    height = app.info().height + 1
    block_hash = sha256(height.to_bytes(8, "big")).digest()
    block = Block(
        height=height, time_ns=height * 10**9, hash=block_hash, last_hash=bytes(32), proposer=b"", txs=tuple(txs)
    )
    result = app.finalize_block(block)
    failed = [tx.log for tx in result.tx_results if tx.code]
    if failed:
        raise SystemExit(f"{len(failed)} sends failed, the first with {failed[0]}")
    app.commit({})


def _check(app: App, txs: Sequence[bytes]) -> None:
    for tx in txs:
        result = app.check_tx(tx, False)
        if result.code:
            raise SystemExit(result.log)


def _time(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _report(name: str, sends: int, seconds: Sequence[float]) -> None:
    rates = ", ".join(f"{sends / s:,.0f}" for s in seconds)
    print(f"{name}: best {sends / min(seconds):,.0f}/s, all {sends * len(seconds) / sum(seconds):,.0f}/s ({rates})")


if __name__ == "__main__":
    main()
