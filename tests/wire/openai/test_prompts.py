"""Requests to prompts: what the sidecar is asked to render, and what is refused before or after."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.documents import parse_request
from wire.openai.errors import ApiError
from wire.openai.limits import PROMPT_BYTES
from wire.openai.prompts import encode_chat, get_offered, read_chat, read_prompt
from wire.openai.requests import ChatRequest

MODEL = pb.LoadedModel(content_hash=b"c" * 32, name="m", max_context=10, vocabulary=100)
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("f", "g")]


class Letters:
    """Renders a text letter by letter."""

    def __init__(self) -> None:
        self.asked: list[pb.RenderRequest] = []

    async def render(self, request: pb.RenderRequest) -> tuple[int, ...]:
        self.asked.append(request)
        return tuple(ord(letter) % 100 for letter in request.text or "chat")


def make_chat(**more: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi", "name": None}]} | more
    return parse_request(json.dumps(body).encode(), ChatRequest)


def test_encode_chat__a_plain_one__has_messages_only() -> None:
    assert json.loads(encode_chat(make_chat())) == {"messages": [{"role": "user", "content": "Hi"}]}


def test_encode_chat__tools_and_form__go_along_as_they_came() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "array"}}}
    chat = json.loads(encode_chat(make_chat(tools=TOOLS, response_format=wanted)))
    assert chat["tools"] == TOOLS
    assert chat["response_format"] == wanted


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, ["f", "g"]),
        ("auto", ["f", "g"]),
        ("required", ["f", "g"]),
        ("none", []),
        ({"type": "function", "function": {"name": "g"}}, ["g"]),
    ],
    ids=str,
)
def test_get_offered__each_choice__offers_its_tools(choice: Any, names: list[str]) -> None:
    offered = get_offered(make_chat(tools=TOOLS, tool_choice=choice))
    assert [tool.function.name for tool in offered] == names


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("x" * 10, "context_length_exceeded"),
        ("", None),
        ([1] * 10, "context_length_exceeded"),
        ([100], "invalid_value"),
        ("x" * 9, None),
        ([99] * 9, None),
    ],
    ids=str,
)
def test_read_prompt__what_leaves_no_room_for_an_answer__is_refused(prompt: Any, code: str | None) -> None:
    if code is None:
        assert asyncio.run(read_prompt(Letters(), MODEL, prompt, "prompt"))
        return
    with pytest.raises(ApiError) as caught:
        asyncio.run(read_prompt(Letters(), MODEL, prompt, "prompt"))
    assert (caught.value.code, caught.value.param) == (code, "prompt")


@pytest.mark.parametrize(("max_context", "letters"), [(10, 400), (1_000_000, PROMPT_BYTES)])
def test_read_chat__far_too_long__is_refused_without_a_word_to_the_sidecar(max_context: int, letters: int) -> None:
    renderer, model = Letters(), pb.LoadedModel(max_context=max_context, vocabulary=100)
    chat = make_chat(messages=[{"role": "user", "content": "x" * letters}])
    with pytest.raises(ApiError, match="context_length_exceeded"):
        asyncio.run(read_chat(renderer, model, chat))
    assert renderer.asked == []
