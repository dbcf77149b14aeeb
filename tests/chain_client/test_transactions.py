"""Building transactions, and what follows from what was seen."""

from dataclasses import replace

import pytest

from chain.handlers import HANDLERS
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.ledger import Account, GasPrice, Receipt, TxResult
from chain_client.transactions import (
    DUTY_GAS,
    Attempt,
    Fate,
    Fee,
    Observation,
    Order,
    Outcome,
    Step,
    compute_fee,
    decide,
    encode_unsigned,
    sign_again,
    sign_order,
)
from rules.presets import PRESETS
from wire.gonka.stake.v1.tx_pb2 import MsgStake
from wire.signing import verify_direct

from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, TxBody, TxRaw

KEY = SigningKey(Secret(b"\7" * 32))
ACCOUNT = Account(address=KEY.address, number=3, sequence=5)
ORDER = Order(
    order_id="one",
    messages=(MsgStake(host=KEY.address, amount_ngonka=1),),
    last_height=100,
    fee=Fee(gas_limit=500, amount_ngonka=7),
    memo="hello",
)
TX = sign_order(ORDER, KEY, ACCOUNT, "gonka-test")
FOUND = TxResult(tx_hash=TX.tx_hash, height=90, code=0)
FAILED = replace(FOUND, code=7, rule="unauthorized")
REFUSAL = Receipt(tx_hash=TX.tx_hash, code=5, rule="insufficient_funds")
EARLY = Receipt(tx_hash=TX.tx_hash, code=4, rule="sequence_mismatch")
TAKEN = Receipt(tx_hash=TX.tx_hash, code=0)
FRESH = Attempt(tx=TX, may_be_out=False)
RESUMED = Attempt(tx=TX, may_be_out=True)


def see(height: int, sequence: int = 5, result: TxResult | None = None) -> Observation:
    return Observation(height=height, sequence=sequence, result=result)


CASES = [
    (FRESH, see(50), Step.SEND, "never sent"),
    (RESUMED, see(50), Step.SEND, "kept by an earlier process"),
    (replace(FRESH, sent_at=50, receipt=TAKEN), see(50), Step.WAIT, "sent in this block"),
    (replace(FRESH, sent_at=50, receipt=TAKEN), see(51), Step.SEND, "a block went by without it: the same bytes again"),
    (replace(RESUMED, sent_at=99), see(99), Step.WAIT, "sent for the last block it may be in"),
    (replace(RESUMED, sent_at=50), see(100), Step.WAIT, "too late to send, too early to tell"),
    (replace(RESUMED, sent_at=50), see(101), Fate.EXPIRED, "one block after the last it could be in"),
    (FRESH, see(101), Fate.EXPIRED, "never sent and too late"),
    (RESUMED, see(90, 6, FOUND), Fate.APPLIED, "in a block"),
    (RESUMED, see(101, 6, FOUND), Fate.APPLIED, "in a block, seen late"),
    (RESUMED, see(90, 6, FAILED), Fate.FAILED, "in a block, failed"),
    (RESUMED, see(60, 6), Step.WAIT, "the sequence moved on and nothing is known yet"),
    (replace(RESUMED, passed_at=60), see(60, 6), Step.WAIT, "still the same block"),
    (replace(RESUMED, passed_at=60), see(61, 6), Step.SIGN_AGAIN, "used by something else, a block later"),
    (replace(RESUMED, passed_at=98), see(100, 6), Step.WAIT, "no block is left for another try"),
    (replace(FRESH, sent_at=50, receipt=REFUSAL), see(50), Fate.REFUSED, "refused by the only node that saw it"),
    (replace(RESUMED, sent_at=50, receipt=REFUSAL), see(50), Step.WAIT, "refused, but it may be out elsewhere"),
    (replace(RESUMED, sent_at=50, receipt=REFUSAL), see(51), Step.SEND, "refused, and may be taken again"),
    (replace(FRESH, sent_at=50, receipt=EARLY), see(51), Step.SEND, "something else of ours is in the queue"),
]


