"""The verifier's side of a check: an opened request is read as an honest host would have, and scored by the sidecar.

Whatever a host fails to deliver, or delivers so that it does not hash to its root or does not follow from what the
developer signed, counts as the worst distance there is.  Plaintext is held in memory only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Protocol

import structlog
from pydantic import ValidationError

from chain_client.errors import ClientError
from rules.answers import (
    Answer,
    Batch,
    Receipt,
    Report,
    Sample,
    answer_seed,
    check_receipts,
    compute_receipt_hash,
)
from rules.claims import Multiproof
from rules.errors import RuleError
from rules.evidence import WORST_PPM, compute_distance_ppm, scale_gap
from rules.types import Host
from rules.vouchers import Tokens, request_seed
from serving.records import hash_body
from serving.sampling import build_sampling
from wire.gonka.inference.v1 import check_pb2 as pb
from wire.gonka.sidecar.v1 import inference_pb2 as sidecar_pb
from wire.openai.documents import parse_object, parse_request
from wire.openai.errors import ApiError
from wire.openai.prompts import Renderer, read_chat, read_prompt
from wire.openai.requests import ChatRequest, CompletionRequest
from wire.vouchers import read_ticket

UNANSWERABLE: Final = frozenset({"chat_invalid", "prompt_invalid", "prompt_too_long", "sampling_invalid"})
"""A sidecar's refusals that the host's own shares: it cannot have answered such a request."""
log = structlog.get_logger("checking")


class Scorer(Renderer, Protocol):
    """The verifier's own model.  Every method raises ClientError."""

    async def score(self, request: sidecar_pb.ScoreRequest) -> tuple[sidecar_pb.TokenScore, ...]:
        """How far each token of an answer lies from what the model would have drawn."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A lot to be verified: whose answers, to which escrow, the key that its developer signs with, the model.

    `settled` are all tokens that the host was ever paid for by the escrow; an honest host answers with no more, but for
    `credit_tokens`.
    """

    chain_id: str
    host: Host
    lot: pb.Lot
    voucher_pubkey: bytes
    settled: Tokens
    credit_tokens: int
    model: sidecar_pb.LoadedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one opened request came to."""

    tokens: int
    distance_ppm: int


UNDELIVERED = Finding(tokens=0, distance_ppm=WORST_PPM)


async def check_lot(scorer: Scorer, case: Case, opening: pb.Opening | None) -> Report:
    """The report on a lot; None stands for a host that delivered nothing.  Raises ClientError when we cannot score."""
    opened = opening.samples[: len(case.lot.samples)] if opening else []
    read = [await _read_sample(scorer, case, *pair) for pair in zip_longest(case.lot.samples, opened)]
    works = [work for sample in read for work in sample]
    if _count_tokens(works).beyond(case.settled) > case.credit_tokens:
        log.info("opening_refused", escrow=case.lot.escrow_id, host=case.lot.host, reason="more tokens than settled")
        works = [None] * len(works)
    findings = [await _score(scorer, case, work) if work else UNDELIVERED for work in works]
    return Report(
        escrow_id=case.lot.escrow_id,
        host=case.host,
        tokens=sum(finding.tokens for finding in findings),
        distance_ppm=sum(finding.distance_ppm for finding in findings) // len(findings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A request as an honest host would have worked on it: its receipt, and the sampling of each answer."""

    receipt: Receipt
    samplings: tuple[sidecar_pb.Sampling, ...]


async def _read_sample(
    scorer: Scorer, case: Case, sample: pb.Sample, opened: pb.OpenedSample | None
) -> Sequence[_Work | None]:
    """What was delivered for each position; a tree that does not fit is no delivery of any of them."""
    missing = [None] * len(sample.positions)
    if opened is None or len(opened.requests) != len(sample.positions):
        return missing
    try:
        read = [await _read_request(scorer, case, request) for request in opened.requests]
        in_order = _check_tree(sample, opened, [work.receipt for work in read])
    except (RuleError, ApiError, ValidationError, ValueError) as error:
        log.info("opening_refused", escrow=case.lot.escrow_id, host=case.lot.host, reason=str(error))
        return missing
    return [work if is_right else None for work, is_right in zip(read, in_order, strict=True)]


def _count_tokens(works: Sequence[_Work | None]) -> Tokens:
    answers = [answer for work in works if work for answer in work.receipt.answers]
    return Tokens(
        tokens_in=sum(len(answer.prompt) for answer in answers),
        tokens_out=sum(len(answer.tokens) for answer in answers),
    )


