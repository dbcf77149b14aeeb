"""`gnk service`: what it writes, what it only prints, what it reads."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands.service import find_program, group, read_states


def run(*words: str) -> Result:
    return CliRunner().invoke(group, list(words))


def test_install__dry_run__prints_the_exact_files_and_writes_nothing(tmp_path: Path) -> None:
    home, directory = tmp_path / "home", tmp_path / "units"
    words = ["install", "--user", "--home", str(home), "--to", str(directory)]
    printed = run(*words, "--dry-run").stdout
    shown = json.loads(run(*words, "--dry-run", "--json").stdout)
    assert not directory.exists()
    assert run(*words).exit_code == 0
    written = {str(path): path.read_text() for path in directory.iterdir()}
    assert {file["path"]: file["text"] for file in shown["files"]} == written
    for path, text in written.items():
        assert f"# {path}\n{text}" in printed
    assert f"{find_program()} host run --home {home}\n" in printed


def test_install__for_a_user__says_what_to_do_next(tmp_path: Path) -> None:
    shown = json.loads(run("install", "--user", "--to", str(tmp_path), "--json").stdout)
    assert shown["next"][1:] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now gnk-sidecar gnk-host",
    ]
    assert "passphrase" in shown["next"][0]


def test_install__a_chain_of_your_own__is_named(tmp_path: Path) -> None:
    assert run("install", "--user", "--to", str(tmp_path)).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"gnk-sidecar.service", "gnk-host.service"}

    assert run("install", "chain", "--user", "--to", str(tmp_path)).exit_code == 0
    assert (tmp_path / "gnk-chain.service").exists()


def test_install__named_services__only_these(tmp_path: Path) -> None:
    shown = json.loads(run("install", "sidecar", "--user", "--to", str(tmp_path), "--json").stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["gnk-sidecar.service"]
    assert shown["next"] == ["systemctl --user daemon-reload", "systemctl --user enable --now gnk-sidecar"]


def test_install__again__replaces_the_files_whole(tmp_path: Path) -> None:
    unit = tmp_path / "gnk-chain.service"
    unit.write_text("old")
    assert run("install", "chain", "--user", "--to", str(tmp_path)).exit_code == 0
    assert unit.read_text().startswith("[Unit]\n")
    assert unit.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == [unit.name]


def test_install__one_more_service_for_the_system__leaves_the_others_their_users(tmp_path: Path) -> None:
    for names in ("sidecar host", "gateway", "host"):
        assert run("install", *names.split(), "--system", "--to", str(tmp_path)).exit_code == 0
    users = [line.split()[1] for line in (tmp_path / "gonka.conf").read_text().splitlines() if line.startswith("u ")]
    assert users == ["gonka-sidecar", "gonka-host", "gonka-gateway"]


def test_install__a_place_that_cannot_be_written__coded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("install", "--user", "--to", str(tmp_path / "file" / "units"))
    assert done.exit_code == 1
    assert "error[disk_write_failed]" in done.stderr


def test_find_program__this_installation__is_the_gnk_beside_python() -> None:
    assert find_program().name == "gnk"
    assert find_program().is_absolute()


def test_read_states__running_missing_and_restarting() -> None:
    blocks = [
        "Id=gnk-chain.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nNRestarts=0",
        "Id=gnk-sidecar.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nNRestarts=4",
        "Id=gnk-host.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\nNRestarts=",
    ]
    assert read_states("\n\n".join(blocks) + "\n") == [
        {
            "service": "gnk-chain.service",
            "state": "active (running)",
            "installed": True,
            "enabled": True,
            "restarts": 0,
        },
        {
            "service": "gnk-sidecar.service",
            "state": "activating (auto-restart)",
            "installed": True,
            "enabled": False,
            "restarts": 4,
        },
        {
            "service": "gnk-host.service",
            "state": "inactive (dead)",
            "installed": False,
            "enabled": False,
            "restarts": 0,
        },
    ]


@pytest.mark.skipif(
    shutil.which("systemctl") is not None and Path("/run/systemd/system").exists(), reason="systemd answers here"
)
def test_status__no_service_manager__coded_and_worth_another_try() -> None:
    done = run("status", "--json")
    assert done.exit_code == 3
    assert json.loads(done.stderr)["error"]["code"] == "service_manager_unreachable"
