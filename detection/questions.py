"""The study's questions as prompts: tokens, sampling and seed, in groups of one length, so that no batch is padded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from transformers import AutoTokenizer

from detection.hosts import Host
from detection.prompts import list_prompts
from rules.seeds import framed_hash, le64
from sidecar.inference.sampler import Sampling

WIDTHS: Final = 64
"""Questions in a group, at most."""
LEAST: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A prompt as an honest host renders it, `other` as one with another template does."""

    prompt: tuple[int, ...]
    other: tuple[int, ...]
    sampling: Sampling


class Questions:
    """All questions, grouped by the length of their prompts; a group is what is asked at once."""

    def __init__(self, tokenizer: Any, groups: tuple[tuple[str, ...], ...]) -> None:
        self.tokenizer = tokenizer
        self._groups = groups

    @classmethod
    def open(cls, folder: Path) -> Questions:
        """With the tokenizer and the chat template of the model in a folder."""
        tokenizer = AutoTokenizer.from_pretrained(folder)
        by_length: dict[int, list[str]] = {}
        for prompt in list_prompts():
            by_length.setdefault(len(_render(tokenizer, prompt)), []).append(prompt)
        groups = [
            tuple(prompts[first : first + WIDTHS])
            for _, prompts in sorted(by_length.items())
            for first in range(0, len(prompts), WIDTHS)
        ]
        return cls(tokenizer, tuple(group for group in groups if len(group) >= LEAST))

    def ask(self, host: Host, number: int) -> tuple[Question, ...]:
        """Group `number`, the first one again after the last, as far as the host answers it; every host and number
        has seeds of its own.
        """
        texts = self._groups[number % len(self._groups)][: host.answers]
        return tuple(self._ask(host, number, place, text) for place, text in enumerate(texts))

    def _ask(self, host: Host, number: int, place: int, text: str) -> Question:
        temperature, top_p = host.get_setting(place)
        return Question(
            prompt=_render(self.tokenizer, text),
            other=tuple(self.tokenizer.encode(f"Question: {text}\nAnswer:")),
            sampling=Sampling(
                temperature_milli=temperature,
                top_k=0,
                top_p_ppm=top_p,
                frequency_penalty_milli=0,
                presence_penalty_milli=0,
                bias=(),
                seed=framed_hash("detection", host.name.encode(), le64(number), le64(place)),
            ),
        )


def _render(tokenizer: Any, text: str) -> tuple[int, ...]:
    messages = [{"role": "user", "content": text}]
    return tuple(tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False))


def by_length(questions: list[tuple[int, ...]]) -> Iterator[list[int]]:
    """The places of prompts of one length, shortest first."""
    for length in sorted({len(prompt) for prompt in questions}):
        yield [place for place, prompt in enumerate(questions) if len(prompt) == length]
