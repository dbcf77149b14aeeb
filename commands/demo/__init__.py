"""`gnk demo`: a whole Sprint of three hosts on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from commands.call import Call, local


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep homes, logs and report.json in this new directory [a temporary one].",
)
@local
def command(call: Call, directory: Path | None) -> None:
    """Run a whole Sprint of three hosts on this machine.

    A chain and three hosts, each with a client and a sidecar of its own: they stake, sprint twice, check each other
    and vote.  One cheats, one is killed and restarted.  Ends with a table; exits non-zero if any of it did not happen.
    """
    import asyncio
    import json
    import tempfile
    import time

    from chain_client.errors import PermanentError
    from commands.demo.report import describe, find_failures, render_report
    from commands.demo.show import run_demo

    began = time.monotonic()

    def say(line: str) -> None:
        click.echo(f"[{time.monotonic() - began:5.1f} s] {line}", err=call.as_json)

    if directory is None:
        directory = Path(tempfile.mkdtemp(prefix="gnk-demo-"))
    elif directory.exists() and any(directory.iterdir()):
        raise PermanentError("demo_directory_used", f"{directory} is not empty", path=str(directory))
    directory.mkdir(parents=True, exist_ok=True)
    facts = asyncio.run(run_demo(directory, say))
    (directory / "report.json").write_text(json.dumps(describe(facts), indent=2) + "\n")
    if call.as_json:
        call.emit(describe(facts))
    else:
        click.echo("")
        click.echo(render_report(facts))
        click.echo(f"\n{facts.duration_s:.0f} s; homes and logs are in {directory}")
    failures = find_failures(facts)
    for failure in failures:
        click.echo(failure, err=True)
    if failures:
        raise PermanentError("demo_failed", f"{len(failures)} of the demo's expectations did not hold; see {directory}")
