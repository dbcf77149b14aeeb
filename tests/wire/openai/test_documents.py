"""Bodies to requests: what is taken, and the code, status and place of what is not."""

import json
import time
from typing import Any

import pytest
from pydantic import ValidationError

from wire.openai import limits
from wire.openai.documents import check_shape, parse_request
from wire.openai.errors import ApiError
from wire.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
SLOWEST_REFUSAL_S = 2.0


def nest(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


def schema_format(schema: object) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}}


def tool(name: str = "f", **more: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0, "top_p": 1, "seed": -5, "n": 8, "stop": "x", "user": "me"},
        {"temperature": None, "stop": None, "tools": None, "response_format": None, "logit_bias": None},
        {"stop": ["a"] * 4, "logit_bias": {"0": -100, "50256": 100.0}, "max_completion_tokens": 1},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"logprobs": True, "top_logprobs": 20},
        {"tools": [tool(parameters={"type": "object"})], "tool_choice": tool()},
        {"store": False, "metadata": {"a": "b"}, "service_tier": "auto", "parallel_tool_calls": False, "audio": None},
        schema_format({"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}),
        {
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ], "refusal": None, "audio": None, "function_call": None, "annotations": []},
                {"role": "tool", "content": "4", "tool_call_id": "1"},
            ]
        },
    ],
)  # fmt: skip
def test_parse_request__what_openai_takes__is_taken(more: dict[str, Any]) -> None:
    assert parse_request(json.dumps(CHAT | more).encode(), ChatRequest).model == "m"


