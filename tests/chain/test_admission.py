"""What a transaction must pass: each row breaks one thing of a transaction that is right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chain.admission import MAX_DUTY_GAS, compute_gas, compute_least_fee
from chain.engine.application import TxResult
from chain.handlers import HANDLERS
from chain.modules.auth.state import get_account
from chain.modules.bank.coins import make_coin
from chain.modules.bank.state import get_balance
from chain.modules.handler import pack_any
from chain.modules.params.state import get_frozen
from chain.transaction import read_transaction
from rules.addresses import module_address
from rules.presets import MINIMAL
from tests.chain.ledger import (
    ANN,
    BALANCE,
    BOB,
    CAT,
    DAN,
    GAS,
    STRANGER,
    Ledger,
    Person,
    code_of,
    encode,
    make_genesis,
    sign_all,
)
from wire.amino import encode_amino
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim
from wire.gonka.stake.v1.tx_pb2 import MsgRegisterHost
from wire.signing import GROUP_ORDER, sign

from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
from cosmos.authz.v1beta1.tx_pb2 import MsgGrant
from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.tx.signing.v1beta1.signing_pb2 import SIGN_MODE_LEGACY_AMINO_JSON
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, TxBody, TxRaw


def send(sender: Person, recipient: Person = BOB, amount: int = 5) -> MsgSend:
    return MsgSend(from_address=sender.text, to_address=recipient.text, amount=[make_coin(amount)])


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.block()
    return ledger


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": "other-1"}, "signature_invalid"),
        ({"numbers": (99,)}, "signature_invalid"),
        ({"sequences": (1,)}, "sequence_mismatch"),
        ({"mode": SIGN_MODE_LEGACY_AMINO_JSON}, "signature_invalid"),
        ({"fee": 0}, "fee_too_low"),
        ({"fee": GAS - 1}, "fee_too_low"),
        ({"fee": BALANCE + 1}, "insufficient_funds"),
        ({"gas": 20_000, "fee": 20_000}, "out_of_gas"),
        ({"gas": MINIMAL.auth.max_block_gas + 1}, "out_of_gas"),
        ({"memo": "x" * 257}, "memo_too_large"),
        ({"memo": "ü" * 129}, "memo_too_large"),
        ({"timeout_height": 1}, "tx_timed_out"),
        ({"payer": "gonka1nonsense"}, "address_invalid"),
        ({"payer": DAN.text}, "signature_invalid"),
    ],
)
def test_a_transaction_with_one_thing_wrong__is_refused_and_costs_nothing(
    ledger: Ledger, changes: dict[str, object], code: str
) -> None:
    tx = ledger.tx(send(ANN), by=(ANN,), **changes)
    assert code_of(ledger.app.check_tx(tx, False)) == code
    assert code_of(ledger.block(tx).tx_results[0]) == code
    account = get_account(ledger.store.latest, ANN.address)
    assert account is not None
    assert account.sequence == 0
    assert get_balance(ledger.store.latest, ANN.address) == BALANCE


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"memo": "x" * 256}, "the memo may have 256 bytes"),
        ({"timeout_height": 2}, "the block of height 2 is in time"),
        ({"gas": 30_000, "fee": 30_000}, "one ngonka for each gas is enough"),
    ],
)
def test_a_transaction_at_a_limit__passes(ledger: Ledger, changes: dict[str, object], because: str) -> None:
    assert code_of(ledger.send(send(ANN), by=ANN, **changes)) == "", because


def test_admit__stranger_without_account__is_told_so(ledger: Ledger) -> None:
    assert code_of(ledger.send(send(STRANGER), by=STRANGER)) == "account_unknown"


def test_admit__key_of_another__is_refused(ledger: Ledger) -> None:
    draft = ledger.draft(send(ANN), by=(ANN,))
    assert code_of(ledger.block(encode(replace(draft, signers=(BOB,))).SerializeToString()).tx_results[0]) == (
        "signature_invalid"
    )


def test_admit__high_s__is_refused(ledger: Ledger) -> None:
    raw = encode(ledger.draft(send(ANN), by=(ANN,)))
    r, s = raw.signatures[0][:32], int.from_bytes(raw.signatures[0][32:], "big")
    raw.signatures[0] = r + (GROUP_ORDER - s).to_bytes(32, "big")
    assert code_of(ledger.app.check_tx(raw.SerializeToString(), False)) == "signature_invalid"


def sign_amino(ledger: Ledger, sender: Person, **changes: object) -> TxRaw:
    """A transfer signed in amino JSON."""
    draft = ledger.draft(send(sender), by=(sender,), mode=SIGN_MODE_LEGACY_AMINO_JSON, **changes)
    raw = encode(draft)
    body, auth_info = TxBody.FromString(raw.body_bytes), AuthInfo.FromString(raw.auth_info_bytes)
    document = encode_amino(body, auth_info.fee, draft.chain_id, draft.numbers[0], draft.sequences[0])
    raw.signatures[0] = sign(sender.secret, document)
    return raw


def test_admit__amino_json__passes(ledger: Ledger) -> None:
    for _ in range(2):
        result = ledger.block(sign_amino(ledger, ANN, memo="<&>", timeout_height=9).SerializeToString()).tx_results[0]
        assert code_of(result) == ""
    assert get_balance(ledger.store.latest, BOB.address) == BALANCE + 10


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": "other-1"}, "signature_invalid"),
        ({"numbers": (99,)}, "signature_invalid"),
        ({"sequences": (1,)}, "sequence_mismatch"),
        ({"fee": GAS - 1}, "fee_too_low"),
        ({"timeout_height": 1}, "tx_timed_out"),
    ],
)
def test_admit__amino_json_with_one_thing_wrong__is_refused(
    ledger: Ledger, changes: dict[str, object], code: str
) -> None:
    tx = sign_amino(ledger, ANN, **changes).SerializeToString()
    assert code_of(ledger.app.check_tx(tx, False)) == code


def test_admit__amino_json_over_a_changed_fee__is_refused(ledger: Ledger) -> None:
    raw = sign_amino(ledger, ANN)
    auth_info = AuthInfo.FromString(raw.auth_info_bytes)
    auth_info.fee.amount[0].amount = str(GAS + 1)
    raw.auth_info_bytes = auth_info.SerializeToString(deterministic=True)
    assert code_of(ledger.app.check_tx(raw.SerializeToString(), False)) == "signature_invalid"


@pytest.mark.parametrize("field", ["body_bytes", "auth_info_bytes"])
def test_admit__amino_json_over_another_encoding_of_the_same__is_refused(ledger: Ledger, field: str) -> None:
    raw = sign_amino(ledger, ANN, memo="m")
    empty_string_again = {"body_bytes": b"\x12\x01m", "auth_info_bytes": b"\x12\x00"}[field]
    setattr(raw, field, getattr(raw, field) + empty_string_again)
    assert code_of(ledger.app.check_tx(raw.SerializeToString(), False)) == "tx_malformed"


@pytest.mark.parametrize("again", [b"", 2 * (b"\x0a\x21" + ANN.public_key)], ids=["left out", "written twice"])
def test_admit__amino_json_whose_key_somebody_wrote_otherwise__is_refused(ledger: Ledger, again: bytes) -> None:
    ledger.send(send(ANN), by=ANN)
    raw = sign_amino(ledger, ANN)
    auth_info = AuthInfo.FromString(raw.auth_info_bytes)
    if again:
        auth_info.signer_infos[0].public_key.value = again
    else:
        auth_info.signer_infos[0].ClearField("public_key")
    raw.auth_info_bytes = auth_info.SerializeToString(deterministic=True)
    assert code_of(ledger.app.check_tx(raw.SerializeToString(), False)) == "tx_malformed"


@pytest.mark.parametrize(("times", "code"), [(1, ""), (8, ""), (14, "tx_too_large"), (20_000, "tx_too_large")])
def test_admit__a_key_written_so_often_that_it_fills_a_block__is_refused(ledger: Ledger, times: int, code: str) -> None:
    """No gas is taken for what signing adds, so it would have cost nothing."""
    draft = ledger.draft(send(ANN), by=(ANN,))
    raw = encode(draft)
    auth_info = AuthInfo.FromString(raw.auth_info_bytes)
    auth_info.signer_infos[0].public_key.value = (b"\x0a\x21" + ANN.public_key) * times
    raw.auth_info_bytes = auth_info.SerializeToString()
    assert code_of(ledger.app.check_tx(sign_all(draft, raw).SerializeToString(), False)) == code


def test_admit__as_many_signers_as_there_may_be_and_a_payer__have_room(ledger: Ledger) -> None:
    messages = [send(person) for person in (ANN, BOB, CAT)]
    tx = ledger.tx(*messages, by=(ANN, BOB, CAT, DAN), payer=DAN.text, gas=10**8, fee=10**11)
    assert code_of(ledger.app.check_tx(tx, False)) == ""


def test_a_time_beyond_the_year_9999_in_amino_json__is_refused_and_stops_no_node(ledger: Ledger) -> None:
    authorization = pack_any(GenericAuthorization(msg="/cosmos.bank.v1beta1.MsgSend"))
    grant = Grant(authorization=authorization, expiration=Timestamp(seconds=10**15))
    message = MsgGrant(granter=ANN.text, grantee=BOB.text, grant=grant)
    tx = ledger.tx(message, by=(ANN,), mode=SIGN_MODE_LEGACY_AMINO_JSON)
    assert code_of(ledger.app.check_tx(tx, False)) == "tx_malformed"
    assert code_of(ledger.block(tx).tx_results[0]) == "tx_malformed"


@pytest.mark.parametrize("mode", [0, 2, 191])
def test_admit__another_sign_mode__is_refused(ledger: Ledger, mode: int) -> None:
    tx = ledger.tx(send(ANN), by=(ANN,), mode=mode)
    assert code_of(ledger.app.check_tx(tx, False)) == "signature_invalid"


def test_admit__same_transaction_twice__the_second_is_stale(ledger: Ledger) -> None:
    tx = ledger.tx(send(ANN), by=(ANN,))
    first, second = ledger.block(tx, tx).tx_results
    assert (code_of(first), code_of(second)) == ("", "sequence_mismatch")
    assert "expected 1, got 0" in second.log


def test_admit__several_sends_before_a_block__follow_each_other(ledger: Ledger) -> None:
    txs = [ledger.tx(send(ANN), by=(ANN,), sequences=(i,)) for i in range(5)]
    assert [ledger.app.check_tx(tx, False).code for tx in txs] == [0] * 5
    assert [result.code for result in ledger.block(*txs).tx_results] == [0] * 5


def test_admit__two_signers_and_a_payer__all_advance_and_the_payer_pays(ledger: Ledger) -> None:
    tx = ledger.tx(send(ANN), send(BOB, CAT), by=(ANN, BOB, DAN), payer=DAN.text)
    assert ledger.block(tx).tx_results[0].code == 0
    for person in (ANN, BOB, DAN):
        account = get_account(ledger.store.latest, person.address)
        assert account is not None
        assert (account.sequence, account.public_key) == (1, person.public_key)
    assert get_balance(ledger.store.latest, DAN.address) == BALANCE - GAS


def test_admit__more_signers_than_allowed__are_refused() -> None:
    params = replace(MINIMAL, auth=replace(MINIMAL.auth, max_signatures=1))
    ledger = Ledger(genesis=make_genesis(params))
    ledger.block()
    tx = ledger.tx(send(ANN), send(BOB, CAT), by=(ANN, BOB))
    assert code_of(ledger.app.check_tx(tx, False)) == "signature_invalid"


def test_a_message_that_fails__keeps_fee_and_sequence_and_drops_the_rest(ledger: Ledger) -> None:
    result = ledger.block(ledger.tx(send(ANN), send(ANN, BOB, BALANCE), by=(ANN,))).tx_results[0]
    assert code_of(result) == "insufficient_funds"
    assert get_balance(ledger.store.latest, ANN.address) == BALANCE - GAS
    assert get_balance(ledger.store.latest, BOB.address) == BALANCE
    assert get_balance(ledger.store.latest, module_address("fees")) == GAS
    account = get_account(ledger.store.latest, ANN.address)
    assert account is not None
    assert account.sequence == 1


def test_simulate__without_signature_fee_and_mode__gives_the_exact_gas(ledger: Ledger) -> None:
    draft = ledger.draft(send(ANN), by=(ANN,), fee=0, gas=0, mode=0)
    raw = encode(draft)
    raw.signatures[0] = b""
    simulated = ledger.app.simulate(raw.SerializeToString())
    assert simulated.code == 0
    exact = simulated.gas_used
    assert code_of(ledger.send(send(ANN), by=ANN, gas=exact - 1, fee=exact)) == "out_of_gas"
    sent = ledger.send(send(ANN), by=ANN, gas=exact, fee=exact)
    assert (sent.code, sent.gas_used) == (0, exact)


def test_simulate__while_another_transaction_of_the_account_waits__needs_no_sequence(ledger: Ledger) -> None:
    tx = ledger.tx(send(ANN), by=(ANN,))
    assert ledger.app.check_tx(tx, False).code == 0
    assert ledger.app.simulate(tx).code == 0


def test_simulate__a_message_that_would_fail__says_so_and_changes_nothing(ledger: Ledger) -> None:
    tx = ledger.tx(send(ANN, BOB, BALANCE + 1), by=(ANN,))
    simulated: TxResult = ledger.app.simulate(tx)
    assert code_of(simulated) == "insufficient_funds"
    assert ledger.app.check_tx(tx, False).code == 0, "fee and sequence are there; the block will say more"


def test_simulate__more_messages_than_a_block_has_gas_for__is_refused_before_they_are_applied(ledger: Ledger) -> None:
    most = MINIMAL.auth.max_block_gas // HANDLERS["gonka.stake.v1.MsgRegisterHost"].gas
    again = MsgRegisterHost(host=ANN.text)
    assert code_of(ledger.app.simulate(ledger.tx(*[again] * most, by=(ANN,)))) == ""
    refused = ledger.app.simulate(ledger.tx(*[again] * (most + 1), by=(ANN,)))
    assert (code_of(refused), refused.gas_used) == ("out_of_gas", 0)


@pytest.mark.parametrize(
    ("claims", "code"), [(19, "claim_window_closed"), (20, "claim_window_closed"), (21, "out_of_gas")]
)
def test_check_tx__many_duties_in_one_transaction__are_refused_before_they_are_applied(
    ledger: Ledger, claims: int, code: str
) -> None:
    tx = ledger.tx(*[MsgClaim(host=ANN.text)] * claims, by=(ANN,), gas=10**7, fee=0)
    assert 20 * HANDLERS["gonka.sprint.v1.MsgClaim"].gas == MAX_DUTY_GAS
    assert code_of(ledger.app.check_tx(tx, False)) == code


def test_compute_gas__bytes_signatures_messages__are_summed(ledger: Ledger) -> None:
    params = get_frozen(ledger.store.latest).auth
    tx = read_transaction(ledger.tx(send(ANN), by=(ANN,)), HANDLERS)
    assert compute_gas(tx, params) == 10 * len(tx.body) + 1_000 + 20_000


@pytest.mark.parametrize(("gas", "fee"), [(0, 0), (1, 1), (1000, 1000), (1001, 1001)])
def test_compute_least_fee__part_of_a_ngonka__is_rounded_up(gas: int, fee: int) -> None:
    assert compute_least_fee(gas, MINIMAL.auth) == fee
    dear = replace(MINIMAL.auth, min_fee_ngonka_per_kgas=1)
    assert compute_least_fee(gas, dear) == (gas + 999) // 1000


def test_an_oversized_transaction__is_refused_before_it_is_read(ledger: Ledger) -> None:
    tx = TxRaw(body_bytes=bytes(MINIMAL.auth.max_tx_bytes)).SerializeToString()
    assert code_of(ledger.app.check_tx(tx, False)) == "tx_too_large"
