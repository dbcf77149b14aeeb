"""What goes between sidecar and worker."""

import json

from hypothesis import given
from hypothesis import strategies as st

from rules.types import Proof
from sidecar.jobs import Batch, Evaluation, Work
from sidecar.tasks import (
    MAX_LINE,
    EvaluateTask,
    Hello,
    SearchTask,
    decode_evaluations,
    decode_hello,
    decode_hits,
    decode_task,
    encode_evaluations,
    encode_hello,
    encode_hits,
    encode_task,
)

U64 = st.integers(0, 2**64 - 1)
WORKS = st.builds(Work, sprint_seed=st.binary(min_size=32, max_size=32), profile=st.text(max_size=8), cos2_q64=U64)
HOSTS = st.binary(min_size=20, max_size=20)
TAGS = st.binary(min_size=8, max_size=8)
TASKS = st.one_of(
    st.builds(SearchTask, work=WORKS, host=HOSTS, batch=st.builds(Batch, first=U64, count=st.integers(1, 99))),
    st.builds(EvaluateTask, work=WORKS, host=HOSTS, nonces=st.lists(U64, max_size=5).map(tuple)),
)


@given(TASKS)
def test_task__there_and_back__is_the_same_on_one_line(task: SearchTask | EvaluateTask) -> None:
    line = encode_task(task)
    assert line.count(b"\n") == 1
    assert decode_task(line) == task


@given(st.lists(st.builds(Proof, nonce=U64, tag=TAGS), max_size=5))
def test_hits__there_and_back__are_the_same(hits: list[Proof]) -> None:
    assert decode_hits(json.loads(encode_hits(hits, 1.5))) == tuple(hits)


@given(
    st.lists(
        st.builds(Evaluation, tag=TAGS, tail=st.binary(min_size=24, max_size=24), accepted=st.booleans()), max_size=5
    )
)
def test_evaluations__there_and_back__are_the_same(evaluations: list[Evaluation]) -> None:
    assert decode_evaluations(json.loads(encode_evaluations(evaluations, 1.5))) == tuple(evaluations)


def test_hello__there_and_back__is_the_same() -> None:
    hello = Hello(
        device="cuda:0", model="H", memory_bytes=1, backend="int8", refused=(("fp32", "why"),), profiles=("tiny",)
    )
    assert decode_hello(encode_hello(hello)) == hello


def test_lines__the_largest_batches__fit() -> None:
    hit = Proof(nonce=2**63 - 1, tag=b"\xff" * 8)
    row = Evaluation(tag=b"\xff" * 8, tail=b"\xff" * 24, accepted=False)
    assert len(encode_hits([hit] * (1 << 16), 1.5)) < MAX_LINE
    assert len(encode_evaluations([row] * 10_000, 1.5)) < MAX_LINE
