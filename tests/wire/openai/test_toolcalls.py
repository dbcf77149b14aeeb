"""Calls of tools, however the text is cut."""

import json
from itertools import count

import pytest

from wire.openai.messages import ToolCall
from wire.openai.toolcalls import ToolCallReader

CALL = '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>'


def read(text: str, size: int) -> list[str | tuple[str, str]]:
    """Pieces with neighbouring texts joined; calls as (name, arguments)."""
    numbers = count()
    reader = ToolCallReader(frozenset({"f", "g"}), lambda: f"call_{next(numbers)}")
    pieces = [piece for i in range(0, len(text), size) for piece in reader.feed(text[i : i + size])] + reader.end()
    joined: list[str | tuple[str, str]] = []
    for piece in pieces:
        if isinstance(piece, ToolCall):
            joined.append((piece.function.name, piece.function.arguments))
        elif joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


CASES: list[tuple[str, list[str | tuple[str, str]], str]] = [
    ("Hello", ["Hello"], "text"),
    ("", [], "nothing"),
    (" \n", [" \n"], "blanks"),
    (CALL, [("f", '{"x": 1}')], "a call"),
    (f"\n {CALL}", [("f", '{"x": 1}')], "blanks before a call are dropped"),
    (f"Let me see. {CALL}", ["Let me see. ", ("f", '{"x": 1}')], "text, then a call"),
    (CALL + CALL, [("f", '{"x": 1}')] * 2, "two calls"),
    (f"{CALL}\ndone", [("f", '{"x": 1}'), "\ndone"], "text behind a call"),
    ('{"name": "g", "parameters": {"y": [1]}}', [("g", '{"y": [1]}')], "Llama's form"),
    ('  {"name": "g", "arguments": "{\\"y\\": 2}"}', [("g", '{"y": 2}')], "arguments as text"),
    ('{"name": "g"}', [("g", "{}")], "no arguments"),
    ('{"name": "h", "parameters": {}}', ['{"name": "h", "parameters": {}}'], "a tool that was not offered"),
    ('{"name": ["f"], "parameters": {}}', ['{"name": ["f"], "parameters": {}}'], "a name that is none"),
    ('{"name": "f", "parameters": 3}', ['{"name": "f", "parameters": 3}'], "arguments that are none"),
    ("{oops", ["{oops"], "no JSON"),
    ("<tool_call>oops</tool_call>", ["<tool_call>oops</tool_call>"], "no JSON in a call"),
    ('<tool_call>{"name": "f"}', [("f", "{}")], "a call that is cut after its object"),
    ('<tool_call>{"name"', ['<tool_call>{"name"'], "a call that is cut within"),
    ("a < b <tool", ["a < b <tool"], "what only begins like a call"),
]


@pytest.mark.parametrize(("text", "pieces", "_words"), CASES, ids=[case[2] for case in CASES])
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_feed__in_pieces_of_any_size__gives_the_same(
    text: str, pieces: list[str | tuple[str, str]], _words: str, size: int
) -> None:
    assert read(text, size) == pieces


def test_feed__text_that_cannot_be_a_call__is_told_at_once() -> None:
    reader = ToolCallReader(frozenset({"f"}), lambda: "call")
    assert reader.feed("Hello <b") == ["Hello <b"]
    assert reader.feed(" <tool") == [" "]
    assert reader.feed("box>") == ["<toolbox>"]


def test_feed__arguments__stay_in_their_language() -> None:
    (call,) = read('{"name": "f", "arguments": {"x": "é"}}', 4)
    assert json.loads(call[1]) == {"x": "é"}
    assert "é" in call[1]
