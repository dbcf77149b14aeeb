"""Requests to a real sidecar: every field checked, every refusal coded."""

import contextlib
import random
import time
from itertools import pairwise
from typing import Any

import grpc
import pytest

from pow_kernels.oracle import Oracle
from pow_kernels.spec import TINY
from tests.sidecar.conftest import SidecarProcess, build_start, build_verify, build_work, now_ms
from wire.gonka.sidecar.v1 import sidecar_pb2 as pb
from wire.gonka.sidecar.v1.sidecar_pb2_grpc import SidecarStub

METHODS = ["Capabilities", "StartSprint", "Ack", "Verify", "Stop", "Status"]


def read_code(error: Any) -> str:
    """The code in a refusal, the same in its details and its trailing metadata, which also name a next step."""
    told = dict(error.trailing_metadata())
    assert error.details().startswith(told["error-code"])
    assert told["next-step"]
    return str(told["error-code"])


def refuse(sidecar: SidecarProcess, name: str, request: Any) -> tuple[grpc.StatusCode, str]:
    with grpc.insecure_channel(f"unix:{sidecar.socket}") as channel:
        answer = getattr(SidecarStub(channel), name)(request, timeout=10)
        with pytest.raises(grpc.RpcError) as refused:
            next(answer)
    return refused.value.code(), read_code(refused.value)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"job_id": ""}, "job_id_invalid", id="no name"),
        pytest.param({"job_id": "a" * 65}, "job_id_invalid", id="a long name"),
        pytest.param({"job_id": "Net/1"}, "job_id_invalid", id="a name with other characters"),
        pytest.param({"job_id": "a\n"}, "job_id_invalid", id="a name with a newline"),
        pytest.param({"work": build_work(sprint_seed=b"s" * 31)}, "job_seed_invalid", id="a short seed"),
        pytest.param({"work": build_work(profile="huge")}, "profile_unknown", id="an unknown profile"),
        pytest.param({"work": build_work(profile="")}, "profile_unknown", id="no profile"),
        pytest.param({"work": build_work(cos2_q64=0)}, "job_threshold_invalid", id="everything accepted"),
        pytest.param({"work": None}, "job_seed_invalid", id="no work"),
        pytest.param({"host": b"h" * 21}, "job_host_invalid", id="a long host"),
        pytest.param({"deadline_unix_ms": 1}, "job_deadline_passed", id="a deadline in the past"),
        pytest.param({"deadline_unix_ms": now_ms() * 1000}, "job_deadline_invalid", id="a deadline in microseconds"),
        pytest.param({"after_number": 1}, "proof_number_unknown", id="a number that was never given"),
    ],
)
def test_start_sprint__something_invalid__coded(sidecar: SidecarProcess, changes: dict[str, Any], code: str) -> None:
    assert refuse(sidecar, "StartSprint", build_start(**{"job_id": "invalid"} | changes))[1] == code
    assert "invalid" not in [job.job_id for job in sidecar.call("Status", pb.StatusRequest()).jobs]


def refuse_unary(sidecar: SidecarProcess, name: str, request: Any) -> str:
    with pytest.raises(grpc.RpcError) as refused:
        sidecar.call(name, request)
    return read_code(refused.value)


TAGGED = [pb.Proof(nonce=n, tag=b"t" * 8) for n in (3, 4)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"nonces": []}, "nonces_invalid", id="no nonces"),
        pytest.param({"nonces": [4, 3]}, "nonces_invalid", id="descending"),
        pytest.param({"nonces": [3, 3]}, "nonces_invalid", id="a nonce twice"),
        pytest.param({"nonces": range(10_001)}, "nonces_invalid", id="too many"),
        pytest.param({"tags": b"t" * 15}, "tags_invalid", id="a short tag"),
        pytest.param({"work": build_work(profile="huge")}, "profile_unknown", id="an unknown profile"),
        pytest.param({"host": b""}, "job_host_invalid", id="no host"),
        pytest.param({"deadline_unix_ms": 1}, "verification_late", id="a deadline in the past"),
    ],
)
def test_verify__something_invalid__coded(sidecar: SidecarProcess, changes: dict[str, Any], code: str) -> None:
    assert refuse_unary(sidecar, "Verify", build_verify(TAGGED, **changes)) == code


@pytest.mark.parametrize(
    ("name", "request_", "code"),
    [
        pytest.param("Stop", pb.StopRequest(job_id="nothing"), "job_unknown", id="stop what is not there"),
        pytest.param("Stop", pb.StopRequest(job_id="?"), "job_id_invalid", id="stop a job without a name"),
        pytest.param("Ack", pb.AckRequest(job_id="nothing", up_to_number=1), "job_unknown", id="ack likewise"),
    ],
)
def test_stop_and_ack__no_such_job__coded(sidecar: SidecarProcess, name: str, request_: Any, code: str) -> None:
    assert refuse_unary(sidecar, name, request_) == code


