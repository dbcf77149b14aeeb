"""Conversations to tokens, tokens to bytes."""

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import SidecarError
from sidecar.inference.rendering import JSON_ONLY, Pieces, Tokenizer, prepare_messages
from tests.sidecar.inference.tiny import END, make_tiny_model

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.fixture
def tokenizer(models: Path) -> Tokenizer:
    return Tokenizer.open(models / "tiny")


def read(tokenizer: Tokenizer, chat: dict[str, Any]) -> str:
    return b"".join(tokenizer.get_bytes(t) or b"|" for t in tokenizer.encode_chat(json.dumps(chat))).decode()


def test_encode__any_text__its_bytes_come_back(tokenizer: Tokenizer) -> None:
    for text in ("", "Hello", "日本 \n\t é", "\u0000"):
        assert b"".join(map(tokenizer.get_bytes, tokenizer.encode(text))) == text.encode()


def test_get_bytes__special_and_unknown_tokens__nothing(tokenizer: Tokenizer) -> None:
    assert [tokenizer.get_bytes(token) for token in (END, 257, 10_000)] == [b"", b"", b""]


def test_encode_chat__parts_of_text__are_joined(tokenizer: Tokenizer) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read(tokenizer, {"messages": [{"role": "user", "content": parts}]}) == "|user\nab|\n|assistant\n"


@pytest.mark.parametrize(
    ("changes", "has_tools", "system"),
    [
        pytest.param({}, True, None, id="nothing wanted"),
        pytest.param({"tools": [TOOL]}, True, None, id="tools that the template knows"),
        pytest.param({"tools": [TOOL]}, False, "<tool_call>", id="tools that it does not know"),
        pytest.param({"response_format": {"type": "json_object"}}, True, JSON_ONLY, id="JSON"),
        pytest.param(
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"a": 1}}}},
            True,
            '{"a": 1}',
            id="JSON by a schema",
        ),
        pytest.param({"response_format": {"type": "text"}}, True, None, id="text"),
    ],
)
def test_prepare_messages__what_the_template_cannot_say__the_system_says(
    changes: dict[str, Any], has_tools: bool, system: str | None
) -> None:
    messages = prepare_messages({"messages": [USER], **changes}, has_tools=has_tools)
    assert messages[-1] == USER
    assert len(messages) == (1 if system is None else 2)
    assert system is None or system in messages[0]["content"]


def test_prepare_messages__a_system_message_is_there__is_kept_and_extended() -> None:
    said = {"role": "system", "content": "Be kind."}
    request = {"messages": [said, USER], "response_format": {"type": "json_object"}}
    messages = prepare_messages(request, has_tools=True)
    assert messages[0]["content"] == f"Be kind.\n\n{JSON_ONLY}"
    assert len(messages) == 2


def test_encode_chat__a_template_that_reaches_for_python__is_refused(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path)
    (folder / "chat_template.jinja").write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(SidecarError) as refused:
        Tokenizer.open(folder).encode_chat(json.dumps({"messages": [USER]}))
    assert refused.value.code == "chat_invalid"


@pytest.mark.parametrize(
    "template", ["{{ 1 / 0 }}", "{% for i in range(10 ** 9) %}x{% endfor %}", "{{ messages[7].a.b }}"]
)
def test_encode_chat__a_template_that_fails_in_any_way__is_refused(tmp_path: Path, template: str) -> None:
    folder = make_tiny_model(tmp_path)
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(SidecarError) as refused:
        Tokenizer.open(folder).encode_chat(json.dumps({"messages": [USER]}))
    assert refused.value.code == "chat_invalid"


def test_encode__what_is_no_text__is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(SidecarError) as refused:
        tokenizer.encode("\ud800")
    assert refused.value.code == "prompt_invalid"
    with pytest.raises(SidecarError) as refused:
        tokenizer.encode_chat(json.dumps({"messages": [USER | {"content": "\ud800"}]}))
    assert refused.value.code == "chat_invalid"


@pytest.mark.parametrize("content", ["{}", "[]", "null", "{" * 100_000, "x"])
def test_open__no_tokenizer__is_refused(tmp_path: Path, content: str) -> None:
    folder = make_tiny_model(tmp_path)
    (folder / "tokenizer.json").write_text(content)
    for opened in (Tokenizer.open, Pieces.open):
        with pytest.raises(SidecarError) as refused:
            opened(folder)
        assert refused.value.code == "model_unsupported"
