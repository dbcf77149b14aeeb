import pytest

from gateway.counting import Bounds, Meter, compute_bounds
from rules.vouchers import Tokens
from wire.openai.errors import ApiError
from wire.openai.notes import Progress
from wire.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest

BOUNDS = Bounds(most_in=100, most_out=50, likely_in=25, hidden_out=4)


def chat(**more: object) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "hello"}], **more})


def told(tokens_in: int, tokens_out: int) -> Progress:
    return Progress(tokens_in=tokens_in, tokens_out=tokens_out, signed=0)


def test_compute_bounds__a_chat__is_bounded_by_its_bytes_and_the_context() -> None:
    bounds = compute_bounds(chat(max_tokens=7, n=2), 8192)
    assert bounds.most_out == 14
    assert 2 * 5 < bounds.likely_in < bounds.most_in < 2 * 500
    assert compute_bounds(chat(), 300).most_out == 300
    assert compute_bounds(chat(), 300).most_in <= 300


def test_compute_bounds__an_answer_in_one_piece__may_hide_all_its_tokens() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    assert compute_bounds(chat(max_tokens=90, tools=[tool]), 8192).hidden_out == 90
    assert compute_bounds(chat(max_tokens=90), 8192).hidden_out < 90


def test_compute_bounds__prompts_as_tokens_and_inputs__are_counted() -> None:
    request = CompletionRequest.model_validate({"model": "m", "prompt": [[1, 2, 3], [4]], "n": 2, "max_tokens": 5})
    bounds = compute_bounds(request, 100)
    assert (bounds.likely_in, bounds.most_out) == (8, 20)
    embedding = compute_bounds(EmbeddingRequest.model_validate({"model": "m", "input": ["abcd", "é"]}), 100)
    assert (embedding.most_out, embedding.most_in) == (0, 4 + 2 + 32)


@pytest.mark.parametrize(
    ("progress", "text", "is_possible"),
    [
        (told(100, 0), "", True),
        (told(101, 0), "", False),
        (told(0, 4), "", True),
        (told(0, 5), "", False),
        (told(0, 7), "abc", True),
        (told(0, 8), "abc", False),
        (told(0, 6), "é", True),
        (told(0, 51), "a" * 100, False),
    ],
)
def test_take_progress__more_than_bytes_can_hold__is_refused(progress: Progress, text: str, is_possible: bool) -> None:
    meter = Meter(BOUNDS)
    meter.take_text(text)
    if is_possible:
        meter.take_progress(progress)
        assert meter.tokens == Tokens(tokens_in=progress.tokens_in, tokens_out=progress.tokens_out)
        return
    with pytest.raises(ApiError) as caught:
        meter.take_progress(progress)
    assert caught.value.code == "host_count_wrong"


def test_take_progress__backwards__is_refused() -> None:
    meter = Meter(BOUNDS)
    meter.take_progress(told(10, 3))
    for wrong in (told(9, 3), told(10, 2)):
        with pytest.raises(ApiError):
            meter.take_progress(wrong)


def test_tokens__pieces_since_the_last_note__count_one_each_up_to_the_most() -> None:
    meter = Meter(BOUNDS)
    meter.take_text("abcdef")
    meter.take_progress(told(10, 5))
    meter.take_text("g")
    assert meter.tokens == Tokens(tokens_in=10, tokens_out=6)
    for _ in range(100):
        meter.take_text("x")
    assert meter.tokens.tokens_out == 50
    assert meter.wanted == Tokens(tokens_in=15, tokens_out=0)


def test_take_bytes__an_endless_stream__is_refused() -> None:
    meter = Meter(BOUNDS)
    meter.take_bytes(BOUNDS.stream_bytes)
    with pytest.raises(ApiError) as caught:
        meter.take_bytes(1)
    assert caught.value.code == "host_answer_invalid"
