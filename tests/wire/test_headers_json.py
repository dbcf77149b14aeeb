"""The JSON of CometBFT's RPC, there and back."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from wire.headers_json import (
    NO_TIME,
    read_signed_header,
    read_time,
    read_validators,
    write_commit,
    write_header,
    write_time,
    write_validators,
)

VECTOR: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "cometbft.json").read_text())
SIGNED = VECTOR["commit"]["signed_header"]


def test_what_cometbft_wrote_is_written_again_as_it_was() -> None:
    signed = read_signed_header(SIGNED)
    assert write_header(signed.header) == SIGNED["header"]
    assert write_commit(signed.commit) == SIGNED["commit"]
    validators = VECTOR["validators"]["validators"]
    assert write_validators(read_validators(validators).validators) == validators


def test_an_absent_vote_is_read_and_written() -> None:
    value = copy.deepcopy(SIGNED)
    absent = {"block_id_flag": 1, "validator_address": "", "timestamp": NO_TIME, "signature": None}
    value["commit"]["signatures"] = [absent]
    assert write_commit(read_signed_header(value).commit)["signatures"] == [absent]


@pytest.mark.parametrize("text", ["2026-11-23T18:03:07Z", "2026-11-23T18:03:07.622Z", "2026-11-23T18:03:07.000000001Z"])
def test_read_time__any_number_of_decimals__is_written_again(text: str) -> None:
    assert write_time(read_time(text)) == text


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-23 18:03:07Z", "2026-11-23T18:03:07.Z", "2026-13-40T00:00:00Z"]
)
def test_read_time__no_time__is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_time(text)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("header", "height"), "x"),
        (("header", "app_hash"), "xyz"),
        (("header", "version"), None),
        (("commit", "signatures"), None),
        (("commit", "block_id", "parts", "total"), -1),
        (("commit", "round"), "0"),
    ],
)
def test_read_signed_header__one_thing_wrong__is_refused(path: tuple[str, ...], value: object) -> None:
    changed = copy.deepcopy(SIGNED)
    part = changed
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        read_signed_header(changed)
