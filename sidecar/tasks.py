"""What a worker process is told and what it answers: one JSON object a line, bytes as lower-case hex."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rules.types import Proof
from sidecar.jobs import Batch, Evaluation, Work

MAX_LINE = 1 << 24
"""Bytes of the longest line: a batch of 2^16 nonces of which every one is a hit stays below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTask:
    """Find the hits among a batch's nonces, for a host (20 bytes)."""

    work: Work
    host: bytes
    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateTask:
    """Recompute these nonces of a host (20 bytes)."""

    work: Work
    host: bytes
    nonces: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A worker's first line: its device, the backend that passed the self-test ("" for none), and those refused.

    `refused` pairs a backend with the reason; `profiles` are those it computes, none without a backend.
    """

    device: str
    model: str
    memory_bytes: int
    backend: str
    refused: tuple[tuple[str, str], ...]
    profiles: tuple[str, ...]


def encode_task(task: SearchTask | EvaluateTask) -> bytes:
    """The line that asks for a task."""
    asked: dict[str, Any] = {
        "sprint_seed": task.work.sprint_seed.hex(),
        "profile": task.work.profile,
        "cos2_q64": task.work.cos2_q64,
        "host": task.host.hex(),
    }
    if isinstance(task, SearchTask):
        return _line(asked | {"first": task.batch.first, "count": task.batch.count})
    return _line(asked | {"nonces": task.nonces})


def decode_task(line: bytes) -> SearchTask | EvaluateTask:
    """The task of a line."""
    asked = json.loads(line)
    seed = bytes.fromhex(asked["sprint_seed"])
    work = Work(sprint_seed=seed, profile=asked["profile"], cos2_q64=asked["cos2_q64"])
    host = bytes.fromhex(asked["host"])
    if "nonces" in asked:
        return EvaluateTask(work=work, host=host, nonces=tuple(asked["nonces"]))
    return SearchTask(work=work, host=host, batch=Batch(first=asked["first"], count=asked["count"]))


def encode_hits(hits: Sequence[Proof], elapsed_ms: float) -> bytes:
    """The answer to a SearchTask; `elapsed_ms` is time at work, without drawing weights."""
    return _line({"elapsed_ms": elapsed_ms, "hits": [[hit.nonce, hit.tag.hex()] for hit in hits]})


def encode_evaluations(evaluations: Sequence[Evaluation], elapsed_ms: float) -> bytes:
    """The answer to an EvaluateTask, in the order of its nonces."""
    rows = [[e.tag.hex(), e.tail.hex(), e.accepted] for e in evaluations]
    return _line({"elapsed_ms": elapsed_ms, "evaluations": rows})


def decode_hits(answer: Mapping[str, Any]) -> tuple[Proof, ...]:
    """The hits in a parsed answer."""
    return tuple(Proof(nonce=nonce, tag=bytes.fromhex(tag)) for nonce, tag in answer["hits"])


def decode_evaluations(answer: Mapping[str, Any]) -> tuple[Evaluation, ...]:
    """The evaluations in a parsed answer."""
    return tuple(
        Evaluation(tag=bytes.fromhex(tag), tail=bytes.fromhex(tail), accepted=accepted)
        for tag, tail, accepted in answer["evaluations"]
    )


def encode_hello(hello: Hello) -> bytes:
    """A worker's first line."""
    return _line({name: getattr(hello, name) for name in Hello.__slots__})


def decode_hello(line: bytes) -> Hello:
    """The Hello of a line."""
    said = json.loads(line)
    refused = tuple((backend, reason) for backend, reason in said.pop("refused"))
    return Hello(refused=refused, profiles=tuple(said.pop("profiles")), **said)


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
