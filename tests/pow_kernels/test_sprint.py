from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch

from pow_kernels import sprint
from pow_kernels.acceptance import Judgement
from pow_kernels.backends import BackendError
from pow_kernels.oracle import Oracle
from pow_kernels.spec import DEV, TINY, WHITEPAPER, Profile, get_profile
from pow_kernels.sprint import Evaluation, SprintFunction
from tests.pow_kernels.conftest import CPU_BACKENDS
from tests.pow_kernels.wide_oracle import WideOracle

SEED, HOST = bytes(range(32)), bytes(range(20))


def open_tiny(backend: str = "int8", threads: int = 1) -> SprintFunction:
    return SprintFunction.open(sprint_seed=SEED, profile=TINY, host=HOST, backend=backend, threads=threads)


def rows_of(evaluation: Evaluation) -> list[dict[str, Any]]:
    columns = (evaluation.nonce, evaluation.tag, evaluation.dot, evaluation.norm2, evaluation.accepted)
    names = ("nonce", "tag", "dot", "norm2", "accepted")
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return [{**row, "tag": row["tag"].hex()} for row in rows]


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("threads", [1, 2])
def test_evaluate__golden_case__gives_every_value_of_it(case: dict[str, Any], backend: str, threads: int) -> None:
    function = SprintFunction.open(
        sprint_seed=bytes.fromhex(case["sprint_seed"]),
        profile=get_profile(case["profile"]),
        host=bytes.fromhex(case["host"]),
        backend=backend,
        threads=threads,
    )
    assert rows_of(function.evaluate([row["nonce"] for row in case["nonces"]])) == case["nonces"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_evaluate__large_golden_case__gives_every_value_of_it(large_case: dict[str, Any], backend: str) -> None:
    """Minutes, and 10 GB of memory."""
    function = SprintFunction.open(
        sprint_seed=bytes.fromhex(large_case["sprint_seed"]),
        profile=get_profile(large_case["profile"]),
        host=bytes.fromhex(large_case["host"]),
        backend=backend,
        threads=2,
    )
    assert rows_of(function.evaluate([row["nonce"] for row in large_case["nonces"]])) == large_case["nonces"]


@pytest.fixture(scope="module")
def last_rows() -> list[dict[str, Any]]:
    """The last 700 nonces, evaluated at once on one thread."""
    return rows_of(open_tiny().evaluate(range(2**64 - 700, 2**64)))


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 3, 16, 64, 700])
def test_evaluate__any_batch_size_and_threads__gives_the_same_bits(
    last_rows: list[dict[str, Any]], backend: str, threads: int, batch: int
) -> None:
    function = open_tiny(backend, threads)
    taken = range(2**64 - 700, 2**64)[: 2 * batch + 1]
    parts = [function.evaluate(taken[i : i + batch]) for i in range(0, len(taken), batch)]
    assert [row for part in parts for row in rows_of(part)] == last_rows[: len(taken)]


def test_evaluate__nonces_in_any_order__keep_it_and_have_their_digests_tail() -> None:
    nonces = [9, 2**64 - 1, 9, 0, 2**63]
    evaluation = open_tiny().evaluate(nonces)
    expected = Oracle(TINY, SEED, HOST).evaluate(nonces)
    assert evaluation.nonce == tuple(nonces)
    assert [tag + tail for tag, tail in zip(evaluation.tag, evaluation.tail, strict=True)] == [
        result.digest for result in expected
    ]


@pytest.mark.parametrize("nonces", [[], [-1], [0, 2**64]])
def test_evaluate__nonces_that_are_none__are_refused(nonces: list[int]) -> None:
    with pytest.raises(ValueError, match="nonce"):
        open_tiny().evaluate(nonces)


@pytest.mark.parametrize("first", [0, 1000, 2**63 - 250, 2**64 - 500])
def test_search__any_range__finds_the_hits_that_evaluate_finds(first: int) -> None:
    function = open_tiny(threads=2)
    everything = rows_of(function.evaluate(range(first, first + 500)))
    found = rows_of(function.search(first, 500))
    assert found == [row for row in everything if row["accepted"]]
    assert 10 < len(found) < 70


@pytest.mark.parametrize(("first", "count"), [(-1, 5), (0, 0), (2**64 - 4, 5), (2**64, 1)])
def test_search__range_outside_u64_or_empty__is_refused(first: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"\[0, 2\^64\)"):
        open_tiny().search(first, count)


def test_with_host__another_host__evaluates_its_own_inputs() -> None:
    other = bytes(19) + b"\x01"
    evaluation = open_tiny().with_host(other).evaluate([0, 1])
    assert [tag.hex() for tag in evaluation.tag] == [
        r.digest[:8].hex() for r in Oracle(TINY, SEED, other).evaluate([0, 1])
    ]


