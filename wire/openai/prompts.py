"""From a request to the tokens of its prompts."""

from __future__ import annotations

import json
from typing import Final, Protocol

from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError
from wire.openai.limits import PROMPT_BYTES, PROMPT_BYTES_PER_TOKEN
from wire.openai.messages import NamedTool, Tool
from wire.openai.requests import ChatRequest

LEAST_ANSWER: Final = 1


class Renderer(Protocol):
    """What knows a model's chat template and tokenizer."""

    async def render(self, request: pb.RenderRequest) -> tuple[int, ...]:
        """A conversation or a text as tokens.  Raises ClientError."""
        ...


def get_offered(request: ChatRequest) -> list[Tool]:
    """The tools that the model is told of."""
    tools = request.tools or []
    if request.tool_choice == "none":
        return []
    if isinstance(request.tool_choice, NamedTool):
        return [tool for tool in tools if tool.function.name == request.tool_choice.function.name]
    return tools


def encode_chat(request: ChatRequest) -> str:
    """The conversation for Render: messages, the tools offered, the form wanted."""
    messages = [message.model_dump(exclude_none=True, by_alias=True) for message in request.messages]
    chat: dict[str, object] = {"messages": messages}
    if offered := get_offered(request):
        chat["tools"] = [tool.model_dump(exclude_none=True, by_alias=True) for tool in offered]
    if request.response_format is not None:
        chat["response_format"] = request.response_format.model_dump(exclude_none=True, by_alias=True)
    return json.dumps(chat)


async def read_chat(renderer: Renderer, model: pb.LoadedModel, request: ChatRequest) -> tuple[int, ...]:
    """A conversation's prompt.  Raises ApiError context_length_exceeded; ClientError."""
    chat = encode_chat(request)
    return await _render(renderer, model, pb.RenderRequest(content_hash=model.content_hash, chat=chat), "messages")


async def read_prompt(
    renderer: Renderer, model: pb.LoadedModel, prompt: str | list[int], param: str
) -> tuple[int, ...]:
    """A text's tokens, or tokens as they were given.  Raises ApiError; ClientError."""
    if isinstance(prompt, str):
        request = pb.RenderRequest(content_hash=model.content_hash, text=prompt)
        return await _render(renderer, model, request, param)
    if any(token >= model.vocabulary for token in prompt):
        raise ApiError("invalid_value", f"{param}: the vocabulary has {model.vocabulary} tokens", param=param)
    return _check_length(tuple(prompt), model, param)


async def _render(renderer: Renderer, model: pb.LoadedModel, request: pb.RenderRequest, param: str) -> tuple[int, ...]:
    most_bytes = min(PROMPT_BYTES, PROMPT_BYTES_PER_TOKEN * model.max_context)
    if request.ByteSize() > most_bytes:
        raise ApiError("context_length_exceeded", f"more than {most_bytes} bytes of text", param=param)
    return _check_length(await renderer.render(request), model, param)


def _check_length(tokens: tuple[int, ...], model: pb.LoadedModel, param: str) -> tuple[int, ...]:
    if not tokens:
        raise ApiError("invalid_value", f"{param}: a prompt of no tokens", param=param)
    if len(tokens) + LEAST_ANSWER > model.max_context:
        detail = f"{len(tokens)} tokens; {model.max_context} are all, with the answer"
        raise ApiError("context_length_exceeded", detail, param=param)
    return tokens
