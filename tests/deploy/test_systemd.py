"""The units in deploy/systemd, judged by systemd's own tools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.service import group
from commands.units import SERVICES

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "systemd"
MOST_EXPOSURE = 2.0

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian: systemd)"
)


def install(*words: str, to: Path) -> Path:
    done = CliRunner().invoke(group, ["install", *words, "--to", str(to)])
    assert done.exit_code == 0, done.output
    return to


def test_deploy__is_what_service_install_writes(tmp_path: Path) -> None:
    made = install(*SERVICES, "--system", "--gnk", "/opt/gonka/bin/gnk", to=tmp_path)
    fresh = {path.name: path.read_text() for path in made.iterdir()}
    kept = {path.name: path.read_text() for path in DEPLOY.iterdir()}
    assert kept == fresh, (
        f"run: gnk service install {' '.join(SERVICES)} --system --gnk /opt/gonka/bin/gnk --to deploy/systemd"
    )


@needs_systemd
@pytest.mark.parametrize("scope", ["system", "user"])
def test_verify__units_with_the_real_program__systemd_has_nothing_to_say(tmp_path: Path, scope: str) -> None:
    units = sorted(install(*SERVICES, f"--{scope}", to=tmp_path / "units").glob("*.service"))
    assert len(units) == 5
    (tmp_path / "run").mkdir()
    done = subprocess.run(
        ["systemd-analyze", f"--{scope}", "verify", *units],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path / "run")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_security__each_system_unit__is_exposed_at_most_as_far_as_promised(name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", DEPLOY / f"gnk-{name}.service"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSURE


@needs_systemd
def test_sysusers__the_users_file__is_understood() -> None:
    done = subprocess.run(
        ["systemd-sysusers", "--dry-run", DEPLOY / "gonka.conf"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert {f"gonka-{name}" for name in SERVICES} <= set(re.findall(r"user '([^']+)'", done.stdout + done.stderr))
