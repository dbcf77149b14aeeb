"""What hosts and gateways tell each other in headers and comments."""

from dataclasses import replace

import pytest

from wire.gonka.inference.v1.inference_pb2 import Ticket, Voucher
from wire.openai.errors import ApiError
from wire.openai.notes import (
    AnswerNote,
    Progress,
    encode_answer_note,
    encode_header,
    encode_progress,
    read_header,
    read_note,
)

PROGRESS = Progress(tokens_in=256, tokens_out=7, signed=128)
ANSWER = AnswerNote(request=9, tokens_in=5, tokens_out=6, after_serial=3, receipt=b"r" * 32, signature=b"s" * 64)


def test_read_note__what_was_encoded__is_read_back() -> None:
    assert read_note(encode_progress(PROGRESS)) == PROGRESS
    assert read_note(encode_answer_note(ANSWER)) == ANSWER


@pytest.mark.parametrize("comment", ["", "ping", "gonkas {}", "OPENROUTER PROCESSING"])
def test_read_note__another_comment__is_none(comment: str) -> None:
    assert read_note(comment) is None


@pytest.mark.parametrize(
    "comment",
    [
        "gonka {",
        "gonka []",
        "gonka {}",
        'gonka {"in": -1, "out": 0, "signed": 0}',
        'gonka {"in": true, "out": 0, "signed": 0}',
        'gonka {"in": 1.5, "out": 0, "signed": 0}',
        "gonka " + "[" * 100_000,
        'gonka-answer {"request": 1, "in": 1, "out": 1, "after": 0, "receipt": "xx", "signature": ""}',
        'gonka-answer {"request": 1, "in": 1, "out": 1, "after": -1, "receipt": "", "signature": ""}',
        'gonka-answer {"request": 1, "in": 1, "out": 1, "receipt": "", "signature": ""}',
    ],
)
def test_read_note__a_garbled_note__is_an_error(comment: str) -> None:
    with pytest.raises(ApiError, match="stream_invalid"):
        read_note(comment)


def test_read_header__what_was_encoded__is_read_back() -> None:
    ticket = Ticket(chain_id="x-1", escrow_id=3, request=4)
    assert read_header(encode_header(ticket), Ticket, "Gonka-Ticket") == ticket


@pytest.mark.parametrize("value", ["!", "A", "//8=", "A" * 5_000, "é"])
def test_read_header__no_message__is_an_error(value: str) -> None:
    with pytest.raises(ApiError, match="header_invalid"):
        read_header(value, Voucher, "Gonka-Voucher")


def test_read_note__tokens_and_salt__are_read_back_and_stand_in_no_note_without() -> None:
    told = replace(PROGRESS, tokens=((1, (5, 6)), (0, (7,))))
    salted = replace(ANSWER, salt=b"t" * 32)
    assert read_note(encode_progress(told)) == told
    assert read_note(encode_answer_note(salted)) == salted
    assert "tokens" not in encode_progress(PROGRESS)
    assert "salt" not in encode_answer_note(ANSWER)


@pytest.mark.parametrize("tokens", ["7", "[7]", "[[0]]", "[[0, 7]]", "[[0, [true]]]", "[[0, [-1]]]", "[[-1, [1]]]"])
def test_read_note__garbled_tokens__are_an_error(tokens: str) -> None:
    with pytest.raises(ApiError, match="stream_invalid"):
        read_note('gonka {"in": 1, "out": 1, "signed": 1, "tokens": ' + tokens + "}")