def test_open__another_threshold__changes_only_what_is_accepted() -> None:
    easy = replace(TINY, cos2_q64=1)
    function = SprintFunction.open(sprint_seed=SEED, profile=easy, host=HOST, backend="int8")
    usual, more = open_tiny().evaluate(range(50)), function.evaluate(range(50))
    assert usual.tag == more.tag
    assert sum(usual.accepted) < 15 < sum(more.accepted)


@pytest.mark.parametrize(("seed", "host"), [(bytes(31), HOST), (SEED, bytes(21))])
def test_open__seed_or_host_of_another_length__is_refused(seed: bytes, host: bytes) -> None:
    with pytest.raises(ValueError, match="a sprint seed has 32 bytes and a host 20"):
        SprintFunction.open(sprint_seed=seed, profile=TINY, host=host, backend="int8")


def test_open__unknown_backend__is_refused_with_the_known_ones() -> None:
    with pytest.raises(BackendError, match="there is no backend 'bf16' for cpu; those there are: numba, int8, fp32"):
        open_tiny("bf16")


class Doubtful:
    """An evaluator that finds another output than `inner` for the nonces in `wrong`."""

    def __init__(self, inner: Any, wrong: set[int]) -> None:
        self.inner, self.wrong, self.asked = inner, wrong, list[int]()
        self.backend = "doubtful"

    def judge(self, nonces_B: torch.Tensor) -> Judgement:
        judgement: Judgement = self.inner.judge(nonces_B)
        self.asked += nonces_B.tolist()
        is_wrong = torch.tensor([nonce in self.wrong for nonce in nonces_B.tolist()])
        return replace(judgement, digest=torch.where(is_wrong[:, None], judgement.digest ^ 1, judgement.digest))


@pytest.fixture
def rare() -> SprintFunction:
    """A profile whose hits are rare enough for every one to be checked again."""
    profile = replace(TINY, one_in=sprint.RARE + 1)
    return SprintFunction.open(sprint_seed=SEED, profile=profile, host=HOST, backend="int8")


def test_search__second_backend_contradicts_a_rare_hit__stops_and_names_both(rare: SprintFunction) -> None:
    hits = rare.search(0, 100).nonce
    rare._second = Doubtful(rare._second, {hits[1]})  # type: ignore[assignment]
    with pytest.raises(BackendError, match=rf"int8 and doubtful disagree about the nonces \[{hits[1]}\]"):
        rare.search(0, 100)


def test_search__rare_hits__are_all_checked_again(rare: SprintFunction) -> None:
    doubtful = Doubtful(rare._second, set())
    rare._second = doubtful  # type: ignore[assignment]
    assert list(rare.search(0, 100).nonce) == doubtful.asked


def test_search__common_hits__those_that_the_drawn_bytes_pick_are_checked_again() -> None:
    function = open_tiny()
    doubtful = Doubtful(function._second, set())
    asked: list[int] = []

    def draw_bytes(count: int) -> bytes:
        asked.append(count)
        return bytes(n % 32 for n in range(count))

    drawing = SprintFunction(function._first, doubtful, function._pool, 1, draw_bytes)  # type: ignore[arg-type]
    found = drawing.search(0, 4000)
    assert asked == [len(found.nonce)]
    assert doubtful.asked == list(found.nonce[::16])


def test_search__common_hits__are_checked_again_by_chance_about_one_in_sixteen() -> None:
    function = open_tiny()
    function._second = doubtful = Doubtful(function._second, set())  # type: ignore[assignment]
    found = len(function.search(0, 4000).nonce)
    first = list(doubtful.asked)
    function.search(0, 4000)
    assert first != doubtful.asked[len(first) :]
    assert 0 < len(doubtful.asked) < found / 2


def test_with_host__another_host__draws_by_the_same_bytes() -> None:
    function = open_tiny()
    doubtful = SprintFunction(function._first, function._second, function._pool, 1, bytes).with_host(bytes(20))
    doubtful._second = second = Doubtful(doubtful._second, set())  # type: ignore[assignment]
    assert list(doubtful.search(0, 200).nonce) == second.asked


class Cramped:
    """An evaluator whose device holds `room` nonces at a time."""

    def __init__(self, inner: Any, room: int, error: Exception | None = None) -> None:
        self.inner, self.room, self.done = inner, room, list[int]()
        self.error = error or torch.OutOfMemoryError("CUDA out of memory.")
        self.backend = "cramped"
        self.keys, self.target_V = inner.keys, inner.target_V

    def judge(self, nonces_B: torch.Tensor) -> Judgement:
        if len(nonces_B) > self.room:
            raise self.error
        self.done.append(len(nonces_B))
        judgement: Judgement = self.inner.judge(nonces_B)
        return judgement


