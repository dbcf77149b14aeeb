"""The command line as a whole: start-up, flags, suggestions."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import cli  # noqa: TID251  # its own test

ROOT = Path(__file__).resolve().parents[1]


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from walk(child, (*path, name))
    else:
        yield path, command


COMMANDS = list(walk(cli.main))
PATHS = sorted({path[:length] for path, _ in COMMANDS for length in range(len(path) + 1)})
"""Of groups too."""


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_every_command_speaks_json_and_says_what_it_does(path: tuple[str, ...], command: click.Command) -> None:
    flags = {opt for p in command.params for opt in p.opts if opt.startswith("-")}
    assert "--json" in flags
    assert command.help
    assert all(re.fullmatch(r"--[a-z][a-z0-9-]*|-[a-z]", flag) for flag in flags)
    assert all(p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_fits_a_plain_terminal(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli.main, [*path, "--help"], terminal_width=80)
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines[1:] if line.endswith("...") and "--" not in line], (
        "a command's line is cut off: give it a short_help"
    )


@pytest.mark.parametrize(
    "words",
    [["--help"], ["host", "--help"], ["pow", "--help"], ["sidecar", "start", "--help"], ["gov", "vote", "--help"]],
)
def test_help_imports_neither_torch_nor_cosmpy(words: list[str]) -> None:
    code = (
        "import sys, cli\n"
        f"try: cli.main({words!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'cosmpy', 'grpc', 'google.protobuf', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("typed", "meant"), [("hots", "host"), ("sprnt", "sprint")])
def test_a_mistyped_command_gets_a_suggestion(typed: str, meant: str) -> None:
    shown = CliRunner().invoke(cli.main, [typed])
    assert shown.exit_code == 2
    assert f"No such command '{typed}'" in shown.output
    assert meant in shown.output


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["gov", "vot"], "vote"),
        (["gov", "propose", "parms"], "params"),
        (["stake", "add", "5", "--dryrun"], "--dry-run"),
    ],
)
def test_a_mistyped_subcommand_or_flag_gets_a_suggestion(words: list[str], meant: str) -> None:
    shown = CliRunner().invoke(cli.main, words)
    assert shown.exit_code == 2
    assert meant in shown.output


@pytest.mark.parametrize(
    "words",
    [
        ["service", "install", "gatewya"],
        ["host", "serve", "--log-format", "x" * 40],
        ["chain", "init", "--preset", "no preset, and more words than go into a line beside it"],
    ],
)
def test_what_is_said_of_a_mistyped_command_fits_a_plain_terminal(words: list[str]) -> None:
    shown = CliRunner().invoke(cli.main, words, terminal_width=200)
    assert shown.exit_code == 2
    assert "Error: Invalid value" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["sprint", "show", "0", "--json"], "gnk sprint show"),
        (["gov", "vot", "--json"], "gnk gov"),
        (["stake", "add", "--json"], "gnk stake add"),
        (["hots", "--json"], "gnk"),
        (["gov", "show", "9" * 26, "--json"], "gnk gov show"),
        (["sprint", "show", "9" * 26, "--json"], "gnk sprint show"),
    ],
)
def test_a_mistyped_command_with_json__says_so_in_json(words: list[str], command: str) -> None:
    shown = CliRunner().invoke(cli.main, words, prog_name="gnk")
    assert shown.exit_code == 2
    assert shown.stdout == ""
    error = json.loads(shown.stderr)["error"]
    assert (error["code"], error["next_step"]) == ("usage_invalid", f"see `{command} --help`")


USELESS = "/dev/null/home"
"""A home that nobody can make."""
KEY = {"GNK_PASSPHRASE": "correct horse"}


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["keys", "add", "x"], {"config_invalid"}),
        (["localnet", "up"], {"config_invalid"}),
        (["demo", "--dir", USELESS], {"file_unusable", "disk_write_failed"}),
        (["service", "install", "--to", USELESS], {"file_unusable", "disk_write_failed"}),
        (["sidecar", "start", "--state-dir", USELESS], {"journal_write_failed"}),
        (["sidecar", "status", "--sidecar", "unix:/nowhere"], {"sidecar_unreachable"}),
        (["chain", "start", "--home", "{home}"], {"genesis_invalid"}),
        (["chain", "export", "--home", "{home}"], {"genesis_invalid"}),
        (["chain", "status", "--chain", "", "--home", "{home}"], {"config_invalid"}),
        (["chain", "status", "--chain", "127.0.0.1:1", "--home", "{home}"], {"chain_unreachable"}),
        (["host", "run", "--home", "{home}"], {"key_not_found"}),
        (["host", "status", "--home", "{home}"], {"key_not_found"}),
        (["stake", "add", "5", "--home", "{home}"], {"key_not_found"}),
        (["tx", "show", "12", "--home", "{home}"], {"tx_hash_invalid"}),
        (["keys", "export", "none", "--home", "{home}"], {"key_not_found"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_a_call_that_cannot_work__ends_with_a_code_and_the_next_step(
    tmp_path: Path, words: list[str], codes: set[str], as_json: bool
) -> None:
    places = ["--home", USELESS] if "--home" not in words and codes == {"config_invalid"} else []
    typed = [word.format(home=tmp_path) for word in words] + places + ["--json"] * as_json
    shown = CliRunner().invoke(cli.main, typed, env=KEY, catch_exceptions=False)
    assert shown.exit_code in {1, 3}
    last = shown.stderr.splitlines()
    if as_json:
        error = json.loads(last[-1])["error"]
        assert (error["code"] in codes, bool(error["next_step"])) == (True, True)
    else:
        assert any(line.startswith("next: ") for line in last[-2:])
        assert any(line.startswith(f"error[{code}]: ") for line in last for code in codes)
    assert not list(tmp_path.iterdir())


def test_output_into_a_closed_pipe__ends_quietly() -> None:
    line = f"{sys.executable} -c 'import cli; cli.main()' explain | head -1"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("code")
    assert done.stderr == ""


def test_explain__a_known_code__says_what_it_means_and_what_to_do() -> None:
    shown = CliRunner().invoke(cli.main, ["explain", "claim_bond_missing"])
    assert shown.exit_code == 0
    assert "bond" in shown.output
    assert "fund the account" in shown.output


def test_explain__an_unknown_code__names_the_nearest() -> None:
    shown = CliRunner().invoke(cli.main, ["explain", "claim_bond_mising"])
    assert shown.exit_code == 1
    assert "claim_bond_missing" in shown.output