async def _read_request(scorer: Scorer, case: Case, opened: pb.OpenedRequest) -> _Work:
    """Derived again from what the developer signed.

    Raises: RuleError, ApiError or ValueError for what an honest host would not have answered.
    """
    ticket = read_ticket(opened.ticket, case.voucher_pubkey)
    expected = (case.chain_id, case.lot.escrow_id, case.host, case.lot.model_id, hash_body(opened.body))
    if (ticket.chain_id, ticket.escrow_id, ticket.host, ticket.model_id, ticket.body_hash) != expected:
        raise RuleError("voucher_foreign", "the ticket is for something else")
    seed = request_seed(case.chain_id, ticket.escrow_id, ticket.request, ticket.developer_nonce, opened.host_nonce)
    asked = read_body(opened.body)
    prompts = await _render(scorer, case.model, asked)
    if len(prompts) != len(opened.answers):
        raise RuleError("opening_invalid", f"{len(opened.answers)} answers where {len(prompts)} are due")
    answers = tuple(
        Answer(prompt=prompt, tokens=tuple(part.tokens)) for prompt, part in zip(prompts, opened.answers, strict=True)
    )
    _check_possible(case.model, asked, answers)
    receipt = Receipt(
        chain_id=case.chain_id,
        escrow_id=ticket.escrow_id,
        host=case.host,
        request=ticket.request,
        body_hash=ticket.body_hash,
        developer_nonce=ticket.developer_nonce,
        host_nonce=opened.host_nonce,
        answers=answers,
        salt=opened.salt,
    )
    samplings = tuple(build_sampling(asked, answer_seed(seed, index)) for index in range(len(prompts)))
    return _Work(receipt=receipt, samplings=samplings)


def _check_possible(
    model: sidecar_pb.LoadedModel, asked: ChatRequest | CompletionRequest, answers: Sequence[Answer]
) -> None:
    """Refuse what the sidecar would not score: a host must not go unchecked by saying what the model cannot say, nor by
    answering what no honest host can.

    Raises: RuleError `opening_invalid`.
    """
    if any(int(token) >= model.vocabulary for token in asked.logit_bias or ()):
        raise RuleError("opening_invalid", "a bias is for no token of the vocabulary")
    for answer in answers:
        if len(answer.prompt) + len(answer.tokens) > model.max_context:
            raise RuleError("opening_invalid", f"{len(answer.prompt)} and {len(answer.tokens)} tokens are too many")
        if max(answer.tokens, default=0) >= model.vocabulary:
            raise RuleError("opening_invalid", f"token {max(answer.tokens)} is not in the vocabulary")


def read_body(body: bytes) -> ChatRequest | CompletionRequest:
    """What was asked; a chat has messages.  Raises: ApiError, also for what is no JSON object."""
    if "messages" in parse_object(body):
        return parse_request(body, ChatRequest)
    return parse_request(body, CompletionRequest)


async def _render(
    scorer: Scorer, model: sidecar_pb.LoadedModel, asked: ChatRequest | CompletionRequest
) -> list[tuple[int, ...]]:
    """The prompts.  Raises RuleError `opening_invalid` where the model's template refuses them; ClientError."""
    try:
        return await _read_prompts(scorer, model, asked)
    except ClientError as error:
        if error.fields.get("sidecar_code") not in UNANSWERABLE:
            raise
        raise RuleError("opening_invalid", f"no prompt comes of it: {error.detail}") from error


async def _read_prompts(
    scorer: Scorer, model: sidecar_pb.LoadedModel, asked: ChatRequest | CompletionRequest
) -> list[tuple[int, ...]]:
    """The prompt of each answer, in order."""
    n = asked.n or 1
    if isinstance(asked, ChatRequest):
        return [await read_chat(scorer, model, asked)] * n
    prompts = [await read_prompt(scorer, model, prompt, "prompt") for prompt in asked.prompts]
    return [prompt for prompt in prompts for _ in range(n)]


def _check_tree(sample: pb.Sample, opened: pb.OpenedSample, receipts: Sequence[Receipt]) -> tuple[bool, ...]:
    batch = Batch(serial=sample.serial, root=sample.root, count=sample.count)
    leaves = [(receipt.request, compute_receipt_hash(receipt)) for receipt in receipts]
    multiproof = Multiproof(siblings=tuple(opened.siblings), splits=tuple(opened.splits))
    return check_receipts(Sample(batch=batch, positions=tuple(sample.positions)), leaves, multiproof)


async def _score(scorer: Scorer, case: Case, work: _Work) -> Finding:
    """The distance of all answers of a request together; one without tokens is no work."""
    gaps: list[int] = []
    for answer, sampling in zip(work.receipt.answers, work.samplings, strict=True):
        if answer.tokens:
            request = sidecar_pb.ScoreRequest(
                content_hash=case.model.content_hash,
                prompt=answer.prompt,
                answer=answer.tokens,
                sampling=sampling,
            )
            scores = await scorer.score(request)
            gaps += [scale_gap(score.gap_milli, sampling.temperature_milli) for score in scores]
    return Finding(tokens=len(gaps), distance_ppm=compute_distance_ppm(gaps))