@pytest.mark.parametrize(
    ("attempt", "seen", "expected", "words"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_decide__what_was_seen__gives_the_step_or_the_outcome(
    attempt: Attempt, seen: Observation, expected: Step | Fate, words: str
) -> None:
    decision = decide(attempt, seen)

    assert (decision.fate if isinstance(decision, Outcome) else decision) is expected


def test_decide__refused__tells_the_rule() -> None:
    decision = decide(replace(FRESH, sent_at=50, receipt=REFUSAL), see(50))

    assert isinstance(decision, Outcome)
    assert (decision.order_id, decision.result.rule, decision.result.height) == ("one", "insufficient_funds", 0)


KNOWN = Receipt(tx_hash=TX.tx_hash, code=1, rule="tx_duplicate", log="tx_duplicate: tx already exists in cache")
FULL = Receipt(tx_hash=TX.tx_hash, code=2, rule="mempool_full", log="mempool_full: 9 transactions wait")


@pytest.mark.parametrize(
    ("attempt", "rule", "said"),
    [
        (FRESH, "", "no node could be reached to take it before block 100 was made"),
        (RESUMED, "", "no node said that it had it, and no block up to 100 took it"),
        (replace(RESUMED, receipt=TAKEN), "", "the node had it, and no block up to 100 took it"),
        (replace(RESUMED, receipt=KNOWN), "", "the node had it, and no block up to 100 took it"),
        (replace(RESUMED, receipt=FULL), "mempool_full", "mempool_full: 9 transactions wait"),
    ],
    ids=[
        "never sent",
        "kept by an earlier process, or sent without an answer",
        "taken",
        "still there when it was sent again",
        "no room",
    ],
)
def test_decide__expired__says_what_the_node_did_with_it(attempt: Attempt, rule: str, said: str) -> None:
    decision = decide(attempt, see(101))

    assert isinstance(decision, Outcome)
    assert (decision.fate, decision.result.rule) == (Fate.EXPIRED, rule)
    assert decision.result.log.startswith(said)
    assert "cache" not in decision.result.log


def test_sign_order__any_order__verifies_and_says_what_was_ordered() -> None:
    raw = TxRaw.FromString(TX.raw)
    body, auth_info = TxBody.FromString(raw.body_bytes), AuthInfo.FromString(raw.auth_info_bytes)

    assert verify_direct(KEY.public_key, raw.signatures[0], raw.body_bytes, raw.auth_info_bytes, "gonka-test", 3)
    assert (body.memo, body.timeout_height) == ("hello", 100)
    assert body.messages[0].type_url == "/gonka.stake.v1.MsgStake"
    assert auth_info.signer_infos[0].sequence == 5
    assert (auth_info.fee.gas_limit, auth_info.fee.amount[0].amount) == (500, "7")


def test_sign_order__the_same_order__gives_the_same_bytes() -> None:
    assert sign_order(ORDER, KEY, ACCOUNT, "gonka-test") == TX


def test_sign_again__later_sequence__changes_sequence_and_signature_only() -> None:
    again = sign_again(TX, KEY, replace(ACCOUNT, sequence=9))
    before, after = TxRaw.FromString(TX.raw), TxRaw.FromString(again.raw)

    assert after.body_bytes == before.body_bytes
    assert verify_direct(KEY.public_key, after.signatures[0], after.body_bytes, after.auth_info_bytes, "gonka-test", 3)
    assert AuthInfo.FromString(after.auth_info_bytes).signer_infos[0].sequence == again.sequence == 9
    assert AuthInfo.FromString(after.auth_info_bytes).fee == AuthInfo.FromString(before.auth_info_bytes).fee
    assert (again.order_id, again.last_height) == (TX.order_id, TX.last_height)
    assert again.tx_hash != TX.tx_hash


def test_encode_unsigned__an_order__has_one_empty_signature() -> None:
    assert list(TxRaw.FromString(encode_unsigned(ORDER, KEY.public_key, 5)).signatures) == [b""]


@pytest.mark.parametrize(
    ("gas_used", "numerator", "denominator", "expected", "words"),
    [
        (1000, 1, 1, Fee(gas_limit=1300, amount_ngonka=1300), "30 % margin"),
        (1, 1, 1, Fee(gas_limit=2, amount_ngonka=2), "gas rounded up"),
        (1000, 1, 40, Fee(gas_limit=1300, amount_ngonka=33), "price rounded up"),
        (1000, 0, 1, Fee(gas_limit=1300, amount_ngonka=0), "no price"),
    ],
)
def test_compute_fee__simulated_gas__is_rounded_up(
    gas_used: int, numerator: int, denominator: int, expected: Fee, words: str
) -> None:
    assert compute_fee(gas_used, GasPrice(numerator=numerator, denominator=denominator, denom="ngonka")) == expected


@pytest.mark.parametrize("name", PRESETS)
def test_duty_gas__the_longest_duty_there_can_be__is_enough(name: str) -> None:
    auth = PRESETS[name].auth
    dearest = max(handler.gas for handler in HANDLERS.values() if handler.duty)
    assert auth.gas_per_byte * auth.max_tx_bytes + auth.gas_per_signature + dearest <= DUTY_GAS <= auth.max_block_gas
