"""A chain in memory with a few funded accounts, and transactions signed by them, for the tests of the state machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from coincurve import PrivateKey
from google.protobuf.message import Message

from chain.app import App
from chain.context import Context
from chain.engine.application import Block, BlockResult, TxResult
from chain.genesis import add_models, build_genesis, init_state, read_genesis
from chain.handlers import HANDLERS
from chain.modules.auth.state import get_account
from chain.modules.bank.coins import make_coin
from chain.modules.handler import pack_any, read_order
from chain.store.overlay import Overlay
from chain.store.store import Store
from rules.addresses import address_from_pubkey, encode_address
from rules.params import GNK, Params
from rules.presets import GENESIS_UNITS, MINIMAL
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.params.v1.genesis_pb2 import GenesisHost
from wire.signing import encode_direct, sign

from cosmos.crypto.secp256k1.keys_pb2 import PubKey
from cosmos.tx.signing.v1beta1.signing_pb2 import SIGN_MODE_DIRECT
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, Fee, ModeInfo, SignerInfo, TxBody, TxRaw

CHAIN_ID = "test-1"
TIME_MS = 1_700_000_000_000
BALANCE = 1_000 * GNK
SUBSIDY = 100 * GNK
GAS = 400_000


@dataclass(frozen=True)
class Person:
    """An account with its key."""

    secret: bytes
    public_key: bytes
    address: bytes
    text: str


def make_person(name: str) -> Person:
    secret = sha256(name.encode()).digest()
    public_key = PrivateKey(secret).public_key.format(compressed=True)
    address = address_from_pubkey(public_key)
    return Person(secret=secret, public_key=public_key, address=address, text=encode_address(address))


ANN, BOB, CAT, DAN = (make_person(name) for name in ("ann", "bob", "cat", "dan"))
STRANGER = make_person("stranger")
"""Ann, Bob and Cat are founding hosts with equal units; Dan has money only; the stranger has nothing."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a transaction says; signed by `signers` in order, whose sequences are given."""

    messages: tuple[Message, ...]
    signers: tuple[Person, ...]
    sequences: tuple[int, ...]
    numbers: tuple[int, ...]
    fee: int | None = None
    gas: int = GAS
    memo: str = ""
    timeout_height: int = 0
    payer: str = ""
    chain_id: str = CHAIN_ID
    mode: int = SIGN_MODE_DIRECT


def encode(draft: Draft) -> TxRaw:
    body = TxBody(messages=[pack_any(m) for m in draft.messages], memo=draft.memo, timeout_height=draft.timeout_height)
    infos = [
        SignerInfo(
            public_key=pack_any(PubKey(key=person.public_key)),
            mode_info=ModeInfo(single=ModeInfo.Single(mode=draft.mode)),
            sequence=sequence,
        )
        for person, sequence in zip(draft.signers, draft.sequences, strict=True)
    ]
    fee = draft.gas if draft.fee is None else draft.fee
    coins = [make_coin(fee)] if fee else []
    auth = AuthInfo(signer_infos=infos, fee=Fee(amount=coins, gas_limit=draft.gas, payer=draft.payer))
    return sign_all(draft, TxRaw(body_bytes=body.SerializeToString(), auth_info_bytes=auth.SerializeToString()))


def sign_all(draft: Draft, raw: TxRaw) -> TxRaw:
    del raw.signatures[:]
    for person, number in zip(draft.signers, draft.numbers, strict=True):
        document = encode_direct(raw.body_bytes, raw.auth_info_bytes, draft.chain_id, number)
        raw.signatures.append(sign(person.secret, document))
    return raw


def make_genesis(
    params: Params = MINIMAL, hosts: tuple[Person, ...] = (ANN, BOB, CAT), models: tuple[Model, ...] = ()
) -> bytes:
    genesis = build_genesis(
        chain_id=CHAIN_ID,
        time_ms=TIME_MS,
        params=params,
        balances={person.address: BALANCE for person in (ANN, BOB, CAT, DAN)},
        hosts=[GenesisHost(address=person.text, units=GENESIS_UNITS) for person in hosts],
        subsidy_ngonka=SUBSIDY,
    )
    return add_models(genesis, models)


@dataclass
class Ledger:
    """An application that has read its genesis; blocks are made when asked."""

    store: Store = field(default_factory=Store.in_memory)
    genesis: bytes = field(default_factory=make_genesis)

    def __post_init__(self) -> None:
        self.app = App.open(self.store)
        if self.app.info().height == 0:
            self.app.init_chain(self.genesis)
        self.last_hash = sha256(self.genesis).digest()

    @property
    def height(self) -> int:
        return self.app.info().height

    def draft(self, *messages: Message, by: tuple[Person, ...], **changes: object) -> Draft:
        """A transaction that is right in all but what `changes` says."""
        accounts = [get_account(self.store.latest, person.address) for person in by]
        draft = Draft(
            messages=messages,
            signers=by,
            sequences=tuple(account.sequence if account else 0 for account in accounts),
            numbers=tuple(account.number if account else 0 for account in accounts),
        )
        return replace(draft, **changes)  # type: ignore[arg-type]  # the fields of Draft

    def tx(self, *messages: Message, by: tuple[Person, ...], **changes: object) -> bytes:
        return encode(self.draft(*messages, by=by, **changes)).SerializeToString()

    def finalize(self, *txs: bytes) -> BlockResult:
        height = self.height + 1
        block = Block(
            height=height,
            time_ns=TIME_MS * 10**6 + height * 10**8,
            hash=sha256(self.last_hash + b"".join(txs)).digest(),
            last_hash=self.last_hash,
            proposer=b"",
            txs=txs,
        )
        result = self.app.finalize_block(block)
        self._decided = block
        return result

    def block(self, *txs: bytes) -> BlockResult:
        """Make and commit a block."""
        result = self.finalize(*txs)
        self.app.commit({})
        self.last_hash = self._decided.hash
        return result

    def send(self, *messages: Message, by: Person, **changes: object) -> TxResult:
        """Deliver one transaction in a block of its own."""
        return self.block(self.tx(*messages, by=(by,), **changes)).tx_results[0]

    def run_to(self, height: int) -> None:
        while self.height < height:
            self.block()


def code_of(result: object) -> str:
    """The rule code that a result's log begins with, "" for success."""
    return str(getattr(result, "log")).partition(":")[0]  # noqa: B009  # CheckResult and TxResult alike


def make_context(genesis: bytes | None = None, height: int = 1) -> Context:
    """The state after genesis, to apply messages to without blocks."""
    described = read_genesis(genesis or make_genesis())
    store = Overlay(Store.in_memory().latest)
    ctx = Context(store=store, height=height, time_ns=TIME_MS * 10**6, chain_id=described.chain_id, handlers=HANDLERS)
    init_state(ctx, described)
    return ctx


def apply(ctx: Context, message: Message) -> Message:
    """Apply a message, all of it or nothing.  Raises: RuleError."""
    branch = ctx.branch()
    response = read_order(pack_any(message), HANDLERS).apply(branch.context)
    branch.merge()
    return response
