import pytest

from gateway.assembly import assemble
from wire.openai.errors import ApiError
from wire.openai.responses import ChatChunk, ChatCompletion, Completion, Usage

USAGE = Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)


def chat(*choices: dict[str, object]) -> ChatChunk:
    told = {"id": "c", "created": 1, "model": "m", "choices": [{"delta": {}, **choice} for choice in choices]}
    return ChatChunk.model_validate(told)


def test_assemble__choices_that_take_turns__are_put_together_each() -> None:
    whole = assemble(
        [
            chat({"index": 1, "delta": {"role": "assistant", "content": "b"}}),
            chat({"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "B"}}),
            chat({"index": 1, "finish_reason": "length"}),
            chat({"index": 0, "delta": {"content": "A"}, "finish_reason": "stop"}),
            chat(),
        ],
        USAGE,
    )
    assert isinstance(whole, ChatCompletion)
    assert [(c.index, c.message.content, c.finish_reason) for c in whole.choices] == [
        (0, "aA", "stop"),
        (1, "bB", "length"),
    ]
    assert whole.usage == USAGE


def test_assemble__a_tool_call_in_pieces__is_one_call() -> None:
    def delta(**function: str) -> dict[str, object]:
        return {"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "t1", "function": function}]}}

    whole = assemble(
        [
            chat(delta(name="f", arguments='{"a"')),
            chat(delta(arguments=": 1}")),
            chat({"index": 0, "finish_reason": "tool_calls"}),
        ],
        USAGE,
    )
    assert isinstance(whole, ChatCompletion)
    (choice,) = whole.choices
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert (call.id, call.function.name, call.function.arguments) == ("t1", "f", '{"a": 1}')


def test_assemble__logprobs__follow_one_another() -> None:
    def entry(token: str) -> dict[str, object]:
        return {"content": [{"token": token, "logprob": -0.5, "top_logprobs": []}]}

    whole = assemble(
        [
            chat({"index": 0, "delta": {"content": "a"}, "logprobs": entry("a")}),
            chat({"index": 0, "delta": {"content": "b"}, "logprobs": entry("b"), "finish_reason": "stop"}),
        ],
        USAGE,
    )
    assert isinstance(whole, ChatCompletion)
    logprobs = whole.choices[0].logprobs
    assert logprobs is not None
    assert [item.token for item in logprobs.content or ()] == ["a", "b"]


def test_assemble__a_text__with_its_offsets() -> None:
    def piece(text: str, offset: int, finish: str | None = None) -> Completion:
        logprobs = {"tokens": [text], "token_logprobs": [-1.0], "top_logprobs": [{text: -1.0}], "text_offset": [offset]}
        choice = {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": finish}
        return Completion.model_validate({"id": "c", "created": 1, "model": "m", "choices": [choice]})

    whole = assemble([piece("ab", 0), piece("c", 2, "stop")], USAGE)
    assert isinstance(whole, Completion)
    assert whole.choices[0].text == "abc"
    assert whole.choices[0].logprobs is not None
    assert whole.choices[0].logprobs.text_offset == [0, 2]


def test_assemble__no_end__is_an_early_end() -> None:
    with pytest.raises(ApiError) as caught:
        assemble([chat({"index": 0, "delta": {"content": "a"}})], USAGE)
    assert caught.value.code == "host_ended_early"
