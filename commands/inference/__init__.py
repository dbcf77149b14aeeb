"""`gnk inference-demo`: an application buys answers from hosts, all of it on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from commands.call import Call, local

MODEL = "smollm2-135m-instruct"


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep homes, logs and report.json in this new directory [a temporary one].",
)
@click.option("--models", type=click.Path(file_okay=False, path_type=Path), help="The folder of models [.models].")
@click.option("--model", "name", default=MODEL, show_default=True, help="The model to sell.")
@local
def command(call: Call, directory: Path | None, models: Path | None, name: str) -> None:
    """Buy answers from hosts on this machine, through a gateway.

    A chain, two hosts with a real model, a gateway, and an unmodified OpenAI
    client that asks for the capital of France.  Vouchers settle, and every
    ngonka is accounted for; exits non-zero if anything of it did not happen.
    """
    import asyncio
    import json
    import tempfile
    import time

    from chain_client.errors import PermanentError
    from commands.inference.report import describe, find_failures, render_report
    from commands.inference.show import run_show
    from sidecar.inference.importing import get_model

    manifest = get_model(models or Path(".models"), name)
    began = time.monotonic()

    def say(line: str) -> None:
        click.echo(f"[{time.monotonic() - began:5.1f} s] {line}", err=call.as_json)

    if directory is None:
        directory = Path(tempfile.mkdtemp(prefix="gnk-inference-"))
    elif directory.exists() and any(directory.iterdir()):
        raise PermanentError("demo_directory_used", f"{directory} is not empty", path=str(directory))
    directory.mkdir(parents=True, exist_ok=True)
    facts = asyncio.run(run_show(directory.absolute(), (models or Path(".models")).absolute(), manifest, say))
    (directory / "report.json").write_text(json.dumps(describe(facts), indent=2) + "\n")
    if call.as_json:
        call.emit(describe(facts))
    else:
        click.echo("")
        click.echo(render_report(facts))
        click.echo(f"\nhomes and logs are in {directory}")
    failures = find_failures(facts)
    for failure in failures:
        click.echo(failure, err=True)
    if failures:
        raise PermanentError("demo_failed", f"{len(failures)} expectations did not hold; see {directory}")
