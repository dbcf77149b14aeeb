"""What the OpenAI client gets from the real stack: an unmodified client, our server, a sidecar process, a model.

The model is random, and its tokens are bytes, so a large bias writes any byte that a case wants.
"""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

HELLO = [{"role": "user", "content": "Hello"}]
END = "258"
"""The token that ends an answer."""
LETTER_A, DIGIT = (str(ord(letter)) for letter in "A1")
SOME_AS = {"logit_bias": {LETTER_A: 100, END: 85}, "frequency_penalty": 2, "temperature": 0, "max_tokens": 60}
"""Answers with some "A"s, each less likely than the one before, and ends."""
SOME_DIGITS = SOME_AS | {"logit_bias": {DIGIT: 100, END: 85}}
MANY_AS = {"logit_bias": {LETTER_A: 100}, "temperature": 0}


def chat(client: openai.OpenAI, **more: Any) -> ChatCompletion:
    answer = client.chat.completions.create(**{"model": "tiny", "messages": HELLO, "max_tokens": 6} | more)
    assert isinstance(answer, ChatCompletion)
    return answer


def stream_chat(client: openai.OpenAI, **more: Any) -> list[ChatCompletionChunk]:
    asked = {"model": "tiny", "messages": HELLO, "max_tokens": 6, "stream": True} | more
    return [*client.chat.completions.create(**asked)]


def complete(client: openai.OpenAI, **more: Any) -> Completion:
    answer = client.completions.create(**{"model": "tiny", "prompt": "Once", "max_tokens": 6} | more)
    assert isinstance(answer, Completion)
    return answer


def join(chunks: list[ChatCompletionChunk], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


# ---- models ------------------------------------------------------------------------------------------------------


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["tiny"]


def test_a_model_is_shown_by_name(client: openai.OpenAI) -> None:
    assert client.models.retrieve("tiny").owned_by == "gonka"


def test_a_model_that_is_not_there_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("huge")
    assert caught.value.code == "model_not_found"


# ---- what is taken -------------------------------------------------------------------------------------------------

TAKEN: list[dict[str, Any]] = [
    {},
    {"temperature": 0},
    {"temperature": 0.001},
    {"temperature": 0.7},
    {"temperature": 2},
    {"temperature": None},
    {"top_p": 0},
    {"top_p": 0.1},
    {"top_p": 1},
    {"temperature": 1.3, "top_p": 0.9},
    {"frequency_penalty": 2},
    {"frequency_penalty": -2},
    {"presence_penalty": 1.5},
    {"presence_penalty": -1.5},
    {"seed": 0},
    {"seed": -1},
    {"seed": 2**63 - 1},
    {"n": 1},
    {"n": 2},
    {"n": 8},
    {"max_tokens": 1},
    {"max_tokens": 100_000},
    {"stop": "zz"},
    {"stop": ["zz", "qq", "\n\n", "x" * 256]},
    {"stop": []},
    {"stop": None},
    {"logit_bias": {}},
    {"logit_bias": {"65": 5, "66": -100}},
    {"user": "someone"},
    {"stream_options": None},
]


@pytest.mark.parametrize("more", TAKEN, ids=str)
def test_a_chat_takes_what_openai_takes(client: openai.OpenAI, more: dict[str, Any]) -> None:
    answer = chat(client, **more)
    assert [choice.index for choice in answer.choices] == [*range(more.get("n") or 1)]
    assert all(choice.finish_reason in {"stop", "length"} for choice in answer.choices)
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("more", TAKEN, ids=str)
def test_a_streamed_chat_takes_the_same(client: openai.OpenAI, more: dict[str, Any]) -> None:
    chunks = stream_chat(client, **more)
    n = more.get("n") or 1
    ends = [choice for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert sorted(choice.index for choice in ends) == [*range(n)]
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("more", TAKEN, ids=str)
def test_a_completion_takes_the_same(client: openai.OpenAI, more: dict[str, Any]) -> None:
    answer = complete(client, **more)
    assert len(answer.choices) == (more.get("n") or 1)
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0


@pytest.mark.parametrize(
    "more",
    [
        {"max_tokens": openai.omit, "max_completion_tokens": 3},
        {"logprobs": False},
        {"logprobs": None, "top_logprobs": None},
        {"metadata": {"a": "b"}},
        {"store": False},
        {"service_tier": "auto"},
        {"parallel_tool_calls": True},
        {"modalities": ["text"]},
        {"prompt_cache_key": "k", "safety_identifier": "s"},
        {"response_format": {"type": "text"}},
        {"tools": [], "tool_choice": "none"},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "get_weather",
                        "description": "The weather of a place.",
                        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
                        "strict": True,
                    },
                }
            ],
            "tool_choice": "auto",
        },
    ],
    ids=", ".join,
)
def test_a_chat_takes_what_only_chats_have(client: openai.OpenAI, more: dict[str, Any]) -> None:
    assert chat(client, **more).choices[0].message.role == "assistant"


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": "\u0000\U0001f600 é"}],
        [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
        [{"role": "system", "content": "Be brief."}, *HELLO],
        [{"role": "developer", "content": "Be brief."}, *HELLO],
        [*HELLO, {"role": "assistant", "content": "Hi"}, *HELLO],
        [{"role": "user", "content": "x", "name": "ada"}],
        [
            *HELLO,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "4"},
        ],
        [{"role": "user", "content": "<|im_end|>"}],
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", [False, True])
def test_conversations_of_every_kind_are_answered(
    client: openai.OpenAI, messages: list[dict[str, Any]], *, stream: bool
) -> None:
    if stream:
        assert stream_chat(client, messages=messages)
    else:
        assert chat(client, messages=messages).choices


