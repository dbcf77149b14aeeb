"""Unit files as text."""

from pathlib import Path

import pytest

from commands.units import CREDENTIAL_FILE, SERVICES, UNIT_DIRECTORY, USERS_FILE, Installation, build_files, build_unit

SYSTEM = Installation(gnk=Path("/opt/gonka/bin/gnk"), home=None, credential_file=CREDENTIAL_FILE)
USER = Installation(gnk=Path("/x/gnk"), home=Path("/h/.gonka"), credential_file=Path("/h/.gonka/passphrase"))


def read(text: str) -> dict[str, list[str]]:
    lines = [line.split("=", 1) for line in text.splitlines() if "=" in line]
    return {name: [value for other, value in lines if other == name] for name, _ in lines}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("installation", [SYSTEM, USER], ids=["system", "user"])
def test_build_unit__every_service__is_watched_and_started_again(name: str, installation: Installation) -> None:
    unit = read(build_unit(SERVICES[name], installation))
    assert unit["Type"] == ["notify"]
    assert unit["Restart"] == ["on-failure"]
    assert unit["WatchdogSec"] == ["30"]
    assert {"StartLimitIntervalSec", "StartLimitBurst"} <= set(unit)
    assert unit["SystemCallFilter"][0] == "@system-service"
    assert unit["NoNewPrivileges"] == ["yes"]


@pytest.mark.parametrize("installation", [SYSTEM, USER], ids=["system", "user"])
def test_build_unit__the_chain__may_take_as_long_as_joining_by_a_snapshot_takes(installation: Installation) -> None:
    """It is ready with its first block; systemd would kill it after 90 s, again and again."""
    assert read(build_unit(SERVICES["chain"], installation))["TimeoutStartSec"] == ["infinity"]


@pytest.mark.parametrize("name", ["serving", "gateway"])
@pytest.mark.parametrize("installation", [SYSTEM, USER], ids=["system", "user"])
def test_build_unit__what_answers_many__may_hold_many_connections(name: str, installation: Installation) -> None:
    """A gateway takes 1,000 requests at a time, and each is a connection on either side."""
    assert int(read(build_unit(SERVICES[name], installation))["LimitNOFILE"][0]) >= 4 * 1000


def test_build_unit__host_and_sidecar__meet_at_one_socket() -> None:
    sidecar, host = (read(build_unit(SERVICES[name], SYSTEM)) for name in ("sidecar", "host"))
    (path,) = (word for word in sidecar["ExecStart"][0].split() if word.endswith(".sock"))
    assert f"--sidecar unix:{path}" in host["ExecStart"][0]
    assert path.startswith(f"/run/{sidecar['RuntimeDirectory'][0]}/")
    assert sidecar["Group"] == host["Group"]


def test_build_unit__the_host__gets_its_passphrase_as_a_credential() -> None:
    host = read(build_unit(SERVICES["host"], SYSTEM))
    assert host["LoadCredential"] == ["passphrase:/etc/gonka/passphrase"]
    assert host["Environment"] == ["GNK_PASSPHRASE_FILE=%d/passphrase"]
    assert "LoadCredential" not in read(build_unit(SERVICES["sidecar"], SYSTEM))


def test_build_unit__a_key_in_the_desktops_keyring__needs_no_credential() -> None:
    keyless = Installation(gnk=USER.gnk, home=USER.home, credential_file=None)
    assert "LoadCredential" not in read(build_unit(SERVICES["host"], keyless))


def test_build_unit__the_sidecar__keeps_its_gpus_and_has_no_network() -> None:
    unit = read(build_unit(SERVICES["sidecar"], SYSTEM))
    assert not {"PrivateDevices", "ProcSubset", "MemoryDenyWriteExecute"} & set(unit)
    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert "char-nvidia rw" in unit["DeviceAllow"]


@pytest.mark.parametrize(("gnk", "access"), [("/opt/gnk", "yes"), ("/home/me/.venv/bin/gnk", "read-only")])
def test_build_unit__a_program_in_somebodys_home__can_be_started(gnk: str, access: str) -> None:
    unit = read(build_unit(SERVICES["chain"], Installation(gnk=Path(gnk), home=None, credential_file=None)))
    assert unit["ProtectHome"] == [access]


def test_build_unit__for_a_user__asks_for_nothing_that_a_user_manager_refuses() -> None:
    unit = read(build_unit(SERVICES["host"], USER))
    assert not {"User", "StateDirectory", "CapabilityBoundingSet", "PrivateUsers"} & set(unit)
    assert unit["ExecStart"] == ["/x/gnk host run --home /h/.gonka"]
    assert unit["WantedBy"] == ["default.target"]


def test_build_files__for_the_system__bring_the_users_they_run_as() -> None:
    files = build_files(["host"], SYSTEM, UNIT_DIRECTORY)
    assert list(files) == [UNIT_DIRECTORY / "gnk-host.service", USERS_FILE]
    assert "u gonka-host -:gonka" in files[USERS_FILE]
    assert list(build_files(["host"], USER, Path("/d"))) == [Path("/d/gnk-host.service")]
