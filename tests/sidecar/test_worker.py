"""The worker's computation, against the oracle."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from pow_kernels.oracle import Oracle
from pow_kernels.spec import TINY
from sidecar.jobs import Batch, Work
from sidecar.tasks import EvaluateTask, SearchTask, decode_evaluations, decode_hello, decode_hits
from sidecar.worker import Bench, examine

SEED = b"s" * 32
HOSTS = (b"h" * 20, b"i" * 20)
WORK = Work(sprint_seed=SEED, profile="tiny", cos2_q64=TINY.cos2_q64)


@pytest.fixture(scope="module")
def bench() -> Bench:
    _, backends = examine("cpu", ["tiny"])
    return Bench("cpu", 1, backends)


@pytest.mark.parametrize("host", HOSTS)
def test_answer__a_search__finds_the_oracles_hits(bench: Bench, host: bytes) -> None:
    answer = json.loads(bench.answer(SearchTask(work=WORK, host=host, batch=Batch(first=3, count=40))))
    wanted = [row for row in Oracle(TINY, SEED, host).evaluate(list(range(3, 43))) if row.accepted]
    assert [(hit.nonce, hit.tag) for hit in decode_hits(answer)] == [(r.nonce, r.digest[:8]) for r in wanted]
    assert answer["elapsed_ms"] > 0


@pytest.mark.parametrize("host", HOSTS)
def test_answer__nonces_of_any_host__are_the_oracles(bench: Bench, host: bytes) -> None:
    nonces = (0, 7, 2**63 + 5, 2**64 - 1)
    answer = json.loads(bench.answer(EvaluateTask(work=WORK, host=host, nonces=nonces)))
    wanted = Oracle(TINY, SEED, host).evaluate(list(nonces))
    found = [(e.tag + e.tail, e.accepted) for e in decode_evaluations(answer)]
    assert found == [(row.digest, row.accepted) for row in wanted]


def test_answer__a_stricter_bound__decides_what_is_accepted(bench: Bench) -> None:
    strict = dataclasses.replace(WORK, cos2_q64=2**64 - 1)
    answer = json.loads(bench.answer(SearchTask(work=strict, host=HOSTS[0], batch=Batch(first=0, count=40))))
    assert decode_hits(answer) == ()


def test_examine__a_profile_and_a_device_that_are_not_there__are_refused_by_name() -> None:
    hello, backends = examine("cpu", ["tiny", "huge"])
    assert (hello.profiles, list(backends)) == (("tiny",), ["tiny"])
    assert any("huge" in name for name, _ in hello.refused)
    hello, backends = examine("cuda:77", ["tiny"])
    assert (hello.backend, hello.profiles, backends) == ("", (), {})
    assert hello.refused


def test_worker__its_input_closes__it_says_hello_and_leaves() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sidecar.worker", "cpu", "1", "tiny"],
        env=os.environ | {"GNK_SIDECAR_PID": str(os.getpid())},
        input=b"",
        capture_output=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    hello = decode_hello(done.stdout)
    assert (hello.device, hello.profiles) == ("cpu", ("tiny",))
    assert hello.memory_bytes > 2**28
    assert hello.model


def test_worker__its_parent_is_another_process__it_leaves_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sidecar.worker", "cpu"],
        env=os.environ | {"GNK_SIDECAR_PID": "1"},
        input=b"",
        capture_output=True,
        timeout=90,
    )
    assert b"the parent is gone" in done.stderr
    assert done.stdout == b""


def test_worker__asked_for_a_list_where_slices_may_be_seen__counts_every_slice() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sidecar.worker", "list"],
        env=os.environ | {"GNK_SIDECAR_PID": str(os.getpid()), "CUDA_VISIBLE_DEVICES": "MIG-a,MIG-b,MIG-c"},
        input=b"",
        capture_output=True,
        timeout=90,
    )
    assert done.stdout == b"cuda:0 cuda:1 cuda:2\n"
