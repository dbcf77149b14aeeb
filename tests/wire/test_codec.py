"""Records and messages say the same, field by field."""

import json
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import get_type_hints

import pytest
from google.protobuf.descriptor import Descriptor

from rules.errors import RuleError
from rules.params import Params
from rules.presets import LOCAL, PRESETS
from wire.codec import UNWIRED, check_known, decode_params, encode_params
from wire.gonka.params.v1 import params_pb2
from wire.gonka.stake.v1 import stake_pb2, tx_pb2

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "state.json").read_text())


def list_differences(record: type, descriptor: Descriptor) -> list[str]:
    """Fields that stand on one side only, by path."""
    here = {f.name for f in fields(record)} - UNWIRED
    there = {f.name for f in descriptor.fields}
    found = sorted(here ^ there)
    hints = get_type_hints(record)
    for name in here & there:
        if is_dataclass(hints[name]):
            found += list_differences(hints[name], descriptor.fields_by_name[name].message_type)
    return found


def test_params__record_and_message__have_the_same_fields() -> None:
    assert list_differences(Params, params_pb2.Params.DESCRIPTOR) == []


@pytest.mark.parametrize("name", PRESETS)
def test_params__every_preset__survives_the_round_trip(name: str) -> None:
    message = encode_params(PRESETS[name])
    again = params_pb2.Params.FromString(message.SerializeToString())
    assert decode_params(again) == PRESETS[name]


@pytest.mark.parametrize("name", PRESETS)
def test_encode_params__every_preset__has_the_bytes_of_the_vector(name: str) -> None:
    encoded = encode_params(PRESETS[name]).SerializeToString(deterministic=True)
    assert sha256(encoded).hexdigest() == VECTORS["params_sha256"][name]


def test_table_entry__has_the_bytes_of_the_vector() -> None:
    entry = stake_pb2.TableEntry(host="gonka1x", units=6000, effective_units=5000)
    assert entry.SerializeToString(deterministic=True).hex() == VECTORS["table_entry"]


def test_decode_params__a_broken_invariant__is_refused_by_name() -> None:
    message = encode_params(LOCAL)
    message.sprint.samples = 63
    with pytest.raises(RuleError, match=r"sprint\.samples") as caught:
        decode_params(message)
    assert caught.value.code == "params_invalid"


def test_decode_params__units_that_could_overflow__are_refused() -> None:
    sprint = replace(LOCAL.sprint, max_count=2**50)
    message = encode_params(LOCAL)
    message.sprint.max_count = sprint.max_count
    with pytest.raises(RuleError, match="2\\^59"):
        decode_params(message)


def test_check_known__an_unknown_field__is_refused() -> None:
    known = tx_pb2.MsgStake(host="gonka1x", amount_ngonka=5).SerializeToString()
    check_known(tx_pb2.MsgStake.FromString(known))
    with pytest.raises(RuleError) as caught:
        check_known(tx_pb2.MsgStake.FromString(known + b"\x98\x06\x01"))
    assert caught.value.code == "tx_malformed"
