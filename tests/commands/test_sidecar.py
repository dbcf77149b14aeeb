"""`gnk sidecar`: asked, and refused."""

import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from commands.sidecar import describe, describe_models, group
from tests.sidecar.inference.tiny import make_tiny_model
from wire.gonka.sidecar.v1 import inference_pb2
from wire.gonka.sidecar.v1 import sidecar_pb2 as pb

CAPABILITIES = pb.CapabilitiesResponse(
    version="1.2",
    profiles=["tiny"],
    devices=[
        pb.Device(
            name="cuda:0",
            model="H200",
            memory_bytes=3 << 29,
            backend="int8",
            refused=[pb.RefusedBackend(backend="triton", reason="wrong golden value")],
        )
    ],
)


def test_describe__device_time__the_useful_share_is_what_proofs_and_checks_left() -> None:
    state = pb.StatusResponse(uptime_ms=100_500, proof_device_ms=600, verify_device_ms=400, device_up_ms=100_000)
    shown = describe(CAPABILITIES, state)
    assert (shown["useful_share"], shown["uptime_s"]) == (0.99, 100)
    assert shown["devices"] == [
        {
            "name": "cuda:0",
            "model": "H200",
            "memory_gib": 1.5,
            "backend": "int8",
            "refused": ["triton: wrong golden value"],
        }
    ]


def test_describe_models__one_is_loaded__its_name_engine_and_load() -> None:
    model = inference_pb2.LoadedModel(
        name="tiny", content_hash=bytes(32), engine="transformers", device="cpu", running_requests=2
    )
    assert describe_models(inference_pb2.ModelsResponse(models=[model])) == [
        {"name": "tiny", "content_hash": "00" * 32, "engine": "transformers", "device": "cpu", "requests": 2}
    ]


def test_describe__just_started__no_share_is_made_up() -> None:
    assert describe(CAPABILITIES, pb.StatusResponse(uptime_ms=10, device_up_ms=10))["useful_share"] is None


def test_status__nobody_listens__coded_and_worth_another_try(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["status", "--home", str(tmp_path), "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stderr)["error"]["code"] == "sidecar_unreachable"


def test_start__tcp_without_certificates__coded(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["start", "--home", str(tmp_path), "--listen", "127.0.0.1:1"])
    assert result.exit_code == 1
    assert "error[tls_incomplete]" in result.stderr
    assert "next: " in result.stderr


def test_status__a_sidecar_runs__is_shown(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cli", "sidecar", "start", "--home", str(tmp_path), "--profiles", "tiny"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("sidecar_ready" in line for line in process.stderr)
        result = CliRunner().invoke(group, ["status", "--home", str(tmp_path), "--json"])
        process.terminate()
    shown = json.loads(result.stdout)
    assert (shown["profiles"], shown["jobs"]) == (["tiny"], [])
    assert shown["devices"][0]["name"] == "cpu"


def test_start__one_that_only_renders__is_shown_with_its_model_and_no_device(tmp_path: Path) -> None:
    make_tiny_model(tmp_path / "models")
    words = ["start", "--home", str(tmp_path), "--render-only", "--models", str(tmp_path / "models")]
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "sidecar", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any("sidecar_ready" in line for line in process.stderr)
        target = f"unix:{tmp_path / 'renderer.sock'}"
        result = CliRunner().invoke(group, ["status", "--sidecar", target, "--json"])
        process.terminate()
    shown = json.loads(result.stdout)
    assert (shown["devices"], shown["profiles"], shown["useful_share"]) == ([], [], None)
    assert [(model["name"], model["engine"]) for model in shown["models"]] == [("tiny", "renderer")]


def test_help__imports_neither_torch_nor_grpc() -> None:
    program = (
        "import sys, cli\n"
        "try: cli.main(['sidecar', 'start', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'grpc', 'cosmpy', 'structlog', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_start__a_model_with_a_pickle__coded_before_anything_is_served(tmp_path: Path) -> None:
    (make_tiny_model(tmp_path / "models") / "pytorch_model.bin").touch()
    words = ["sidecar", "start", "--home", str(tmp_path), "--models", str(tmp_path / "models"), "--profiles", "tiny"]
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 1
    assert "error[model_has_pickle]" in done.stderr
    assert not (tmp_path / "sidecar.sock").exists()
