from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands.pow import _take, group

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "itx1.json").read_text())["cases"]
TINY, DEV = CASES[1], CASES[2]


def run(*words: str) -> Result:
    return CliRunner().invoke(group, list(words))


def evaluate(case: dict[str, Any], first: int, end: int, backend: str) -> Result:
    place = ["--profile", case["profile"], "--seed", case["sprint_seed"], "--host", case["host"]]
    return run("evaluate", *place, "--from", str(first), "--to", str(end), "--backend", backend, "--json")


@pytest.mark.parametrize("backend", ["numba", "int8", "fp32", "oracle"])
@pytest.mark.parametrize("case", [TINY, DEV], ids=["tiny", "dev"])
def test_evaluate__golden_case__prints_its_rows(case: dict[str, Any], backend: str) -> None:
    golden = {row["nonce"]: row for row in case["nonces"]}
    hit = next(nonce for nonce, row in golden.items() if row["accepted"])
    for first, end in ((0, 3), (hit, hit + 1)):
        result = evaluate(case, first, end, backend)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout) == [golden[nonce] for nonce in range(first, end)]


def test_evaluate__last_nonces__are_within_the_range() -> None:
    rows = json.loads(evaluate(TINY, 2**64 - 2, 2**64, "int8").stdout)
    assert [row["nonce"] for row in rows] == [2**64 - 2, 2**64 - 1]
    assert rows == json.loads(evaluate(TINY, 2**64 - 2, 2**64, "oracle").stdout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--profile": "huge"}, "'huge' is not one of 'tiny'"),
        ({"--seed": "00"}, "1 bytes where 32 are needed"),
        ({"--host": "zz" * 20}, "is not hexadecimal"),
        ({"--to": "0"}, "0 is not in the range"),
        ({"--from": "5", "--to": "5"}, "--from 5 is not below --to 5"),
        ({"--from": str(2**64), "--to": str(2**64)}, "is not in the range"),
        ({"--backend": "fp64"}, "'fp64' is not one of 'numba', 'int8', 'fp32', 'bf16', 'triton', 'compiled', 'oracle'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_evaluate__flag_out_of_place__is_refused_in_words(change: dict[str, str], message: str) -> None:
    flags = {"--profile": "tiny", "--seed": "00" * 32, "--host": "00" * 20, "--from": "0", "--to": "1"} | change
    result = run("evaluate", *(word for pair in flags.items() for word in pair))
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("backend", ["bf16", "triton", "compiled"])
def test_evaluate__backend_of_a_card_on_the_cpu__is_refused_with_those_there_are(backend: str) -> None:
    result = evaluate(TINY, 0, 1, backend)
    assert result.exit_code == 1
    assert f"there is no backend '{backend}' for cpu; those there are: numba, int8, fp32" in result.output


def test_bench__device_that_is_not_there__is_refused_by_name() -> None:
    result = run("bench", "--profile", "tiny", "--devices", "cuda:99", "--json")
    assert result.exit_code == 1
    assert "cuda:99 cannot be used" in result.output


@pytest.mark.parametrize("devices", ["nowhere", "cpu,", "", "cuda", "cuda:x", "all,cpu", "cpu,cuda:-1"])
def test_bench__what_names_no_device__is_refused_in_words(devices: str) -> None:
    result = run("bench", "--profile", "tiny", "--devices", devices)
    assert result.exit_code == 2
    assert "is no device; give cpu, cuda:0, ... with commas between, or all" in " ".join(result.output.split())


def test_bench__several_devices__fits_80_columns_with_whole_names() -> None:
    result = run("bench", "--profile", "tiny", "--devices", "cpu,cuda:99")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.startswith("device              cpu\nprofile             tiny\n")
    assert "energy_j_per_nonce  -\nenergy_absent       not_a_card\n\ndevice   cuda:99\nfailure  " in result.stdout


@pytest.mark.parametrize("devices", ["cpu", "all"])
def test_bench__tiny__prints_every_figure_of_each_device(devices: str) -> None:
    result = run("bench", "--profile", "tiny", "--devices", devices, "--json")
    assert result.exit_code == 0, result.output
    figures, *_ = json.loads(result.stdout)
    assert figures["device"] == "cpu"
    assert list(figures) == [
        "device",
        "profile",
        "backend",
        "threads",
        "load",
        "nonces_per_s",
        "tokens_per_s",
        "gop_per_s",
        "gemm_gop_per_s",
        "share_of_peak",
        "outside_products",
        "host_cpu",
        "first_hit_s",
        "energy_j_per_nonce",
        "energy_absent",
    ]
    assert figures["backend"] == "numba"
    assert (figures["energy_j_per_nonce"], figures["energy_absent"]) == (None, "not_a_card")
    assert figures["threads"] >= 1
    assert 0 < figures["share_of_peak"] < 1


def test_bench__one_device_of_several_missing__is_named_and_the_others_are_measured() -> None:
    result = run("bench", "--profile", "tiny", "--devices", "cpu,cuda:99", "--json")
    assert result.exit_code == 1
    here, gone = json.loads(result.stdout)
    assert here["nonces_per_s"] > 0
    assert gone["device"] == "cuda:99"
    assert "cuda:99 cannot be used" in gone["failure"]


def test_bench__worker_that_is_killed__is_a_failure_of_its_device() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        row = _take("cuda:3", pool.submit(os._exit, 1))
    assert row["device"] == "cuda:3"
    assert "terminated abruptly" in str(row["failure"])


def test_bench__no_device_named__prints_one_object() -> None:
    result = run("bench", "--profile", "tiny", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["nonces_per_s"] > 0


def test_selftest__this_machine__lists_every_backend_as_passed() -> None:
    result = run("selftest", "--json")
    assert result.exit_code == 0, result.output
    rows = [row for row in json.loads(result.stdout) if row["device"] == "cpu"]
    assert [(row["backend"], row["passed"], row["detail"]) for row in rows] == [
        ("numba", True, ""),
        ("int8", True, ""),
        ("fp32", True, ""),
    ]
    assert all(row["time_s"] >= 0 for row in rows)


def test_importing_the_commands_imports_no_torch() -> None:
    program = "import sys, commands.pow; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
