"""Jobs: numbering, nonce ranges, verification outcomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.types import Proof
from sidecar.jobs import (
    Evaluation,
    Outcome,
    SprintJob,
    Work,
    acknowledge,
    build_batch,
    compute_outcome,
    get_offset,
    is_open,
    record,
)

JOB = SprintJob(
    job_id="net-1",
    work=Work(sprint_seed=b"s" * 32, profile="tiny", cos2_q64=1),
    host=b"h" * 20,
    deadline_ms=1000,
)


def find(nonce: int) -> Proof:
    return Proof(nonce=nonce, tag=nonce.to_bytes(8))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(0, 511)), max_size=40))
def test_record__batches_of_any_devices_in_any_order__nonces_distinct_and_numbers_consecutive(
    turns: list[tuple[int, int, int]],
) -> None:
    job, proofs, evaluated = JOB, [], 0
    for device, count, mask in turns:
        batch = build_batch(device, get_offset(job, device), count)
        hits = [find(batch.first + i) for i in range(count) if mask >> i & 1]
        job, numbered = record(job, batch, hits)
        proofs += numbered
        evaluated += count
    assert [p.number for p in proofs] == list(range(1, len(proofs) + 1))
    assert len({p.proof.nonce for p in proofs}) == len(proofs)
    assert (job.last_number, job.evaluated) == (len(proofs), evaluated)
    assert sum(job.offsets) == evaluated


def test_build_batch__device_3__index_in_the_top_16_bits() -> None:
    assert build_batch(3, 5, 2).first == 0x0003_0000_0000_0005


@pytest.mark.parametrize(
    ("device", "offset", "count", "what"),
    [
        (0, 2**48 - 4, 5, "overlaps the next device's"),
        (3, 2**48, 1, "begins in the next device's"),
        (2**15, 0, 1, "past the last device"),
        (0, 0, 0, "none"),
        (1, -1, 2, "overlaps the device's before"),
    ],
)
def test_build_batch__nonces_of_another_device__are_refused(device: int, offset: int, count: int, what: str) -> None:
    with pytest.raises(AssertionError, match=f"are not all of device {device}"):
        build_batch(device, offset, count)
    assert build_batch(2**15 - 1, 2**48 - 5, 5).first + 5 == 2**63, what


def test_record__hits_out_of_order__numbered_by_nonce() -> None:
    _, proofs = record(JOB, build_batch(0, 0, 8), [find(6), find(2)])
    assert [(p.number, p.proof.nonce) for p in proofs] == [(1, 2), (2, 6)]


def test_acknowledge__an_older_number__changes_nothing() -> None:
    job = acknowledge(JOB, 7)
    assert acknowledge(job, 3) == job


def test_is_open__until_the_deadline_or_a_stop() -> None:
    assert is_open(JOB, 999)
    assert not is_open(JOB, 1000)


GOOD = Evaluation(tag=b"t" * 8, tail=b"d" * 24, accepted=True)
REJECTED = Evaluation(tag=b"t" * 8, tail=b"d" * 24, accepted=False)
OTHER = Evaluation(tag=b"u" * 8, tail=b"e" * 24, accepted=True)


@pytest.mark.parametrize(
    ("results", "stop_after", "outcome"),
    [
        pytest.param([GOOD, GOOD], 3, ((), 48), id="all match"),
        pytest.param([GOOD, OTHER, GOOD], 3, ((1,), 72), id="another tag is a mismatch"),
        pytest.param([REJECTED, GOOD], 3, ((0,), 48), id="a true tag of no hit is a mismatch"),
        pytest.param([OTHER, OTHER, GOOD], 2, ((0, 1), 0), id="stops early, without tails"),
        pytest.param([OTHER, OTHER, None], 2, ((0, 1), 0), id="later nonces do not matter once it stops"),
        pytest.param([None, OTHER, OTHER], 2, None, id="an earlier nonce is still out"),
        pytest.param([GOOD, None], 0, None, id="not done"),
        pytest.param([OTHER, OTHER, OTHER], 0, ((0, 1, 2), 72), id="0 never stops"),
        pytest.param([OTHER, GOOD, OTHER], 2, ((0, 2), 0), id="stops at the last nonce"),
    ],
)
def test_compute_outcome(
    results: list[Evaluation | None], stop_after: int, outcome: tuple[tuple[int, ...], int] | None
) -> None:
    found = compute_outcome([b"t" * 8] * len(results), results, stop_after)
    if outcome is None:
        assert found is None
    else:
        assert isinstance(found, Outcome)
        assert (found.mismatched, len(found.digest_tails)) == outcome
