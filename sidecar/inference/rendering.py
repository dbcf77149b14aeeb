"""A model's tokenizer: conversations and text to tokens, tokens to bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tokenizers

from sidecar.errors import SidecarError

SPACE: Final = "\u2581"
"""What stands for a space in a SentencePiece vocabulary."""
JSON_ONLY: Final = "Answer with one JSON object and nothing else."
TOOL_CALL: Final = (
    "You may call these functions.  To call one, answer with "
    '<tool_call>{"name": its name, "arguments": an object}</tool_call> and nothing else.\n'
)


class Pieces:
    """What each token of a vocabulary adds to a text."""

    def __init__(self, tokenizer: Any) -> None:
        added = tokenizer.get_added_tokens_decoder().items()
        self._tokenizer = tokenizer
        self._special = frozenset(token for token, text in added if text.special)
        self._bytes = {letter: byte for byte, letter in enumerate(_list_byte_letters())}
        self._is_byte_level = '"ByteLevel"' in json.dumps(json.loads(tokenizer.to_str()).get("decoder"))

    @classmethod
    def open(cls, folder: Path) -> Pieces:
        """Read a model's tokenizer.json.  Raises model_unsupported."""
        try:
            return cls(tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")))
        except Exception as error:  # another's parser over another's file may raise anything
            raise SidecarError("model_unsupported", f"{folder.name}: {error}"[:300]) from error

    def get_bytes(self, token: int) -> bytes:
        """What a token adds to the text; nothing for a special one."""
        piece = None if token in self._special else self._tokenizer.id_to_token(token)
        if piece is None:
            return b""
        if self._is_byte_level:
            known = [self._bytes.get(letter) for letter in piece]
            return piece.encode() if None in known else bytes(byte for byte in known if byte is not None)
        if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
            return bytes.fromhex(piece[3:5])
        return str(piece).replace(SPACE, " ").encode()


class Tokenizer:
    """Renders for one model, by its own chat template in a sandbox."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.get_bytes = Pieces(tokenizer.backend_tokenizer).get_bytes

    @classmethod
    def open(cls, folder: Path) -> Tokenizer:
        """Read a model's tokenizer.json, its settings, and its chat template.  Raises model_unsupported."""
        from transformers import PreTrainedTokenizerFast

        try:
            return cls(PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True, trust_remote_code=False))
        except Exception as error:  # another's parser over another's file may raise anything
            raise SidecarError("model_unsupported", f"{folder.name}: {error}"[:300]) from error

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, with what the tokenizer puts before it.  Raises prompt_invalid."""
        try:
            return [int(token) for token in self._tokenizer(text)["input_ids"]]
        except Exception as error:  # the same
            raise SidecarError("prompt_invalid", f"{type(error).__name__}: {error}"[:500]) from error

    def encode_chat(self, chat: str) -> list[int]:
        """The tokens of a conversation that the assistant is to continue.

        `chat` is JSON {"messages", "tools", "response_format"}.  Raises chat_invalid.
        """
        try:
            request = json.loads(chat)
            messages = prepare_messages(request, has_tools="tools" in (self._tokenizer.chat_template or ""))
            text = self._tokenizer.apply_chat_template(
                messages, tools=request.get("tools") or None, add_generation_prompt=True, tokenize=False
            )
            return [int(token) for token in self._tokenizer(text, add_special_tokens=False)["input_ids"]]
        except Exception as error:  # another's template over another's words may raise anything
            raise SidecarError("chat_invalid", f"{type(error).__name__}: {error}"[:500]) from error


def prepare_messages(request: Mapping[str, Any], *, has_tools: bool) -> list[dict[str, Any]]:
    """The messages for a template; what it cannot say itself, tools and the wish for JSON, the system says in words."""
    messages = [_flatten(message) for message in request["messages"]]
    if not messages:
        raise ValueError("no messages")
    said = []
    if request.get("tools") and not has_tools:
        said.append(TOOL_CALL + "\n".join(json.dumps(tool) for tool in request["tools"]))
    wanted = request.get("response_format") or {}
    if wanted.get("type") in {"json_object", "json_schema"}:
        schema = wanted.get("json_schema", {}).get("schema")
        said.append(JSON_ONLY + (f"  It follows this schema: {json.dumps(schema)}" if schema else ""))
    if not said:
        return messages
    if messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": ""})
    messages[0]["content"] = "\n\n".join(filter(None, (messages[0]["content"], *said)))
    return messages


def _flatten(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message whose content is one text; OpenAI's parts of type text are joined."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str | None) or not isinstance(message["role"], str):
        raise TypeError("a message has a role and a text")
    return {**message, "content": content or ""}


def _list_byte_letters() -> list[str]:
    """The letter for each byte in a byte-level vocabulary: its own where it prints, else the next from 256 on."""
    printing = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printing else chr(next(others)) for byte in range(256)]
