"""A block's result by hand is what protobuf makes of it."""

from hypothesis import given
from hypothesis import strategies as st

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.application import BlockResult, CheckResult, Event, TxResult, ValidatorUpdate
from chain.engine.results import INDEXED, encode_check_answer, encode_result, encode_result_answer

from tendermint.abci import types_pb2 as abci
from tendermint.crypto.keys_pb2 import PublicKey

TEXTS = st.one_of(st.text(max_size=5), st.sampled_from(["", "a" * 127, "b" * 128, "ü" * 9_000]))
KINDS = st.one_of(TEXTS, st.sampled_from(sorted({name.split(".")[0] for name in INDEXED})))
KEYS = st.one_of(TEXTS, st.sampled_from(sorted({name.split(".")[1] for name in INDEXED})))
NUMBERS = st.integers(0, 2**63 - 1)
EVENTS = st.lists(
    st.builds(Event, type=KINDS, attributes=st.lists(st.tuples(KEYS, TEXTS), max_size=4).map(tuple)), max_size=4
).map(tuple)
TX_RESULTS = st.builds(
    TxResult,
    code=st.integers(0, 2**32 - 1),
    codespace=TEXTS,
    log=TEXTS,
    data=st.binary(max_size=300),
    gas_wanted=NUMBERS,
    gas_used=NUMBERS,
    events=EVENTS,
)
RESULTS = st.builds(
    BlockResult,
    tx_results=st.lists(TX_RESULTS, max_size=3).map(tuple),
    events=EVENTS,
    app_hash=st.binary(max_size=32),
    validator_updates=st.lists(
        st.builds(ValidatorUpdate, public_key=st.binary(min_size=32, max_size=32), power=NUMBERS), max_size=2
    ).map(tuple),
)

CHECKS = st.one_of(
    st.builds(
        CheckResult, code=st.just(0), codespace=st.just(""), log=st.just(""), gas_wanted=NUMBERS, duty=st.booleans()
    ),
    st.builds(
        CheckResult,
        code=st.integers(1, 2**32 - 1),
        codespace=TEXTS,
        log=TEXTS,
        gas_wanted=st.just(0),
        duty=st.just(False),
    ),
)


def make_event(event: Event) -> abci.Event:
    return abci.Event(
        type=event.type,
        attributes=[
            abci.EventAttribute(key=key, value=value, index=f"{event.type}.{key}" in INDEXED)
            for key, value in event.attributes
        ],
    )


def make_tx_result(result: TxResult) -> abci.ExecTxResult:
    return abci.ExecTxResult(
        code=result.code,
        codespace=result.codespace,
        log=result.log,
        data=result.data,
        gas_wanted=result.gas_wanted,
        gas_used=result.gas_used,
        events=map(make_event, result.events),
    )


@given(RESULTS)
def test_encode_result__any_result__is_the_message_that_protobuf_makes(result: BlockResult) -> None:
    expected = abci.ResponseFinalizeBlock(
        events=map(make_event, result.events),
        tx_results=map(make_tx_result, result.tx_results),
        validator_updates=[
            abci.ValidatorUpdate(pub_key=PublicKey(ed25519=update.public_key), power=update.power)
            for update in result.validator_updates
        ],
        app_hash=result.app_hash,
    )
    assert encode_result(result) == expected.SerializeToString()


def test_encode_result__a_send__is_indexed_by_whom_it_concerns_only() -> None:
    event = Event(type="transfer", attributes=(("recipient", "a"), ("sender", "b"), ("amount", "1ngonka")))
    result = BlockResult(tx_results=(), events=(event,), app_hash=b"", validator_updates=())
    (found,) = abci.ResponseFinalizeBlock.FromString(encode_result(result)).events
    assert [attribute.index for attribute in found.attributes] == [True, True, False]


@given(RESULTS)
def test_encode_result_answer__any_result__is_the_response_that_protobuf_makes(result: BlockResult) -> None:
    encoded = encode_result(result)
    response = abci.Response(finalize_block=abci.ResponseFinalizeBlock.FromString(encoded))
    assert encode_result_answer(encoded) == response.SerializeToString()


@given(CHECKS)
def test_encode_check_answer__any_result__is_the_response_that_protobuf_makes(result: CheckResult) -> None:
    checked = abci.ResponseCheckTx(
        code=result.code, codespace=result.codespace, log=result.log, gas_wanted=result.gas_wanted
    )
    assert encode_check_answer(result) == abci.Response(check_tx=checked).SerializeToString()
