"""What a host and a gateway tell each other beside OpenAI's words: headers, and comments within a stream."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from wire.openai.errors import ApiError
from wire.openai.limits import HEADER_CHARS

TICKET_HEADER: Final = "Gonka-Ticket"
VOUCHER_HEADER: Final = "Gonka-Voucher"
HOST_NONCE_HEADER: Final = "Gonka-Host-Nonce"
HOST_HEADER: Final = "Gonka-Host"
TOKENS_HEADER: Final = "Gonka-Tokens"
"""In a request: tell the tokens of the answer.  In its answer's head: they are told."""
TOLD: Final = "told"
"""The header's value."""
VOUCHERS_PATH: Final = "/gonka/v1/vouchers"
STATUS_PATH: Final = "/gonka/v1/status"
RECEIPT_PATH: Final = "/gonka/v1/receipts/{escrow_id}/{request}"
PROTOBUF: Final = "application/x-protobuf"

_PROGRESS: Final = "gonka "
_ANSWER: Final = "gonka-answer "
Signed = TypeVar("Signed", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Work done for a request so far, in tokens; `signed` is what the escrow's newest voucher here covers, of all.

    `tokens` are those of the answers since the last such note, where they were asked for: the place of a choice, and
    what was drawn for it.  Then `tokens_out` is the number of all that were told, and the events before the note hold
    just the text that they complete.
    """

    tokens_in: int
    tokens_out: int
    signed: int
    tokens: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerNote:
    """The end of a request: its receipt (32 bytes), signed by the serving key (64 bytes) with the serial of the newest
    voucher whose receipts are in their tree already: rules.receipts.

    `salt` is the receipt's, 32 bytes, where the tokens were told: with it the receipt can be computed.
    """

    request: int
    tokens_in: int
    tokens_out: int
    after_serial: int
    receipt: bytes
    signature: bytes
    salt: bytes = b""


def encode_progress(progress: Progress) -> str:
    """The text of the comment."""
    words: dict[str, object] = {"in": progress.tokens_in, "out": progress.tokens_out, "signed": progress.signed}
    if progress.tokens:
        words["tokens"] = progress.tokens
    return _PROGRESS + json.dumps(words)


def encode_answer_note(note: AnswerNote) -> str:
    """The text of the comment."""
    words: dict[str, object] = {
        "request": note.request,
        "in": note.tokens_in,
        "out": note.tokens_out,
        "after": note.after_serial,
        "receipt": note.receipt.hex(),
        "signature": note.signature.hex(),
    }
    if note.salt:
        words["salt"] = note.salt.hex()
    return _ANSWER + json.dumps(words)


def read_note(comment: str) -> Progress | AnswerNote | None:
    """What a comment tells; None for any other comment.  Raises ApiError stream_invalid for a garbled one."""
    try:
        if comment.startswith(_PROGRESS):
            words = json.loads(comment.removeprefix(_PROGRESS))
            return Progress(
                tokens_in=_count(words["in"]),
                tokens_out=_count(words["out"]),
                signed=_count(words["signed"]),
                tokens=tuple((_count(place), tuple(map(_count, told))) for place, told in words.get("tokens", ())),
            )
        if comment.startswith(_ANSWER):
            words = json.loads(comment.removeprefix(_ANSWER))
            return AnswerNote(
                request=_count(words["request"]),
                tokens_in=_count(words["in"]),
                tokens_out=_count(words["out"]),
                after_serial=_count(words["after"]),
                receipt=bytes.fromhex(words["receipt"]),
                signature=bytes.fromhex(words["signature"]),
                salt=bytes.fromhex(words.get("salt", "")),
            )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ApiError("stream_invalid", f"a note that cannot be read: {comment[:80]!r}") from error
    return None


def encode_header(message: Message) -> str:
    """A ticket or a voucher as the value of its header."""
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()


def read_header(value: str, kind: type[Signed], name: str) -> Signed:
    """The message in a header.  Raises ApiError header_invalid."""
    try:
        if len(value) > HEADER_CHARS:
            raise ValueError("too long")
        return kind.FromString(base64.b64decode(value, validate=True))
    except (ValueError, binascii.Error, DecodeError) as error:
        raise ApiError("header_invalid", f"{name} is no base64 of its message", param=name) from error


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"{value!r} is no count")
    return value
