"""Chunks of the sidecar as OpenAI's objects: what a random model cannot be made to write."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from serving.answers import ChatWriter, CompletionWriter, Head, name_token
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.documents import parse_request
from wire.openai.errors import ApiError
from wire.openai.requests import ChatRequest

HEAD = Head(answer_id="chatcmpl-1", created=1, model="m", fingerprint="fp")
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
CALL = '<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call>'


def make_writer(n: int = 1, **more: Any) -> ChatWriter:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | more
    numbers = count()
    request = parse_request(json.dumps(body).encode(), ChatRequest)
    return ChatWriter(HEAD, request, [(1, 2, 3)] * n, lambda: f"call_{next(numbers)}")


def write(writer: ChatWriter, text: str, finish: str = "stop", index: int = 0) -> list[dict[str, Any]]:
    """Writes a text letter by letter and ends; the events."""
    chunks = [pb.GenerateChunk(text=letter, tokens=[pb.GeneratedToken(token=ord(letter))]) for letter in text]
    chunks.append(pb.GenerateChunk(finish_reason=finish))
    return [json.loads(event) for chunk in chunks for event in writer.take(index, chunk)]


def test_take__text__is_a_role_then_pieces_then_an_end() -> None:
    events = write(make_writer(), "ab")
    deltas = [event["choices"][0]["delta"] for event in events]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "a"}, {"content": "b"}, {}]
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


def test_take__a_call__is_one_delta_and_the_reason_says_so() -> None:
    writer = make_writer(tools=TOOLS)
    events = write(writer, f"Well. {CALL}")
    calls = [call for event in events for call in event["choices"][0]["delta"].get("tool_calls", ())]
    assert calls == [
        {"index": 0, "id": "call_0", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    ]
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"
    whole = json.loads(writer.whole())["choices"][0]
    assert whole["message"]["content"] == "Well. "
    assert whole["message"]["tool_calls"][0]["id"] == "call_0"
    assert whole["finish_reason"] == "tool_calls"


def test_whole__nothing_but_a_call__has_no_content() -> None:
    writer = make_writer(tools=TOOLS)
    write(writer, CALL)
    assert json.loads(writer.whole())["choices"][0]["message"]["content"] is None


@pytest.mark.parametrize("more", [{}, {"tools": TOOLS, "tool_choice": "none"}], ids=str)
def test_take__where_no_tools_are_offered__a_call_is_text(more: dict[str, Any]) -> None:
    writer = make_writer(**more)
    write(writer, CALL)
    assert json.loads(writer.whole())["choices"][0]["message"]["content"] == CALL


@pytest.mark.parametrize(
    ("choice", "text", "is_right"),
    [
        ("required", CALL, True),
        ("required", "no", False),
        ({"type": "function", "function": {"name": "f"}}, CALL, True),
        ({"type": "function", "function": {"name": "g"}}, CALL, False),
        ("auto", "no", True),
    ],
    ids=str,
)
def test_take__a_call_that_is_required__must_come(choice: Any, text: str, *, is_right: bool) -> None:
    writer = make_writer(tools=TOOLS, tool_choice=choice)
    if is_right:
        assert write(writer, text)
        return
    with pytest.raises(ApiError, match="answer_malformed"):
        write(writer, text)


@pytest.mark.parametrize(
    ("text", "finish", "is_right"),
    [
        ("{}", "stop", True),
        (' {"a": [1]}\n', "stop", True),
        ("[]", "stop", False),
        ("{", "stop", False),
        ("{", "length", True),
        ("[" * 5_000, "stop", False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_take__a_json_object_that_is_wanted__must_come_unless_it_was_cut(
    text: str, finish: str, *, is_right: bool
) -> None:
    writer = make_writer(response_format={"type": "json_object"})
    if is_right:
        assert write(writer, text, finish)
        return
    with pytest.raises(ApiError, match="answer_malformed"):
        write(writer, text, finish)


def test_usage__prompts__count_for_each_choice() -> None:
    writer = make_writer(n=2)
    write(writer, "abc", index=0)
    write(writer, "d", index=1)
    usage = json.loads(writer.usage_event())["usage"]
    assert usage == {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10}


def test_completion__logprobs__have_offsets_that_go_on() -> None:
    writer = CompletionWriter(HEAD, [(1,)], 1)
    token = pb.GeneratedToken(
        token=1, text=b"ab", logprob_micro=-500_000, top=[pb.TokenLogprob(token=2, logprob_micro=-1, text=b"\xc3")]
    )
    first, second = (json.loads(writer.take(0, pb.GenerateChunk(text="ab", tokens=[token]))[0]) for _ in range(2))
    assert first["choices"][0]["logprobs"]["text_offset"] == [0]
    assert second["choices"][0]["logprobs"]["text_offset"] == [2]
    assert second["choices"][0]["logprobs"]["top_logprobs"] == [{"bytes:\\xc3": -1e-06}]
    assert writer.take(0, pb.GenerateChunk(prompt_done=5)) == []


@pytest.mark.parametrize(("text", "name"), [(b"a", "a"), ("é".encode(), "é"), (b"\xc3\x28", "bytes:\\xc3\\x28")])
def test_name_token__part_of_a_character__is_its_bytes(text: bytes, name: str) -> None:
    assert name_token(text) == name
