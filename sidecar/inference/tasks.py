"""What an engine is asked and what it answers, and the same as lines of JSON between the sidecar and a child."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sidecar.errors import SidecarError
from sidecar.inference.sampler import Sampling

MAX_LINE = 1 << 24
"""Bytes of the longest line: a whole context of tokens, and a step's alternatives for all requests, stay below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateTask:
    """An answer wanted.  `allowance` is work, prompt and answer tokens together, after which it waits for more.

    `top_logprobs` alternatives are told for each token, with `logprobs` its own log-probability too.
    """

    prompt: tuple[int, ...]
    sampling: Sampling
    max_tokens: int
    stop: tuple[str, ...]
    logprobs: bool
    top_logprobs: int
    allowance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A token, its log-probability in millionths (at most 0), and its bytes."""

    token: int
    logprob_micro: int
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnToken:
    """A token of an answer; `logprob_micro` and `top` are 0 and empty where nobody asked for them."""

    token: int
    text: bytes
    logprob_micro: int = 0
    top: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """New tokens, the text they complete, prompt tokens computed so far; `finish_reason` is empty until the last."""

    tokens: tuple[DrawnToken, ...]
    text: str
    prompt_done: int
    finish_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a child that has loaded its model says of it; `max_tokens` is what its memory holds at a time."""

    vocabulary: int
    max_tokens: int
    embeds: bool


def encode_line(value: Mapping[str, Any]) -> bytes:
    """One JSON object a line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def encode_generate(task: GenerateTask) -> dict[str, Any]:
    """A task as JSON."""
    return asdict(task) | {"sampling": asdict(task.sampling) | {"seed": task.sampling.seed.hex()}}


def decode_generate(value: Mapping[str, Any]) -> GenerateTask:
    """The task of such JSON."""
    return GenerateTask(
        prompt=tuple(value["prompt"]),
        sampling=decode_sampling(value["sampling"]),
        max_tokens=value["max_tokens"],
        stop=tuple(value["stop"]),
        logprobs=value["logprobs"],
        top_logprobs=value["top_logprobs"],
        allowance=value["allowance"],
    )


def decode_sampling(value: Mapping[str, Any]) -> Sampling:
    """The sampling of such JSON."""
    bias = tuple((token, milli) for token, milli in value["bias"])
    return Sampling(**{**value, "bias": bias, "seed": bytes.fromhex(value["seed"])})


def encode_progress(progress: Progress) -> dict[str, Any]:
    """A progress as JSON."""
    tokens = [[t.token, t.text.hex(), t.logprob_micro, [_encode_top(a) for a in t.top]] for t in progress.tokens]
    return {
        "tokens": tokens,
        "text": progress.text,
        "prompt_done": progress.prompt_done,
        "finish_reason": progress.finish_reason,
    }


def decode_progress(value: Mapping[str, Any]) -> Progress:
    """The progress of such JSON."""
    tokens = tuple(
        DrawnToken(
            token=token,
            text=bytes.fromhex(text),
            logprob_micro=logprob_micro,
            top=tuple(Alternative(token=t, logprob_micro=p, text=bytes.fromhex(x)) for t, p, x in top),
        )
        for token, text, logprob_micro, top in value["tokens"]
    )
    return Progress(**{**value, "tokens": tokens})


def encode_error(error: SidecarError) -> list[str]:
    """Code and detail."""
    return [error.code, error.detail]


def decode_error(value: list[str]) -> SidecarError:
    """The error of a code and a detail."""
    return SidecarError(value[0], value[1])


def _encode_top(alternative: Alternative) -> list[Any]:
    return [alternative.token, alternative.logprob_micro, alternative.text.hex()]
