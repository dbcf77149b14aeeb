"""Every bound on what an application may ask, in one place.  Past one of them: a 4xx at once."""

from typing import Final

BODY_BYTES: Final = 2 << 20
"""Of a request, counted while it is read."""
BODY_TIMEOUT_S: Final = 30.0
"""Until the whole body is there."""
JSON_DEPTH: Final = 48
"""Lists and objects within each other, the whole body counted."""
JSON_CONTAINERS: Final = 50_000
"""Lists and objects in a body together."""

FIELDS: Final = 64
"""Of an object whose fields are named by OpenAI: more are not looked at one by one."""
MODEL_NAME_CHARS: Final = 128
MESSAGES: Final = 2_048
CONTENT_PARTS: Final = 256
PROMPTS: Final = 16
"""Prompts of one /v1/completions."""
EMBEDDING_INPUTS: Final = 256
PROMPT_TOKENS: Final = 1 << 20
"""Given as numbers; the model's own context is checked besides."""
PROMPT_BYTES_PER_TOKEN: Final = 32
"""A text longer than so many bytes for each token of the model's context is refused without a look at its tokens."""
PROMPT_BYTES: Final = 1_000_000
"""Of a conversation or a text that is turned into tokens: it travels to the sidecar in one message."""
TOKEN_IDS: Final = 1 << 24

MAX_TOKENS: Final = 1 << 17
CHOICES: Final = 8
"""`n`; for /v1/completions prompts times `n`, at most PROMPTS."""
STOPS: Final = 4
STOP_CHARS: Final = 256
TEMPERATURE: Final = 2.0
REPETITION: Final = 2.0
"""Of frequency_penalty and presence_penalty, either way."""
BIAS: Final = 100.0
BIASED_TOKENS: Final = 300
TOP_LOGPROBS: Final = 20
COMPLETION_LOGPROBS: Final = 5
DEFAULT_COMPLETION_TOKENS: Final = 16
"""OpenAI's default of /v1/completions, where a chat's is what the context leaves."""

TOOLS: Final = 64
TOOL_NAME_CHARS: Final = 64
TOOL_CALLS: Final = 128
DESCRIPTION_CHARS: Final = 8_192
ARGUMENTS_CHARS: Final = 1 << 17
SCHEMA_DEPTH: Final = 24
SCHEMA_NODES: Final = 5_000
"""Lists, objects and values of one JSON schema together."""
SCHEMA_PATTERNS: Final = 32
"""Regular expressions of one JSON schema, with each reference written out."""
PATTERN_BYTES: Final = 2 << 20
"""Of one of them, compiled."""
USER_CHARS: Final = 512
METADATA_PAIRS: Final = 16
METADATA_KEY_CHARS: Final = 64

SSE_LINE_BYTES: Final = 4 << 20
"""Longest line that a reader of a stream keeps."""
HEADER_CHARS: Final = 4_096
"""Of a ticket or a voucher in its header."""
VOUCHER_BYTES: Final = 2_048