def test_verify__a_jobs_proofs__match_the_oracle_to_the_last_bit(sidecar: SidecarProcess) -> None:
    proofs = sorted(sidecar.read_proofs(build_start("verified"), 40), key=lambda p: p.nonce)[:40]
    sidecar.call("Stop", pb.StopRequest(job_id="verified"))
    rows = Oracle(TINY, b"s" * 32, b"h" * 20).evaluate([p.nonce for p in proofs])
    assert [(row.digest[:8], row.accepted) for row in rows] == [(p.tag, True) for p in proofs]
    answer = sidecar.call("Verify", build_verify(proofs))
    assert list(answer.mismatched) == []
    assert answer.digest_tails == b"".join(row.digest[8:] for row in rows)


def test_verify__made_up_tags_and_nonces_that_are_no_hits__are_named(sidecar: SidecarProcess) -> None:
    proofs = sidecar.read_proofs(build_start("lies"), 20)[:20]
    sidecar.call("Stop", pb.StopRequest(job_id="lies"))
    missed = next(n for n, _ in pairwise(sorted(p.nonce for p in proofs)) if n + 1 not in {p.nonce for p in proofs}) + 1
    row = Oracle(TINY, b"s" * 32, b"h" * 20).evaluate([missed])[0]
    assert not row.accepted
    proofs[3].tag = b"made up!"
    told = sorted([*proofs, pb.Proof(nonce=missed, tag=row.digest[:8])], key=lambda p: p.nonce)
    lies = [i for i, p in enumerate(told) if p.nonce in {proofs[3].nonce, missed}]
    assert list(sidecar.call("Verify", build_verify(told)).mismatched) == lies
    stopped = sidecar.call("Verify", build_verify(told, stop_after=1))
    assert (list(stopped.mismatched), stopped.digest_tails) == (lies[:1], b"")


def test_stop__in_the_middle_of_a_job__within_a_second_and_every_counted_proof_is_streamed(
    sidecar: SidecarProcess,
) -> None:
    sidecar.read_proofs(build_start("stopped"), 100)
    started = time.monotonic()
    answer = sidecar.call("Stop", pb.StopRequest(job_id="stopped"))
    assert time.monotonic() - started < 1
    proofs = sidecar.read_proofs(build_start("stopped"))
    assert [p.number for p in proofs] == list(range(1, answer.last_number + 1))
    assert answer.evaluated > answer.last_number >= 100
    assert len({p.nonce for p in proofs}) == len(proofs)


def test_start_sprint__the_deadline_passes__the_stream_ends_by_itself(sidecar: SidecarProcess) -> None:
    started = time.monotonic()
    proofs = sidecar.read_proofs(build_start("brief", seconds=1))
    assert 0.9 < time.monotonic() - started < 5
    (job,) = [job for job in sidecar.call("Status", pb.StatusRequest()).jobs if job.job_id == "brief"]
    assert (job.running, job.last_number) == (False, len(proofs))


def test_ack__proofs_are_forgotten__and_shown_so(sidecar: SidecarProcess) -> None:
    sidecar.read_proofs(build_start("acked"), 10)
    last = sidecar.call("Stop", pb.StopRequest(job_id="acked")).last_number
    sidecar.call("Ack", pb.AckRequest(job_id="acked", up_to_number=last - 2))
    assert [p.number for p in sidecar.read_proofs(build_start("acked"))] == [last - 1, last]


def test_capabilities__the_device_its_backend_and_the_profiles_asked_for(sidecar: SidecarProcess) -> None:
    answer = sidecar.call("Capabilities", pb.CapabilitiesRequest())
    assert list(answer.profiles) == ["tiny"]
    (device,) = answer.devices
    assert device.name == "cpu"
    assert device.backend in {"numba", "int8", "fp32"}
    assert device.memory_bytes > 0


def test_status__idle_for_a_while__device_time_is_not_spent(sidecar: SidecarProcess) -> None:
    before = sidecar.call("Status", pb.StatusRequest())
    time.sleep(0.3)
    after = sidecar.call("Status", pb.StatusRequest())
    spent = (after.proof_device_ms, after.verify_device_ms)
    assert spent == (before.proof_device_ms, before.verify_device_ms)
    assert after.device_up_ms - before.device_up_ms >= 300


@pytest.mark.parametrize("name", METHODS)
def test_every_call__garbage_truncated_and_oversized_requests__refused_and_the_sidecar_lives(
    sidecar: SidecarProcess, name: str
) -> None:
    rng = random.Random(7)
    whole = build_start("garbage").SerializeToString()
    blobs = [b"\xff" * 40, whole[:-3], *(rng.randbytes(rng.randrange(1, 80)) for _ in range(20)), b"\0" * (2 << 20)]
    with grpc.insecure_channel(f"unix:{sidecar.socket}") as channel:
        call = channel.unary_unary(f"/gonka.sidecar.v1.Sidecar/{name}")
        for blob in blobs:
            with contextlib.suppress(grpc.RpcError):
                call(blob, timeout=0.5 if name == "StartSprint" else 10)
        with pytest.raises(grpc.RpcError) as refused:
            call(b"\xff" * 40, timeout=10)
        assert read_code(refused.value) == "job_request_unreadable"
        with pytest.raises(grpc.RpcError) as refused:
            call(b"\0" * (2 << 20), timeout=10)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
    assert sidecar.call("Capabilities", pb.CapabilitiesRequest()).devices
