"""`gnk verify`: check a proof file without asking anybody."""

from __future__ import annotations

from pathlib import Path

import click

from commands.call import Call, local
from commands.proving import TRUSTING_HOURS


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--trust-height", metavar="H", type=click.IntRange(1), required=True, help="A block that you trust.")
@click.option("--trust-hash", metavar="HEX", required=True, help="Its hash, from a source of your own.")
@click.option(
    "--trusting-hours",
    metavar="N",
    type=click.IntRange(1),
    default=TRUSTING_HOURS,
    show_default=True,
    help="How old that block may be.",
)
@local
def command(call: Call, file: Path, trust_height: int, trust_hash: str, trusting_hours: int) -> None:
    """Check the proof in FILE, and print what it proves.

    Nobody is asked and nobody is trusted but the block that you name: the
    signatures of the validators carry that trust to the header that the proof
    leads to.
    """
    from commands.proofs import MAX_FILE_BYTES, read_proof
    from commands.proving import check_proof, emit_report

    with file.open("rb") as opened:
        content = opened.read(MAX_FILE_BYTES + 1)
    report = check_proof(read_proof(content), trust_height, trust_hash, trusting_hours)
    emit_report(call, {"verified": True, **report})