# ---- what it means -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{"seed": 7}, {"temperature": 0}, {"seed": 7, "n": 3}, {"seed": 7, "top_p": 0.5}])
def test_the_same_seed_gives_the_same_answer_whole_or_streamed(client: openai.OpenAI, more: dict[str, Any]) -> None:
    first, second = chat(client, max_tokens=20, **more), chat(client, max_tokens=20, **more)
    chunks = stream_chat(client, max_tokens=20, **more)
    for index, choice in enumerate(first.choices):
        assert choice.message.content == second.choices[index].message.content == join(chunks, index)


def test_answers_differ_without_a_seed_and_with_another(client: openai.OpenAI) -> None:
    texts = {chat(client, max_tokens=20).choices[0].message.content for _ in range(3)}
    texts |= {chat(client, max_tokens=20, seed=seed).choices[0].message.content for seed in range(3)}
    assert len(texts) > 3


def test_the_choices_of_one_request_differ(client: openai.OpenAI) -> None:
    assert len({choice.message.content for choice in chat(client, n=5, seed=1, max_tokens=20).choices}) > 2


@pytest.mark.parametrize("max_tokens", [1, 2, 7, 33])
def test_max_tokens_are_the_most(client: openai.OpenAI, max_tokens: int) -> None:
    answer = chat(client, max_tokens=max_tokens, **MANY_AS)
    assert answer.choices[0].message.content == "A" * max_tokens
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == max_tokens


def test_a_completion_has_16_tokens_where_nobody_says(client: openai.OpenAI) -> None:
    assert complete(client, max_tokens=None, **MANY_AS).choices[0].text == "A" * 16


def test_an_answer_ends_where_the_model_ends_it(client: openai.OpenAI) -> None:
    answer = chat(client, **SOME_AS)
    (choice,), usage = answer.choices, answer.usage
    assert (set(choice.message.content or ""), choice.finish_reason) == ({"A"}, "stop")
    assert usage is not None
    assert usage.completion_tokens == len(choice.message.content or "") + 1  # the end is a token too


