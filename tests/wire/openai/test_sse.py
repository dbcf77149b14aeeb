"""Streams of events, cut anywhere."""

import pytest

from wire.openai.errors import ApiError
from wire.openai.limits import SSE_LINE_BYTES
from wire.openai.sse import DONE, DONE_TEXT, Comment, Data, SseDecoder, encode_comment, encode_data

STREAM = encode_data('{"a": "é"}') + encode_comment('gonka {"in": 1}') + encode_data("{}") + DONE
MEANT = [Data(text='{"a": "é"}'), Comment(text='gonka {"in": 1}'), Data(text="{}"), Data(text=DONE_TEXT)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_feed__a_stream_in_pieces_of_any_size__gives_its_events_in_order(size: int) -> None:
    decoder = SseDecoder()
    found = [event for i in range(0, len(STREAM), size) for event in decoder.feed(STREAM[i : i + size])]
    assert found == MEANT


def test_feed__carriage_returns_and_other_fields__are_left_out() -> None:
    assert SseDecoder().feed(b"event: x\r\nid: 1\r\ndata:{}\r\nretry: 3\r\n\r\n") == [Data(text="{}")]


def test_feed__data_over_several_lines__is_one_event() -> None:
    assert SseDecoder().feed(b"data: a\ndata: b\n\n\n") == [Data(text="a\nb")]


def test_feed__an_event_without_its_empty_line__is_not_given() -> None:
    assert SseDecoder().feed(b"data: a\n") == []


@pytest.mark.parametrize("received", [b"x" * (SSE_LINE_BYTES + 1), b"data: \xff\n"])
def test_feed__an_endless_line_or_no_text__is_an_error(received: bytes) -> None:
    with pytest.raises(ApiError, match="stream_invalid"):
        SseDecoder().feed(received)


def test_feed__endless_data_without_an_end_of_the_event__is_an_error() -> None:
    lines = b"".join(b"data: " + b"x" * 1_000_000 + b"\n" for _ in range(6))
    with pytest.raises(ApiError, match="stream_invalid"):
        SseDecoder().feed(lines)


def test_feed__endless_lines_of_no_data__are_an_error_too() -> None:
    with pytest.raises(ApiError, match="stream_invalid"):
        SseDecoder().feed(b"data:\n" * 1_000_000)
