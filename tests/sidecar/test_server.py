"""The sidecar as a process: kills, full disks, intruders, the service manager, the network."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from commands.ports import find_free_port
from sidecar.jobs import Batch, Work
from sidecar.tasks import SearchTask, decode_hits
from sidecar.worker import Bench, examine
from tests.sidecar.conftest import TINY_COS2, SidecarProcess, build_start, build_verify
from wire.gonka.sidecar.v1 import sidecar_pb2 as pb
from wire.gonka.sidecar.v1.sidecar_pb2_grpc import SidecarStub

NewSidecar = Callable[..., SidecarProcess]


def search(count: int) -> list[tuple[int, bytes]]:
    """The hits among the first `count` nonces of the tests' job, by the worker's code in this process."""
    _, backends = examine("cpu", ["tiny"])
    work = Work(sprint_seed=b"s" * 32, profile="tiny", cos2_q64=TINY_COS2)
    task = SearchTask(work=work, host=b"h" * 20, batch=Batch(first=0, count=count))
    return [(hit.nonce, hit.tag) for hit in decode_hits(json.loads(Bench("cpu", 2, backends).answer(task)))]


def test_kills__of_sidecar_and_worker_during_a_job__no_proof_lost_none_twice_no_nonce_left_out(
    new_sidecar: NewSidecar,
) -> None:
    sidecar = new_sidecar().start()
    kept: list[pb.Proof] = []
    request = build_start(seconds=600)
    for turn in range(4):
        request.after_number = len(kept)
        kept += sidecar.read_proofs(request, 200)
        if turn % 2:
            os.kill(sidecar.find_workers()[0], signal.SIGKILL)
            continue
        sidecar.call("Ack", pb.AckRequest(job_id="net-1", up_to_number=len(kept) - 5))
        sidecar.kill()
        sidecar.start()
    answer = sidecar.call("Stop", pb.StopRequest(job_id="net-1"))
    request.after_number = len(kept)
    kept += sidecar.read_proofs(request)
    assert [p.number for p in kept] == list(range(1, answer.last_number + 1))
    assert sorted((p.nonce, p.tag) for p in kept) == search(answer.evaluated)
    assert sidecar.stop() == 0


def test_start__after_a_kill__a_job_goes_on_without_its_client(new_sidecar: NewSidecar) -> None:
    sidecar = new_sidecar().start()
    sidecar.read_proofs(build_start(seconds=600), 10)
    sidecar.kill()
    sidecar.start()
    first = sidecar.call("Status", pb.StatusRequest()).jobs[0]
    assert first.running
    time.sleep(1)
    assert sidecar.call("Status", pb.StatusRequest()).jobs[0].last_number > first.last_number
    assert sidecar.stop() == 0


def test_disk_full__during_a_job__coded_and_it_goes_on_by_itself_when_there_is_room(new_sidecar: NewSidecar) -> None:
    sidecar = new_sidecar().start()
    proofs = sidecar.read_proofs(build_start(seconds=600), 50)
    limits = resource.prlimit(sidecar.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(sidecar.pid, resource.RLIMIT_FSIZE, (8192, limits[1]))
    with pytest.raises(grpc.RpcError) as refused:
        sidecar.read_proofs(build_start(seconds=600, after_number=len(proofs)))
    assert dict(refused.value.trailing_metadata())["error-code"] == "journal_write_failed"  # type: ignore[attr-defined]
    await_health(sidecar, health_pb2.HealthCheckResponse.NOT_SERVING)
    assert sidecar.call("Verify", build_verify(proofs[:5])).mismatched == []
    resource.prlimit(sidecar.pid, resource.RLIMIT_FSIZE, limits)
    await_health(sidecar, health_pb2.HealthCheckResponse.SERVING)
    request = build_start(seconds=600)
    sidecar.read_proofs(request, len(proofs) + 500)
    answer = sidecar.call("Stop", pb.StopRequest(job_id="net-1"))
    found = sidecar.read_proofs(request)
    assert [p.number for p in found] == list(range(1, answer.last_number + 1))
    assert sorted((p.nonce, p.tag) for p in found) == search(answer.evaluated)
    assert sidecar.stop() == 0


def await_health(sidecar: SidecarProcess, status: int) -> None:
    give_up = time.monotonic() + 20
    with grpc.insecure_channel(f"unix:{sidecar.socket}") as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        request = health_pb2.HealthCheckRequest(service="gonka.sidecar.v1.Sidecar")
        while check(request, timeout=5).status != status:
            assert time.monotonic() < give_up, sidecar.log
            time.sleep(0.1)


def test_start__a_second_one_on_the_same_directory_or_socket__refused(
    sidecar: SidecarProcess, new_sidecar: NewSidecar, tmp_path: Path
) -> None:
    for flags, code in [
        (("--socket", str(tmp_path / "s")), "state_dir_in_use"),
        (("--state-dir", str(tmp_path / "state"), "--socket", str(sidecar.socket)), "socket_in_use"),
    ]:
        home = sidecar.home if code == "state_dir_in_use" else tmp_path
        second = SidecarProcess(home=home, flags=flags).launch()
        assert second.process is not None
        assert second.process.wait(60) == 1
        assert f"error[{code}]" in second.log
    assert sidecar.call("Capabilities", pb.CapabilitiesRequest()).devices


def test_start__no_device_passes_its_self_test__refused_by_name(new_sidecar: NewSidecar) -> None:
    sidecar = new_sidecar("--devices", "cuda:77").launch()
    assert sidecar.process is not None
    assert sidecar.process.wait(60) == 1
    assert "error[no_device_usable]" in sidecar.log
    assert "backend_refused" in sidecar.log


def test_start__the_worker_is_killed_while_it_starts__another_is_started(new_sidecar: NewSidecar) -> None:
    sidecar = new_sidecar().launch()
    give_up = time.monotonic() + 60
    while not sidecar.find_workers() and time.monotonic() < give_up:
        time.sleep(0.01)
    os.kill(sidecar.find_workers()[0], signal.SIGKILL)
    while not sidecar.socket.exists() and time.monotonic() < give_up:
        assert sidecar.process is not None
        assert sidecar.process.poll() is None, sidecar.log
        time.sleep(0.05)
    assert sidecar.call("Capabilities", pb.CapabilitiesRequest()).devices[0].backend
    assert "worker_lost" in sidecar.log


def test_three_workers__on_the_same_cores__all_arrive(new_sidecar: NewSidecar) -> None:
    sidecar = new_sidecar("--devices", "cpu,cpu,cpu", "--threads", "0").start()
    proofs = sidecar.read_proofs(build_start("three", seconds=3))
    counts = [sum(p.nonce >> 48 == device for p in proofs) for device in range(3)]
    assert min(counts) > len(proofs) / 8, counts
    assert len({p.nonce for p in proofs}) == len(proofs)
    assert sidecar.stop() == 0


def test_idle__no_job__no_processor_time_is_used(new_sidecar: NewSidecar) -> None:
    sidecar = new_sidecar().start()
    sidecar.read_proofs(build_start("before", seconds=1))
    processes = [sidecar.pid, *sidecar.find_workers()]
    before = sum(read_cpu_s(pid) for pid in processes)
    time.sleep(2)
    assert sum(read_cpu_s(pid) for pid in processes) - before < 0.1
    assert sidecar.stop() == 0


def read_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


AUDIT = """
import pathlib, sys
pathlib.Path(%r).touch()
def hook(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        with open(%r, "a") as log:
            print(event, arguments, file=log)
sys.addaudithook(hook)
"""


def test_a_sidecar_at_work__opens_no_connection_and_holds_no_network_socket(
    new_sidecar: NewSidecar, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(AUDIT % (str(tmp_path / "loaded"), str(tmp_path / "events")))
    sidecar = new_sidecar(PYTHONPATH=str(tmp_path)).start()
    sidecar.call("Verify", build_verify(sidecar.read_proofs(build_start(seconds=600), 20)[:5]))
    networked = {line.split()[9] for name in ("tcp", "tcp6", "udp", "udp6") for line in read_table(name)}
    for pid in [sidecar.pid, *sidecar.find_workers()]:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        assert not networked & {link.removeprefix("socket:[").rstrip("]") for link in links}
    assert sidecar.stop() == 0
    assert (tmp_path / "loaded").exists()
    assert not (tmp_path / "events").exists()


def read_table(name: str) -> list[str]:
    return Path(f"/proc/net/{name}").read_text().splitlines()[1:]


def test_service_manager__hears_ready_signs_of_life_and_stopping(new_sidecar: NewSidecar, tmp_path: Path) -> None:
    address = tmp_path / "n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(60)
        sidecar = new_sidecar(NOTIFY_SOCKET=str(address), WATCHDOG_USEC="400000").launch()
        heard = [manager.recv(100)]
        while heard.count(b"WATCHDOG=1") < 3:
            heard.append(manager.recv(100))
        assert b"READY=1" in heard
        assert sidecar.call("Status", pb.StatusRequest()).uptime_ms >= 0
        assert sidecar.process is not None
        sidecar.process.send_signal(signal.SIGTERM)
        while heard[-1] != b"STOPPING=1":
            heard.append(manager.recv(100))
        assert sidecar.process.wait(15) == 0


def test_ctrl_c__while_the_worker_starts__ends_at_once_and_without_a_trace(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "cli", "sidecar", "start", "--home", str(tmp_path), "--devices", "cpu"]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and not children.read_text():
        time.sleep(0.01)
    time.sleep(0.3)  # for the worker to begin its imports
    os.killpg(process.pid, signal.SIGINT)

    _, said = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "sidecar_ready" not in said


def test_sigterm__with_a_stream_open__it_ends_with_a_code_and_the_job_survives(new_sidecar: NewSidecar) -> None:
    sidecar = new_sidecar().start()
    with grpc.insecure_channel(f"unix:{sidecar.socket}") as channel:
        stream = SidecarStub(channel).StartSprint(build_start(seconds=600), timeout=60)
        next(stream)
        assert sidecar.stop() == 0
        with pytest.raises(grpc.RpcError) as ended:
            for _ in stream:
                pass
    assert dict(ended.value.trailing_metadata())["error-code"] == "sidecar_stopping"  # type: ignore[attr-defined]
    assert sidecar.start().call("Status", pb.StatusRequest()).jobs[0].running
    assert sidecar.stop() == 0


def test_socket__only_user_and_group_may_use_it(sidecar: SidecarProcess) -> None:
    assert sidecar.socket.stat().st_mode & 0o777 == 0o660


def test_reflection__the_service_can_be_discovered(sidecar: SidecarProcess) -> None:
    with grpc.insecure_channel(f"unix:{sidecar.socket}") as channel:
        ask = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        answer = next(iter(ask(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=10)))
    names = {service.name for service in answer.list_services_response.service}
    assert {"gonka.sidecar.v1.Sidecar", "grpc.health.v1.Health"} <= names


def test_raw_bytes__on_the_socket__do_no_harm(sidecar: SidecarProcess) -> None:
    for blob in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4096, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 4096):
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(2)
            channel.connect(str(sidecar.socket))
            with contextlib.suppress(OSError):
                channel.sendall(blob)
                channel.recv(1000)
    assert sidecar.call("Capabilities", pb.CapabilitiesRequest()).devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A key with its certificate, PEM, in files of a directory."""

    key: Path
    cert: Path

    def read(self) -> tuple[bytes, bytes]:
        return self.key.read_bytes(), self.cert.read_bytes()


def make_party(directory: Path, name: str, issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None) -> Party:
    """A party signed by `issuer`, by itself if None; its name is good for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer_name, signer_key = issuer or (subject, key)
    start = datetime.now(UTC) - timedelta(hours=1)
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=signer_name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    )
    party = Party(key=directory / f"{name}.key", cert=directory / f"{name}.pem")
    party.cert.write_bytes(builder.sign(signer_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    party.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return party


def load_issuer(party: Party) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
    key = load_pem_private_key(party.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate(party.cert.read_bytes()).subject, key


def test_tcp__only_clients_with_a_certificate_of_the_authority__are_served(
    new_sidecar: NewSidecar, tmp_path: Path
) -> None:
    authority, stranger = make_party(tmp_path, "authority", None), make_party(tmp_path, "stranger", None)
    server, client = (make_party(tmp_path, name, load_issuer(authority)) for name in ("server", "client"))
    target = f"127.0.0.1:{find_free_port()}"
    files = ("--tls-cert", str(server.cert), "--tls-key", str(server.key), "--tls-client-ca", str(authority.cert))
    sidecar = new_sidecar("--listen", target, *files).launch()
    root = authority.cert.read_bytes()
    ours = grpc.ssl_channel_credentials(root, *client.read())
    with grpc.secure_channel(target, ours) as channel:
        answer = SidecarStub(channel).Capabilities(pb.CapabilitiesRequest(), timeout=60, wait_for_ready=True)
        assert answer.devices
    for credentials in (grpc.ssl_channel_credentials(root), grpc.ssl_channel_credentials(root, *stranger.read())):
        with grpc.secure_channel(target, credentials) as channel, pytest.raises(grpc.RpcError):
            SidecarStub(channel).Capabilities(pb.CapabilitiesRequest(), timeout=5)
    with grpc.insecure_channel(target) as channel, pytest.raises(grpc.RpcError):
        SidecarStub(channel).Capabilities(pb.CapabilitiesRequest(), timeout=5)
    assert not sidecar.socket.exists()
    assert sidecar.stop() == 0


def test_metrics__when_asked__on_loopback_only(new_sidecar: NewSidecar) -> None:
    port = find_free_port()
    sidecar = new_sidecar("--metrics-port", str(port)).start()
    sidecar.read_proofs(build_start(seconds=1))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
    assert float(lines["gonka_sidecar_searched_nonces_total"]) > 0
    assert float(lines["gonka_sidecar_proof_device_seconds_total"]) > 0
    assert lines["gonka_sidecar_journal_ok"] == "1.0"
    listening = {line.split()[1] for line in read_table("tcp") if line.split()[3] == "0A"}
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening
    assert sidecar.stop() == 0