@pytest.mark.parametrize(
    ("stop", "text", "reason"),
    [
        ("AAA", "", "stop"),
        (["B", "AA"], "", "stop"),
        ("A", "", "stop"),
        ("AAAAAAAA", "AAAAAA", "length"),
        ("B", "AAAAAA", "length"),
        (["AAB", "AC"], "AAAAAA", "length"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_ends_the_answer_and_is_not_shown(
    client: openai.OpenAI, stop: Any, text: str, reason: str, *, stream: bool
) -> None:
    if stream:
        chunks = stream_chat(client, stop=stop, **MANY_AS)
        assert join(chunks) == text
        assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == [reason]
    else:
        (choice,) = chat(client, stop=stop, **MANY_AS).choices
        assert (choice.message.content, choice.finish_reason) == (text, reason)


@pytest.mark.parametrize("letter", "A%z ~")
def test_a_bias_of_100_writes_its_token_and_of_minus_100_never(client: openai.OpenAI, letter: str) -> None:
    answer = chat(client, logit_bias={str(ord(letter)): 100}, seed=1)
    assert answer.choices[0].message.content == letter * 6
    never = chat(client, logit_bias={str(ord(letter)): -100}, seed=1, max_tokens=40)
    assert letter not in (never.choices[0].message.content or "")


@pytest.mark.parametrize("top", [0, 1, 5, 20])
@pytest.mark.parametrize("stream", [False, True])
def test_logprobs_come_with_each_token_the_likeliest_first(client: openai.OpenAI, top: int, *, stream: bool) -> None:
    more = {"logprobs": True, "top_logprobs": top, "logit_bias": {END: -100}, "seed": 3}
    if stream:
        chunks = stream_chat(client, **more)
        parts = [choice.logprobs for chunk in chunks for choice in chunk.choices if choice.logprobs]
        entries = [entry for part in parts for entry in part.content or ()]
    else:
        logprobs = chat(client, **more).choices[0].logprobs
        assert logprobs is not None
        entries = logprobs.content or []
    assert entries
    for entry in entries:
        assert entry.logprob <= 0
        assert len(entry.top_logprobs) == top
        told = [one.logprob for one in entry.top_logprobs]
        assert told == sorted(told, reverse=True)


@pytest.mark.parametrize("top", [0, 1, 5])
def test_a_completions_logprobs_are_lists_of_one_length(client: openai.OpenAI, top: int) -> None:
    logprobs = complete(client, logprobs=top, logit_bias={END: -100}, seed=3).choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert len(logprobs.tokens) == len(logprobs.token_logprobs or ()) == len(logprobs.text_offset or ())
    assert (logprobs.text_offset or [1])[0] == 0
    assert bool(logprobs.top_logprobs) is bool(top)


@pytest.mark.parametrize("n", [1, 3])
def test_usage_ends_a_stream_where_it_is_asked_for(client: openai.OpenAI, n: int) -> None:
    chunks = stream_chat(client, n=n, stream_options={"include_usage": True}, **MANY_AS)
    assert chunks[-1].usage is not None
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 6 * n
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_usage_is_left_out_of_a_stream_otherwise(client: openai.OpenAI) -> None:
    assert all(chunk.usage is None for chunk in stream_chat(client))


def test_a_stream_begins_with_the_role(client: openai.OpenAI) -> None:
    first = stream_chat(client)[0].choices[0].delta
    assert (first.role, first.content) == ("assistant", "")


def test_prompt_tokens_are_those_of_the_template(client: openai.OpenAI) -> None:
    short, long = chat(client).usage, chat(client, messages=[{"role": "user", "content": "Hello" + "x" * 10}]).usage
    assert short is not None
    assert long is not None
    assert long.prompt_tokens == short.prompt_tokens + 10


@pytest.mark.parametrize(
    ("prompt", "count"),
    [("Once", 1), (["a", "b", "c"], 3), ([72, 105], 1), ([[72], [73, 74]], 2), (["same"] * 16, 16)],
    ids=str,
)
@pytest.mark.parametrize("stream", [False, True])
def test_prompts_of_every_form_are_completed_in_their_order(
    client: openai.OpenAI, prompt: Any, count: int, *, stream: bool
) -> None:
    if stream:
        events = [*client.completions.create(model="tiny", prompt=prompt, max_tokens=3, stream=True)]
        ends = [choice.index for event in events for choice in event.choices if choice.finish_reason]
        assert sorted(ends) == [*range(count)]
    else:
        assert [choice.index for choice in complete(client, prompt=prompt).choices] == [*range(count)]


def test_text_and_its_tokens_are_the_same_prompt(client: openai.OpenAI) -> None:
    by_text, by_tokens = (complete(client, prompt=prompt, seed=5) for prompt in ("Hi", [72, 105]))
    assert by_text.choices[0].text == by_tokens.choices[0].text


# ---- forms of answers ----------------------------------------------------------------------------------------------


def wants(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


@pytest.mark.parametrize(
    "schema",
    [{"type": "integer"}, {"minimum": 1}, {}, {"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}],
    ids=str,
)
@pytest.mark.parametrize("stream", [False, True])
def test_json_that_fits_the_schema_is_given(client: openai.OpenAI, schema: dict[str, Any], *, stream: bool) -> None:
    if stream:
        text = join(stream_chat(client, response_format=wants(schema), **SOME_DIGITS))
    else:
        text = chat(client, response_format=wants(schema), **SOME_DIGITS).choices[0].message.content or ""
    assert int(text) > 0


@pytest.mark.parametrize(
    ("wanted", "bias"),
    [
        ({"type": "json_object"}, SOME_AS),
        ({"type": "json_object"}, SOME_DIGITS),
        (wants({"type": "string"}), SOME_DIGITS),
        (wants({"maximum": 0}), SOME_DIGITS),
        (wants({}), SOME_AS),
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_lacks_the_form_is_an_error_and_no_answer(
    client: openai.OpenAI, wanted: Any, bias: dict[str, Any], *, stream: bool
) -> None:
    if stream:
        with pytest.raises(openai.APIError) as caught:
            stream_chat(client, response_format=wanted, **bias)
    else:
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            chat(client, response_format=wanted, **bias)
    assert caught.value.code == "answer_malformed"


def test_a_cut_answer_says_so_and_is_not_judged(client: openai.OpenAI) -> None:
    answer = chat(client, response_format={"type": "json_object"}, **MANY_AS)
    assert answer.choices[0].finish_reason == "length"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}], ids=str)
def test_a_tool_that_must_be_called_and_is_not_is_an_error(client: openai.OpenAI, choice: Any) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    with pytest.raises(openai.UnprocessableEntityError):
        chat(client, tools=tools, tool_choice=choice, **SOME_AS)


# ---- embeddings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["one", ["one", "two"], [1, 2, 3], [[1], [2, 3], [4]]], ids=str)
@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_embeddings_of_every_form(client: openai.OpenAI, given: Any, encoding: Any) -> None:
    more = {"encoding_format": encoding} if encoding else {}
    answer = client.embeddings.create(model="tiny", input=given, **more)
    count = len(given) if isinstance(given, list) and not isinstance(given[0], int) else 1
    assert [one.index for one in answer.data] == [*range(count)]
    assert answer.usage.prompt_tokens > 0


def test_embeddings_are_the_same_in_both_encodings_and_alone_or_together(client: openai.OpenAI) -> None:
    floats = client.embeddings.create(model="tiny", input=["one", "two"], encoding_format="float").data
    default = client.embeddings.create(model="tiny", input="two").data  # base64 on the wire, decoded by the client
    assert default[0].embedding == pytest.approx(floats[1].embedding, abs=1e-6)


# ---- what is refused -----------------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], str | None, str]] = [
    ({"model": "huge"}, "model", "model_not_found"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": [{"role": "bot", "content": "x"}]}, "messages[0]", "invalid_value"),
    ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "user", "content": "x" * 1500}]}, "messages", "context_length_exceeded"),
    ({"messages": [{"role": "user", "content": "x" * 1_000_000}]}, "messages", "context_length_exceeded"),
    ({"messages": [{"role": "user", "content": "x" * 3_000_000}]}, None, "body_too_large"),
    ({"messages": [{"role": "user", "content": "x"}] * 3_000}, "messages", "array_above_max_length"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
        "messages[0].content[0].type",
        "invalid_value",
    ),
    ({"temperature": 3}, "temperature", "invalid_value"),
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"top_p": -1}, "top_p", "invalid_value"),
    ({"n": 0}, "n", "invalid_value"),
    ({"n": 9}, "n", "invalid_value"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    ({"max_tokens": -1}, "max_tokens", "invalid_value"),
    ({"max_tokens": "6"}, "max_tokens", "invalid_type"),
    ({"max_completion_tokens": 5}, None, "invalid_value"),
    ({"frequency_penalty": 9}, "frequency_penalty", "invalid_value"),
    ({"presence_penalty": -9}, "presence_penalty", "invalid_value"),
    ({"seed": "x"}, "seed", "invalid_type"),
    ({"seed": 2**70}, "seed", "invalid_value"),
    ({"stop": ["a"] * 5}, "stop", "array_above_max_length"),
    ({"stop": ["a"] * 10**5}, "stop", "array_above_max_length"),
    ({"stop": ["a"] * 10**6}, None, "body_too_large"),
    ({"stop": ""}, "stop", "invalid_value"),
    ({"stop": "x" * 300}, "stop", "string_above_max_length"),
    ({"logit_bias": {"x": 1}}, "logit_bias.x", "invalid_value"),
    ({"logit_bias": {"999": 1}}, None, "invalid_value"),
    ({"logit_bias": {"1": 1000}}, "logit_bias.1", "invalid_value"),
    ({"logprobs": "yes"}, "logprobs", "invalid_type"),
    ({"top_logprobs": 2}, None, "invalid_value"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
    ({"stream_options": {"include_usage": True}}, None, "invalid_value"),
    ({"tool_choice": "required"}, None, "invalid_value"),
    ({"tools": [{"type": "code"}]}, "tools[0].type", "invalid_value"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name", "invalid_value"),
    ({"response_format": {"type": "xml"}}, "response_format", "invalid_value"),
    ({"response_format": wants({"type": "x"})}, "response_format.json_schema.schema", "schema_invalid"),
    ({"response_format": wants({"$ref": "#"})}, "response_format.json_schema.schema", "schema_invalid"),
    (
        {"response_format": wants({"$ref": "http://localhost/x"})},
        "response_format.json_schema.schema",
        "schema_invalid",
    ),
    ({"functions": [{"name": "f"}]}, "functions", "unsupported_value"),
    ({"reasoning_effort": "high"}, "reasoning_effort", "unsupported_value"),
    ({"web_search_options": {"a": 1}}, "web_search_options", "unsupported_value"),
    ({"extra_body": {"frobnicate": 1}}, "frobnicate", "unknown_parameter"),
    ({"user": "x" * 600}, "user", "string_above_max_length"),
    ({"metadata": {str(i): "x" for i in range(17)}}, "metadata", "array_above_max_length"),
]


@pytest.mark.parametrize(("more", "param", "code"), REFUSED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_chat_is_refused_with_status_code_and_place(
    client: openai.OpenAI, more: dict[str, Any], param: str | None, code: str, *, stream: bool
) -> None:
    if stream and "stream_options" in more:
        more = {"stream_options": {"include_usage": 1}}
        param, code = "stream_options.include_usage", "invalid_type"
    with pytest.raises(openai.APIStatusError) as caught:
        (stream_chat if stream else chat)(client, **more)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert 400 <= caught.value.status_code < 500
    assert caught.value.type


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"prompt": []}, "prompt", "invalid_value"),
        ({"prompt": [-1]}, "prompt[0]", "invalid_value"),
        ({"prompt": [260]}, "prompt", "invalid_value"),
        ({"prompt": [[1], [9_000]]}, "prompt", "invalid_value"),
        ({"prompt": [1] * 1_024}, "prompt", "context_length_exceeded"),
        ({"prompt": "x" * 2_000}, "prompt", "context_length_exceeded"),
        ({"prompt": ""}, "prompt", "invalid_value"),
        ({"prompt": ["a"] * 17}, "prompt", "array_above_max_length"),
        ({"prompt": ["a"] * 5, "n": 4}, None, "invalid_value"),
        ({"echo": True}, "echo", "unsupported_value"),
        ({"suffix": "x"}, "suffix", "unsupported_value"),
        ({"best_of": 3}, "best_of", "invalid_value"),
        ({"logprobs": 9}, "logprobs", "invalid_value"),
        ({"model": "huge"}, "model", "model_not_found"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_completion_is_refused(client: openai.OpenAI, more: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        complete(client, **more)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"input": ""}, "invalid_value"),
        ({"input": []}, "invalid_value"),
        ({"input": [""]}, "invalid_value"),
        ({"input": ["a"] * 257}, "array_above_max_length"),
        ({"input": [300]}, "invalid_value"),
        ({"input": "x" * 3_000}, "context_length_exceeded"),
        ({"dimensions": 8}, "unsupported_value"),
        ({"encoding_format": "hex"}, "invalid_value"),
        ({"model": "huge"}, "model_not_found"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_embedding_is_refused(client: openai.OpenAI, more: dict[str, Any], code: str) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.embeddings.create(**{"model": "tiny", "input": "a"} | more)
    assert caught.value.code == code


# ---- other ways in -------------------------------------------------------------------------------------------------


def test_many_ask_at_once_and_each_gets_its_own(url: str) -> None:
    async def ask_all() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
            asked = [
                client.chat.completions.create(
                    model="tiny",
                    messages=[{"role": "user", "content": "Hello"}],
                    max_tokens=5,
                    temperature=0,
                    logit_bias={str(ord(letter)): 100},
                )
                for letter in "abcdefghijklmnop"
            ]
            return [answer.choices[0].message.content for answer in await asyncio.gather(*asked)]

    assert asyncio.run(ask_all()) == [letter * 5 for letter in "abcdefghijklmnop"]


def test_the_clients_own_helpers_work(client: openai.OpenAI) -> None:
    asked = {"model": "tiny", "messages": HELLO, "max_tokens": 4} | MANY_AS
    with client.chat.completions.stream(**asked) as stream:
        assert "".join(event.delta for event in stream if event.type == "content.delta") == "AAAA"
    raw = client.chat.completions.with_raw_response.create(**asked)
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().choices[0].message.content == "AAAA"