WRONG = [
    ({"messages": []}, "messages", "invalid_value", "no messages"),
    ({"messages": "hi"}, "messages", "invalid_type", "a text for a list"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter", "a message of nothing"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type", "a number for a text"),
    ({"messages": [{"role": "bot", "content": ""}]}, "messages[0]", "invalid_value", "no such role"),
    ({"messages": [{"content": ""}]}, "messages[0]", "invalid_value", "no role"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages[0].content[0].type",
        "invalid_value",
        "a picture",
    ),
    ({"messages": CHAT["messages"] * 2049}, "messages", "array_above_max_length", "too many messages"),
    ({"model": 3}, "model", "invalid_type", "a number for a name"),
    ({"model": ""}, "model", "invalid_value", "no name"),
    ({"model": "m" * 129}, "model", "string_above_max_length", "a long name"),
    ({"frobnicate": 1}, "frobnicate", "unknown_parameter", "no field of OpenAI's"),
    ({"n": True}, "n", "invalid_type", "true is no number"),
    ({"n": "1"}, "n", "invalid_type", "a text is no number"),
    ({"n": 1.5}, "n", "invalid_type", "half an answer"),
    ({"n": 0}, "n", "invalid_value", "no answers"),
    ({"n": 9}, "n", "invalid_value", "too many answers"),
    ({"temperature": 2.1}, "temperature", "invalid_value", "too hot"),
    ({"temperature": -0.1}, "temperature", "invalid_value", "too cold"),
    ({"temperature": "1"}, "temperature", "invalid_type", "a text for a number"),
    ({"top_p": 1.1}, "top_p", "invalid_value", "more than all"),
    ({"presence_penalty": 3}, "presence_penalty", "invalid_value", "out of range"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value", "nothing"),
    ({"max_tokens": 10**9}, "max_tokens", "invalid_value", "more than any model has"),
    ({"max_tokens": 1, "max_completion_tokens": 1}, None, "invalid_value", "two limits"),
    ({"seed": 2**63}, "seed", "invalid_value", "65 bits"),
    ({"stop": ["a"] * 5}, "stop", "array_above_max_length", "five stops"),
    ({"stop": ["a"] * 10**6}, None, "body_too_large", "10^6 stops"),
    ({"stop": ["a"] * 10**5}, "stop", "array_above_max_length", "10^5 stops"),
    ({"stop": ""}, "stop", "invalid_value", "an empty stop"),
    ({"stop": "x" * 257}, "stop", "string_above_max_length", "a long stop"),
    ({"stop": [1]}, "stop[0]", "invalid_type", "a number for a stop"),
    ({"logit_bias": {"x": 1}}, "logit_bias.x", "invalid_value", "no token"),
    ({"logit_bias": {"1": 101}}, "logit_bias.1", "invalid_value", "too strong"),
    ({"logit_bias": {str(i): 1 for i in range(301)}}, "logit_bias", "array_above_max_length", "301 biases"),
    ({"top_logprobs": 3}, None, "invalid_value", "top_logprobs alone"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value", "21 of them"),
    ({"stream_options": {"include_usage": True}}, None, "invalid_value", "options of no stream"),
    ({"tool_choice": "required"}, None, "invalid_value", "a choice among no tools"),
    ({"tools": [tool(), tool()]}, None, "invalid_value", "two of one name"),
    ({"tools": [tool("no spaces")]}, "tools[0].function.name", "invalid_value", "a name with a space"),
    ({"tools": [tool(str(i)) for i in range(65)]}, "tools", "array_above_max_length", "65 tools"),
    ({"tools": [tool(parameters=nest(60))]}, None, "json_too_deep", "deeper than any body"),
    ({"tools": [tool(parameters=nest(30))]}, "tools[0].function.parameters", "schema_invalid", "a deep schema"),
    (schema_format({"type": "text"}), "response_format.json_schema.schema", "schema_invalid", "no type of JSON's"),
    (schema_format({"$ref": "#"}), "response_format.json_schema.schema", "schema_invalid", "a circle"),
    (
        schema_format({"$ref": "http://169.254.169.254/x"}),
        "response_format.json_schema.schema",
        "schema_invalid",
        "a reference to elsewhere",
    ),
    ({"response_format": {"type": "xml"}}, "response_format", "invalid_value", "no such format"),
    ({"audio": {"voice": "x"}}, "audio", "unsupported_value", "speech"),
    ({"functions": [{"name": "f"}]}, "functions", "unsupported_value", "what tools replaced"),
    ({"metadata": {"k": "v" * 513}}, "metadata.k", "string_above_max_length", "a long value"),
]


@pytest.mark.parametrize(("more", "param", "code"), [w[:3] for w in WRONG], ids=[w[3] for w in WRONG])
def test_parse_request__one_thing_wrong__names_it_at_once(more: dict[str, Any], param: str | None, code: str) -> None:
    body = json.dumps(CHAT | more).encode()
    began = time.monotonic()
    with pytest.raises(ApiError) as caught:
        parse_request(body, ChatRequest)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert 400 <= caught.value.status < 500
    assert time.monotonic() - began < SLOWEST_REFUSAL_S


BODIES = [
    (b"", "json_invalid"),
    (b"{", "json_invalid"),
    (b"[]", "json_invalid"),
    (b"null", "json_invalid"),
    (b'{"model": NaN}', "json_invalid"),
    (b'{"model": Infinity}', "json_invalid"),
    (b'{"model": 1e999}', "missing_required_parameter"),
    (b'{"model": "\\ud800"}', "json_invalid"),
    (b"\xff\xfe", "json_invalid"),
    (b'{"model": ' + b"9" * 10_000 + b"}", "json_invalid"),
    (b'{"a":' * 100 + b"1" + b"}" * 100, "json_too_deep"),
    (b"[" * 1_000_000, "json_too_deep"),
    (b'{"messages": [' + b"[]," * 60_000 + b"[]]}", "json_too_deep"),
    (b'"' * 1_000_000, "json_invalid"),
    (b'"' + b'\\"' * 1_000_000, "json_invalid"),
    (b" " * (limits.BODY_BYTES + 1), "body_too_large"),
]


@pytest.mark.parametrize(("body", "code"), BODIES, ids=range(len(BODIES)))
def test_parse_request__no_json_or_a_bomb__is_refused_at_once(body: bytes, code: str) -> None:
    began = time.monotonic()
    with pytest.raises(ApiError) as caught:
        parse_request(body, ChatRequest)
    assert caught.value.code == code
    assert time.monotonic() - began < SLOWEST_REFUSAL_S


MANY = 400_000
FLOODS: list[tuple[type[Any], dict[str, Any]]] = [
    (CompletionRequest, {"prompt": [-1] * MANY}),
    (CompletionRequest, {"prompt": [[-1] * MANY]}),
    (CompletionRequest, {"prompt": [""] * MANY}),
    (EmbeddingRequest, {"input": [-1] * MANY}),
    (EmbeddingRequest, {"input": [""] * MANY}),
    (ChatRequest, {**CHAT, "modalities": [1] * MANY}),
    (ChatRequest, {**CHAT, "logit_bias": {f"a{i}": 1 for i in range(MANY // 4)}}),
    (ChatRequest, {**CHAT, "metadata": {f"a{i}": 1 for i in range(MANY // 4)}}),
    (ChatRequest, {**CHAT, **{f"a{i}": 1 for i in range(MANY // 4)}}),
    (ChatRequest, {"messages": [{"role": "user", "content": "", **{f"a{i}": 1 for i in range(MANY // 4)}}]}),
]


@pytest.mark.parametrize(("kind", "more"), FLOODS, ids=range(len(FLOODS)))
def test_parse_request__very_many_wrong_items__are_not_each_an_error_of_their_own(
    kind: type[ChatRequest], more: dict[str, Any]
) -> None:
    body = json.dumps({"model": "m"} | more, separators=(",", ":")).encode()
    with pytest.raises(ApiError) as caught:
        parse_request(body, kind)
    cause = caught.value.__cause__
    assert isinstance(cause, ValidationError)
    assert cause.error_count() < 10


def test_check_shape__brackets_within_texts__do_not_count() -> None:
    check_shape(json.dumps({"a": "[" * 1_000, "b": '\\"[' * 100}).encode())


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [("a", ["a"]), ([1, 2], [[1, 2]]), (["a", "b"], ["a", "b"]), ([[1], [2, 3]], [[1], [2, 3]]), ("", [""])],
)
def test_prompts__each_form__is_a_list_of_them(prompt: object, prompts: object) -> None:
    body = json.dumps({"model": "m", "prompt": prompt}).encode()
    assert parse_request(body, CompletionRequest).prompts == prompts


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"prompt": []}, "prompt", "invalid_value"),
        ({"prompt": [[]]}, "prompt[0]", "invalid_value"),
        ({"prompt": [-1]}, "prompt[0]", "invalid_value"),
        ({"prompt": [1, "a"]}, "prompt[1]", "invalid_type"),
        ({"prompt": ["a"] * 17}, "prompt", "array_above_max_length"),
        ({"prompt": ["a"] * 3, "n": 6}, None, "invalid_value"),
        ({"prompt": "a", "echo": True}, "echo", "unsupported_value"),
        ({"prompt": "a", "suffix": "b"}, "suffix", "unsupported_value"),
        ({"prompt": "a", "best_of": 2}, "best_of", "invalid_value"),
        ({"prompt": "a", "logprobs": 6}, "logprobs", "invalid_value"),
        ({"prompt": "a", "logprobs": True}, "logprobs", "invalid_type"),
        ({}, "prompt", "missing_required_parameter"),
    ],
)
def test_parse_request__a_wrong_completion__names_it(more: dict[str, Any], param: str | None, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_request(json.dumps({"model": "m"} | more).encode(), CompletionRequest)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize("given", ["", [], [""], [[]], {}, 3, ["a"] * 257])
def test_parse_request__a_wrong_input__is_refused(given: object) -> None:
    with pytest.raises(ApiError):
        parse_request(json.dumps({"model": "m", "input": given}).encode(), EmbeddingRequest)


@pytest.mark.parametrize(("given", "inputs"), [("a", ["a"]), (["a"], ["a"]), ([1], [[1]]), ([[1], [2]], [[1], [2]])])
def test_inputs__each_form__is_a_list_of_them(given: object, inputs: object) -> None:
    assert parse_request(json.dumps({"model": "m", "input": given}).encode(), EmbeddingRequest).inputs == inputs
