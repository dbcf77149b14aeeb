"""The command line as a whole: start-up, flags, suggestions."""

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


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_every_command_speaks_json_and_says_what_it_does(path: tuple[str, ...], command: click.Command) -> None:
    flags = {opt for p in command.params for opt in p.opts if opt.startswith("-")}
    assert "--json" in flags
    assert command.help
    assert all(re.fullmatch(r"--[a-z][a-z0-9-]*|-[a-z]", flag) for flag in flags)
    assert all(p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_help_fits_a_plain_terminal(path: tuple[str, ...], command: click.Command) -> None:
    shown = CliRunner().invoke(cli.main, [*path, "--help"], terminal_width=80)
    assert shown.exit_code == 0
    assert max(map(len, shown.output.splitlines())) <= 80


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


def test_explain__a_known_code__says_what_it_means_and_what_to_do() -> None:
    shown = CliRunner().invoke(cli.main, ["explain", "claim_bond_missing"])
    assert shown.exit_code == 0
    assert "bond" in shown.output
    assert "fund the account" in shown.output


def test_explain__an_unknown_code__names_the_nearest() -> None:
    shown = CliRunner().invoke(cli.main, ["explain", "claim_bond_mising"])
    assert shown.exit_code == 1
    assert "claim_bond_missing" in shown.output
