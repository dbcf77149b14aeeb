"""The stub against a real sidecar process, against one that was killed, and against things that are no sidecar."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from chain_client import sidecar_stub
from chain_client.effects import Leaf, RunJob, Work
from chain_client.errors import ClientError, PermanentError, TransientError
from chain_client.perform import ProofBatch
from chain_client.sidecar_stub import SidecarStub
from rules.sampling import TAIL_BYTES
from rules.types import Host
from tests.sidecar.conftest import TINY_COS2, SidecarProcess, now_ms

T = TypeVar("T")
HOST = Host(b"h" * 20)
WORK = Work(sprint_seed=b"s" * 32, profile="tiny", cos2_q64=TINY_COS2)
JOB = RunJob(epoch=1, job_id="stub-1", work=WORK, run_ms=60_000)


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SidecarProcess]:
    process = SidecarProcess(home=tmp_path_factory.mktemp("s")).start()
    yield process
    process.kill()


def ask(path: Path, question: Callable[[SidecarStub], Awaitable[T]]) -> T:
    async def connected() -> T:
        async with SidecarStub.open(f"unix:{path}", now_ms) as stub:
            return await question(stub)

    return asyncio.run(connected())


async def read(stub: SidecarStub, job: RunJob, after: int, count: int) -> list[ProofBatch]:
    batches: list[ProofBatch] = []
    async for batch in stub.run_job(job, HOST, after_number=after, deadline_ms=now_ms() + 60_000):
        batches.append(batch)
        if batch.ended or sum(len(b.proofs) for b in batches) >= count:
            break
    return batches


def test_a_job_is_run_acknowledged_taken_up_verified_and_stopped(sidecar: SidecarProcess) -> None:
    async def story(stub: SidecarStub) -> None:
        first = await read(stub, JOB, 0, 5)
        proofs = [proof for batch in first for proof in batch.proofs]
        last = first[-1].last_number
        assert last == len(proofs) >= 5
        await stub.ack(JOB.job_id, last)

        later = await read(stub, JOB, last, 1)
        assert later[-1].last_number > last
        assert not {p.nonce for p in proofs} & {p.nonce for batch in later for p in batch.proofs}

        leaves = tuple(sorted((Leaf(claimant=HOST, nonce=p.nonce, tag=p.tag) for p in proofs), key=lambda x: x.nonce))
        found = await stub.verify(WORK, leaves, stop_after=3, deadline_ms=now_ms() + 20_000)
        assert found.mismatched == ()
        assert [len(tail) for tail in found.tails] == [TAIL_BYTES] * len(leaves)

        lies = tuple(replace(leaf, tag=bytes(8)) for leaf in leaves)
        found = await stub.verify(WORK, lies, stop_after=3, deadline_ms=now_ms() + 20_000)
        assert (found.mismatched, found.tails) == ((0, 1, 2), ())

        await stub.stop(JOB.job_id)
        assert (await read(stub, JOB, later[-1].last_number, 10**6))[-1].ended

    ask(sidecar.socket, story)


def test_stop__job_that_is_not_known__is_no_error(sidecar: SidecarProcess) -> None:
    ask(sidecar.socket, lambda stub: stub.stop("never-heard-of"))


def test_capabilities_and_status__are_answered(sidecar: SidecarProcess) -> None:
    assert list(ask(sidecar.socket, lambda stub: stub.capabilities()).profiles) == ["tiny"]
    assert ask(sidecar.socket, lambda stub: stub.status()).device_up_ms > 0


REFUSED = [
    (replace(JOB, job_id="stub-2", work=replace(WORK, profile="huge")), 0, "sidecar_refused", "an unknown profile"),
    (replace(JOB, job_id="stub-3"), 7, "sidecar_forgot", "a number that it never gave"),
    (replace(JOB, job_id="Not A Name"), 0, "sidecar_refused", "a name it does not take"),
]


@pytest.mark.parametrize(("job", "after", "code", "_why"), REFUSED, ids=[why for *_, why in REFUSED])
def test_run_job__something_it_refuses__is_permanent(
    sidecar: SidecarProcess, job: RunJob, after: int, code: str, _why: str
) -> None:
    with pytest.raises(PermanentError) as refused:
        ask(sidecar.socket, lambda stub: read(stub, job, after, 1))
    assert refused.value.code == code


CALLS: list[tuple[str, Callable[[SidecarStub], Awaitable[object]]]] = [
    ("run_job", lambda stub: read(stub, JOB, 0, 1)),
    ("ack", lambda stub: stub.ack("stub-1", 1)),
    ("stop", lambda stub: stub.stop("stub-1")),
    (
        "verify",
        lambda stub: stub.verify(
            WORK, (Leaf(claimant=HOST, nonce=1, tag=bytes(8)),), stop_after=3, deadline_ms=now_ms() + 100
        ),
    ),
]


@pytest.mark.parametrize(("_name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_a_sidecar_that_is_not_there_is_transient(
    tmp_path: Path, _name: str, call: Callable[[SidecarStub], Awaitable[object]]
) -> None:
    with pytest.raises(TransientError) as refused:
        ask(tmp_path / "nobody.sock", call)
    assert refused.value.code == "sidecar_unreachable"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 no\r\n\r\n", bytes(range(256)) * 40, None])
@pytest.mark.parametrize(("_name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_something_that_is_no_sidecar_is_an_error_with_a_code_in_time(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes | None,
    _name: str,
    call: Callable[[SidecarStub], Awaitable[object]],
) -> None:
    monkeypatch.setattr(sidecar_stub, "SILENCE_S", 1.0)
    monkeypatch.setattr(sidecar_stub.SidecarStub._call, "__defaults__", (1.0,))
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "odd.sock"))
        listener.listen()
        threading.Thread(target=speak, args=(listener, answer), daemon=True).start()
        with pytest.raises(ClientError):
            ask(tmp_path / "odd.sock", call)


def speak(listener: socket.socket, answer: bytes | None) -> None:
    """Answers every connection with the same bytes and hangs up; None: says nothing at all."""
    kept = []
    while True:
        try:
            connection = listener.accept()[0]
            kept.append(connection)
            if answer is not None:
                connection.sendall(answer)
                connection.close()
        except OSError:
            for connection in kept:
                connection.close()
            return


async def read_until_killed(stub: SidecarStub, process: SidecarProcess, batches: list[ProofBatch]) -> None:
    """Reads on after the first proofs, with which the sidecar dies."""
    async for batch in stub.run_job(JOB, HOST, after_number=0, deadline_ms=now_ms() + 60_000):
        batches.append(batch)
        if batch.proofs:
            await asyncio.to_thread(process.kill)


def test_a_sidecar_that_is_killed_in_the_middle_of_a_job_goes_on_with_the_next_proof(tmp_path: Path) -> None:
    process = SidecarProcess(home=tmp_path / "s").start()

    async def story(stub: SidecarStub) -> None:
        batches: list[ProofBatch] = []
        with pytest.raises(TransientError):
            await read_until_killed(stub, process, batches)
        await asyncio.to_thread(process.start)
        last = batches[-1].last_number
        seen = {p.nonce for batch in batches for p in batch.proofs}
        later = await read(stub, JOB, last, 1)
        assert later[-1].last_number > last
        assert not seen & {p.nonce for batch in later for p in batch.proofs}

    try:
        ask(process.socket, story)
    finally:
        process.kill()
