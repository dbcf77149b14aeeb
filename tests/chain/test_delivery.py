"""Whatever anybody sends is applied or refused with a code; the chain goes on, and its books balance."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from google.protobuf.message import Message

from chain.admission import KnownSignatures, Mode
from chain.context import Context
from chain.delivery import deliver
from chain.handlers import HANDLERS
from chain.modules.gov import ending
from chain.modules.handler import get_signers, pack_any
from chain.modules.params.state import get_frozen
from chain.transaction import read_transaction
from rules.errors import CATALOGUE, RuleError
from tests.chain.ledger import ANN, BOB, CAT, DAN, STRANGER, Ledger, code_of, make_coin
from tests.chain.network import DUTIES, Network, Player
from tests.chain.random_messages import Draw

from cosmos.bank.v1beta1.tx_pb2 import MsgSend, MsgSendResponse
from cosmos.base.abci.v1beta1.abci_pb2 import TxMsgData
from cosmos.crypto.secp256k1.keys_pb2 import PubKey
from cosmos.gov.v1.tx_pb2 import MsgSubmitProposal, MsgSubmitProposalResponse
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, Fee, SignerInfo, TxBody, TxRaw

BLOCKS = 110
"""Three epochs."""
KEYS = {person.address: pack_any(PubKey(key=person.public_key)) for person in (ANN, BOB, CAT, DAN, STRANGER)}


def outcome_of(ctx: Context, message: Message) -> str:
    """What becomes of a message whose signers have signed: "" or its code."""
    try:
        signers = get_signers(message)
        raw = TxRaw(
            body_bytes=TxBody(messages=[pack_any(message)]).SerializeToString(),
            auth_info_bytes=AuthInfo(
                signer_infos=[SignerInfo(public_key=KEYS.get(address)) for address in signers], fee=Fee()
            ).SerializeToString(),
            signatures=[b""] * len(signers),
        )
        tx = read_transaction(raw.SerializeToString(), HANDLERS)
    except RuleError as error:
        return error.code
    return code_of(deliver(ctx, tx, get_frozen(ctx.store).auth, KnownSignatures(), Mode.SIMULATE))


def list_duties(network: Network) -> list[Message]:
    """What the hosts would send in this phase, as far as what others did lets them."""
    found = []
    for player in network.players:
        for _, build in DUTIES.get(network.place.phase, ()):
            with suppress(RuleError, IndexError):  # a changed claim was taken, which nobody can open
                found.append(build(network, player))
    return [message for message in found if message is not None]


@pytest.mark.parametrize("seed", range(8))
def test_random_and_changed_messages__are_applied_or_refused_and_the_chain_goes_on(seed: int) -> None:
    draw, network = Draw(seed), Network(players=[Player(person) for person in (ANN, BOB, CAT)])
    outcomes: Counter[str] = Counter()
    for _ in range(BLOCKS):
        draw.epoch = network.epoch
        duties = list_duties(network) if network.height == network.place.phase_first else []
        changed = [draw.change(message) for message in duties for _ in range(2)]
        for message in [*changed, *duties, *[draw.any_message() for _ in range(8)]]:
            outcomes[outcome_of(network.ctx, message)] += 1
        ending.end_block(network.ctx)
        network.step()
    assert outcomes.keys() <= {"", *CATALOGUE} - {"internal"}
    assert len(outcomes) > 20
    assert outcomes[""] > 30
    assert network.epoch >= 2


@pytest.mark.parametrize("seed", range(2))
def test_changed_bytes_of_a_signed_transaction__are_never_admitted_and_never_worse(seed: int) -> None:
    draw, ledger = Draw(seed), Ledger()
    ledger.block()
    good = ledger.tx(MsgSend(from_address=ANN.text, to_address=BOB.text, amount=[make_coin(5)]), by=(ANN,))
    spoiled = []
    for _ in range(300):
        copy = bytearray(good)
        for _ in range(draw.random.randint(1, 3)):
            copy[draw.random.randrange(len(copy))] = draw.random.randrange(256)
        cut = draw.random.randint(1, len(copy)) if draw.random.random() < 0.2 else len(copy)
        spoiled.append(bytes(copy[:cut]) + draw.random.randbytes(draw.random.choice([0, 0, 0, 5])))
    spoiled = [tx for tx in spoiled if tx != good] + [draw.random.randbytes(n) for n in range(50)]
    assert {ledger.app.check_tx(tx, False).code != 0 for tx in spoiled} == {True}
    assert {ledger.app.simulate(tx).code in {0, *[f.number for f in CATALOGUE.values()]} for tx in spoiled} == {True}
    results = ledger.block(*spoiled, good).tx_results
    assert [result.code == 0 for result in results] == [False] * len(spoiled) + [True]


def test_responses_of_several_messages__are_a_tx_msg_data_in_their_order() -> None:
    ledger = Ledger()
    ledger.block()
    one = MsgSend(from_address=ANN.text, to_address=BOB.text, amount=[make_coin(5)])
    text = MsgSubmitProposal(proposer=ANN.text, title="t", summary="s", initial_deposit=[make_coin(10**9)])
    result = ledger.send(one, text, one, by=ANN)
    assert result.code == 0, result.log
    expected = [MsgSendResponse(), MsgSubmitProposalResponse(proposal_id=1), MsgSendResponse()]
    packed = TxMsgData(msg_responses=[pack_any(response) for response in expected])
    assert result.data == packed.SerializeToString(deterministic=True)
