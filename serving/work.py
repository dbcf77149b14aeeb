"""The answers of one request, worked on side by side; what anybody is owed for them is a Permit's affair."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from chain_client.errors import ClientError
from serving.gate import Gate
from wire.gonka.sidecar.v1 import inference_pb2 as pb

UNBOUNDED: Final = 1 << 62
"""Tokens that nobody waits for."""
AGAIN_S: Final = 0.05
Deliver = Callable[[int, pb.GenerateChunk], Awaitable[None]]


class Engine(Protocol):
    """What generates answers.  Every method raises ClientError only."""

    def generate(self, request: pb.GenerateRequest) -> AsyncGenerator[pb.GenerateChunk, None]:
        """An answer as it comes."""
        ...

    async def allow(self, request_id: str, allowance_tokens: int) -> None:
        """Let a running answer go on to so many tokens of work in all."""
        ...


class Allowance(Protocol):
    """How far one answer may go."""

    @property
    def granted(self) -> int:
        """Tokens of prompt and answer together."""
        ...

    def note(self, work: int) -> None:
        """So many are done."""
        ...

    async def wait_beyond(self, granted: int) -> int:
        """Wait until more than that is granted.  Raises ApiError where it takes too long, or cannot be."""
        ...


class Permit(Protocol):
    """What an answer is worked on for."""

    def begin(self, key: str, *, prompt: int, most: int) -> Allowance:
        """An answer begins: so long a prompt, and so much work at most."""
        ...

    def end(self, key: str) -> None:
        """An answer has ended, one way or another."""
        ...


class Unlimited:
    """The permit of who owns the machine."""

    granted = UNBOUNDED

    def begin(self, key: str, *, prompt: int, most: int) -> Allowance:  # noqa: ARG002 - nothing is counted
        """As much as it likes."""
        return self

    def end(self, key: str) -> None:
        """Nothing is owed."""

    def note(self, work: int) -> None:
        """Nothing is counted."""

    async def wait_beyond(self, granted: int) -> int:  # noqa: ARG002 - there is nothing beyond
        """Never."""
        never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        return await never


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One answer wanted; `request` lacks its allowance, and its request_id is unique."""

    index: int
    request: pb.GenerateRequest

    @property
    def most(self) -> int:
        """The most work that it can be."""
        return len(self.request.prompt) + self.request.max_tokens


async def work_on(engine: Engine, gate: Gate, permit: Permit, tasks: Sequence[Task], deliver: Deliver) -> None:
    """Answer all tasks, each when its turn comes; `deliver` gets every chunk, one at a time.

    Whatever goes wrong with one ends all, and so does being cancelled.  Raises ApiError, ClientError, and what
    `deliver` raises.
    """
    turn = asyncio.Lock()

    async def deliver_in_turn(index: int, chunk: pb.GenerateChunk) -> None:
        async with turn:
            await deliver(index, chunk)

    try:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(_answer(engine, gate, permit, task, deliver_in_turn))
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Runs `work` while the block does, and cancels it with the block's end; what goes wrong in one ends both."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            yield
            task.cancel()
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors


async def _answer(engine: Engine, gate: Gate, permit: Permit, task: Task, deliver: Deliver) -> None:
    key = task.request.request_id
    async with gate.slot():
        allowance = permit.begin(key, prompt=len(task.request.prompt), most=task.most)
        try:
            await _generate(engine, task, allowance, deliver)
        finally:
            permit.end(key)


async def _generate(engine: Engine, task: Task, allowance: Allowance, deliver: Deliver) -> None:
    granted = allowance.granted or await allowance.wait_beyond(0)
    request = pb.GenerateRequest()
    request.CopyFrom(task.request)
    request.allowance_tokens = granted
    written = 0
    growing = _pass_on(engine, request.request_id, allowance, granted)
    async with beside(growing), aclosing(engine.generate(request)) as chunks:
        async for chunk in chunks:
            written += len(chunk.tokens)
            allowance.note(chunk.prompt_done + written)
            await deliver(task.index, chunk)


async def _pass_on(engine: Engine, key: str, allowance: Allowance, granted: int) -> None:
    """Tell the engine whenever more is granted."""
    while True:
        granted = await allowance.wait_beyond(granted)
        await _allow(engine, key, granted)


async def _allow(engine: Engine, key: str, granted: int) -> None:
    """Again where it does not know the answer yet, or no more: the caller is cancelled with the answer's end."""
    while True:
        try:
            await engine.allow(key, granted)
        except ClientError as error:
            if error.fields.get("sidecar_code") != "request_unknown":
                raise
            await asyncio.sleep(AGAIN_S)
        else:
            return


def _first(errors: BaseExceptionGroup) -> BaseException:
    """What went wrong first, out of groups within groups."""
    found = errors.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
