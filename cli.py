"""`gnk`: the composition root.  A group's module is imported when one of its commands is used."""

from __future__ import annotations

import json
import sys
from difflib import get_close_matches
from importlib import import_module
from textwrap import wrap
from typing import IO, Any, NoReturn

import click

VERSION = "0.1.0"
WIDTH = 80

# name -> (module, what it holds, the line in `gnk --help`)
GROUPS: dict[str, tuple[str, str, str]] = {
    "demo": ("commands.demo", "command", "Run a whole Sprint of three hosts on this machine."),
    "inference-demo": ("commands.inference", "command", "Buy and sell inference on this machine, to the ngonka."),
    "keys": ("commands.keys", "group", "Make, recover, list and move account keys."),
    "host": ("commands.host", "group", "Join, run, check and leave as a host."),
    "stake": ("commands.stake", "group", "Stake GNK behind your compute units."),
    "sprint": ("commands.sprint", "group", "Where the epoch stands, and what each Sprint proved."),
    "gov": ("commands.gov", "group", "Propose, deposit, vote, and see how it stands."),
    "params": ("commands.params", "group", "The network's parameters, live and frozen."),
    "authz": ("commands.authz", "group", "Let a warm key do the duties, or vote, for you."),
    "tx": ("commands.tx", "group", "Send GNK; look at transactions, in a block or a file."),
    "gateway": ("commands.gateway", "group", "Sell inference to applications: keys, balances, prices."),
    "service": ("commands.service", "group", "Run chain, client and sidecar under systemd."),
    "escrow": ("commands.escrow", "group", "Deposits that pay hosts for inference."),
    "model": ("commands.model", "group", "Models on this machine: import, list, verify; prices."),
    "sidecar": ("commands.sidecar", "group", "The GPU process: start it, ask it."),
    "chain": ("commands.chain", "group", "The chain process: start it, ask it, export it."),
    "network": ("commands.network", "group", "Invite nodes to a network, and join one."),
    "verify": ("commands.verify", "command", "Check a proof file: a ballot, a weight, a balance."),
    "localnet": ("commands.localnet", "group", "A network of several hosts on this machine."),
    "pow": ("commands.pow", "group", "The proof function itself: evaluate, bench, self-test."),
    "explain": ("commands.explain", "command", "What an error code means, and what to do."),
}


class JsonUsageError(click.UsageError):
    """A mistyped command of who reads JSON."""

    def show(self, file: IO[Any] | None = None) -> None:
        help_for = self.ctx.command_path if self.ctx else "gnk"
        report = {
            "code": "usage_invalid",
            "message": self.format_message(),
            "next_step": f"see `{help_for} --help`",
            "details": {},
        }
        click.echo(json.dumps({"error": report}, ensure_ascii=False), file=file, err=True)


class TextUsageError(click.UsageError):
    """A mistyped command, told in lines of at most WIDTH columns as far as its words allow."""

    def format_message(self) -> str:
        label = "Error: "  # which click puts before it
        lines = wrap(
            label + self.message, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        return "\n".join(lines).removeprefix(label)


class LazyGroup(click.Group):
    """A group whose commands are imported when they run, and which suggests the nearest for a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # the same
        if cmd_name not in GROUPS:
            return None
        module, attribute, _ = GROUPS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in GROUPS and not args[0].startswith("-"):
            _fail_unknown(ctx, args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                raise
            kind = JsonUsageError if as_json else TextUsageError
            raise kind(error.format_message(), error.ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # the same
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in GROUPS.items()])


def _fail_unknown(ctx: click.Context, name: str) -> NoReturn:
    near = get_close_matches(name, GROUPS, n=2, cutoff=0.5)
    hint = f"  Did you mean {' or '.join(near)}?" if near else ""
    ctx.fail(f"No such command '{name}'.{hint}")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH})
@click.version_option(VERSION, prog_name="gnk")
def main() -> None:
    """AI inference on hardware that nobody owns centrally.

    Hosts prove their compute in Sprints; what they prove is their vote.
    """


if __name__ == "__main__":
    sys.exit(main())
