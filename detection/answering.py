"""Answers, drawn by the network's own sampler, and their scores by another host's network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from detection.hosts import Cheat, Host, Models
from detection.questions import Question, Questions, by_length
from sidecar.inference.sampler import Sampling, draw
from sidecar.inference.scoring import score_token

MAX_TOKENS: Final = 160
TEXT_TOKENS: Final = 120
Answer = list[int]


def answer(models: Models, host: Host, questions: Questions, asked: Sequence[Question], number: int) -> list[Answer]:
    """What a host says to a group of questions: up to MAX_TOKENS each, the token that ends an answer included."""
    if host.cheat is Cheat.TEXT:
        return _cut_text(questions, len(asked), number)
    prompts = [question.other if host.cheat is Cheat.TEMPLATE else question.prompt for question in asked]
    factor = 11 if host.cheat is Cheat.TEMPERATURE else 10
    samplings = [_warm(question.sampling, factor) for question in asked]
    answers: list[Answer] = [[] for _ in asked]
    network, end = models.get(host), int(questions.tokenizer.eos_token_id)
    for places in by_length(prompts):
        for first in range(0, len(places), host.batch):
            batch = places[first : first + host.batch]
            said = _generate(network, [prompts[p] for p in batch], [samplings[p] for p in batch], end)
            for place, tokens in zip(batch, said, strict=True):
                answers[place] = tokens
    return answers


def _warm(sampling: Sampling, factor: int) -> Sampling:
    return replace(sampling, temperature_milli=sampling.temperature_milli * factor // 10)


@torch.inference_mode()
def _generate(network: Any, prompts: list[tuple[int, ...]], samplings: list[Sampling], end: int) -> list[Answer]:
    answers: list[Answer] = [[] for _ in prompts]
    inputs, cache = torch.tensor(prompts), None
    for position in range(MAX_TOKENS):
        output = network(inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = output.past_key_values
        logits_BV = output.logits[:, -1].float().numpy()
        for place, tokens in enumerate(answers):
            if not tokens or tokens[-1] != end:
                tokens.append(draw(logits_BV[place], samplings[place], position, tokens))
        if all(tokens[-1] == end for tokens in answers):
            break
        inputs = torch.tensor([tokens[-1:] for tokens in answers])
    return answers


def _cut_text(questions: Questions, count: int, number: int) -> list[Answer]:
    """Passages of this repository's own pages, as good as any text that the model did not write."""
    pages = sorted((Path(__file__).parent.parent / "docs").glob("*.md"))
    tokens = questions.tokenizer.encode("\n".join(page.read_text(encoding="utf-8") for page in pages))
    starts = np.random.default_rng(number).integers(0, len(tokens) - TEXT_TOKENS, count)
    return [tokens[start : start + TEXT_TOKENS] for start in starts]


@torch.inference_mode()
def score(models: Models, host: Host, asked: Sequence[Question], answers: Sequence[Answer]) -> NDArray[np.int32]:
    """Gaps in thousandths of every token of every answer, one after the other, as a verifier finds them."""
    network = models.get(host)
    gaps: list[list[int]] = [[] for _ in asked]
    order = sorted(range(len(asked)), key=lambda place: len(asked[place].prompt) + len(answers[place]))
    for first in range(0, len(order), host.batch):
        batch = order[first : first + host.batch]
        rows = [list(asked[place].prompt) + answers[place][:-1] for place in batch]
        longest = max(map(len, rows))
        inputs = torch.tensor([row + [0] * (longest - len(row)) for row in rows])  # attention never looks ahead
        first_place = min(len(asked[place].prompt) for place in batch) - 1
        logits_BTV = network(inputs, use_cache=False, logits_to_keep=longest - first_place).logits
        for row, place in enumerate(batch):
            start, tokens = len(asked[place].prompt) - 1 - first_place, answers[place]
            logits_TV = logits_BTV[row, start : start + len(tokens)].float().numpy()
            gaps[place] = [
                score_token(logits_V, tokens[:position], tokens[position], asked[place].sampling).gap_milli
                for position, logits_V in enumerate(logits_TV)
            ]
    return np.array([gap for answer_gaps in gaps for gap in answer_gaps], dtype=np.int32)