@pytest.mark.parametrize("room", [1, 2, 7, 60])
def test_evaluate__memory_for_fewer_nonces__halves_the_batch_and_changes_no_bit(room: int) -> None:
    function, cramped = open_tiny(), open_tiny()
    evaluator = Cramped(cramped._first, room)
    cramped._first = evaluator  # type: ignore[assignment]
    assert rows_of(cramped.evaluate(range(100))) == rows_of(function.evaluate(range(100)))
    assert max(evaluator.done) <= room


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("Triton Error [CUDA]: out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
        MemoryError(),
    ],
    ids=["a library", "a kernel", "a CPU", "Python"],
)
def test_evaluate__any_allocator_refuses__halves_the_batch(error: Exception) -> None:
    function = open_tiny()
    function._first = Cramped(function._first, 7, error)  # type: ignore[assignment]
    assert rows_of(function.evaluate(range(20))) == rows_of(open_tiny().evaluate(range(20)))


def test_evaluate__any_other_failure__is_not_taken_for_want_of_memory() -> None:
    function = open_tiny()
    function._first = Cramped(function._first, 7, RuntimeError("an illegal memory access"))  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="an illegal memory access"):
        function.evaluate(range(20))


def test_search__no_memory_to_check_all_hits_at_once__checks_them_in_halves(rare: SprintFunction) -> None:
    rare._second = cramped = Cramped(rare._second, 1)  # type: ignore[assignment]
    found = rare.search(0, 100).nonce
    assert cramped.done == [1] * len(found)


ALLOCATOR_THAT_REFUSES = """
import resource
from pow_kernels.spec import DEV
from pow_kernels.sprint import SprintFunction

function = SprintFunction.open(sprint_seed=bytes(32), profile=DEV, host=bytes(20), backend="fp32")
expected = function.evaluate(range(256))
sizes = []
judge = type(function.evaluator).judge

def count(evaluator, nonces):
    sizes.append(len(nonces))
    return judge(evaluator, nonces)

type(function.evaluator).judge = count
pages = int(open("/proc/self/statm").read().split()[0])
for spare in (1 << 23, 1 << 22, 1 << 21):
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + spare, resource.RLIM_INFINITY))
    got = function.evaluate(range(256))
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert got == expected
print(max(sizes), min(sizes))
"""


def test_evaluate__allocator_that_refuses_for_real__halves_the_batch_and_changes_no_bit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALLOCATOR_THAT_REFUSES], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    largest, smallest = map(int, done.stdout.split())
    assert largest == 256
    assert smallest < 256


def test_evaluate__memory_for_no_nonce__is_refused() -> None:
    function = open_tiny()
    function._first = Cramped(function._first, 0)  # type: ignore[assignment]
    with pytest.raises(BackendError, match=r"not enough memory for one nonce: it needs 0\.00 GB on cpu, which has \d"):
        function.evaluate(range(3))


def rows_of_oracle(profile: Profile, nonces: range) -> list[dict[str, Any]]:
    return [
        {"nonce": r.nonce, "tag": r.digest[:8].hex(), "dot": r.dot, "norm2": r.norm2, "accepted": r.accepted}
        for r in WideOracle(profile, SEED, HOST).evaluate(nonces)
    ]


@pytest.mark.slow
def test_evaluate__ten_thousand_nonces_of_dev__are_the_same_by_every_backend_and_the_oracle() -> None:
    """Minutes."""
    functions = [
        SprintFunction.open(sprint_seed=SEED, profile=DEV, host=HOST, backend=backend, threads=2)
        for backend in CPU_BACKENDS
    ]
    for first in range(0, 10_000, 500):
        nonces = range(first, first + 500)
        expected = rows_of_oracle(DEV, nonces)
        for function in functions:
            assert rows_of(function.evaluate(nonces)) == expected


@pytest.mark.slow
def test_evaluate__64_nonces_of_whitepaper__are_the_same_by_every_backend_and_the_oracle() -> None:
    """Minutes, and 10 GB of memory."""
    expected = rows_of_oracle(WHITEPAPER, range(64))
    for backend in CPU_BACKENDS:
        function = SprintFunction.open(sprint_seed=SEED, profile=WHITEPAPER, host=HOST, backend=backend, threads=2)
        assert rows_of(function.evaluate(range(64))) == expected


@pytest.mark.slow
@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 3, 16, 64, 1024])
def test_evaluate__256_nonces_of_dev_in_any_batches__are_those_of_one_thread(
    dev_rows: list[dict[str, Any]], backend: str, threads: int, batch: int
) -> None:
    function = SprintFunction.open(sprint_seed=SEED, profile=DEV, host=HOST, backend=backend, threads=threads)
    nonces = range(1024)[: max(256, batch)]
    parts = [function.evaluate(nonces[i : i + batch]) for i in range(0, len(nonces), batch)]
    assert [row for part in parts for row in rows_of(part)] == dev_rows[: len(nonces)]


@pytest.fixture(scope="module")
def dev_rows() -> list[dict[str, Any]]:
    """1024 nonces of `dev` by fp32 on one thread."""
    return rows_of(SprintFunction.open(sprint_seed=SEED, profile=DEV, host=HOST, backend="fp32").evaluate(range(1024)))
