"""Making a proof file: what `gnk gov prove` and `gnk chain prove` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from commands.amounts import format_gnk
from commands.call import Call
from commands.output import Json

if TYPE_CHECKING:
    from chain_client.rpc import RpcNode

TRUSTING_HOURS: Final = 14 * 24
"""How long a block is trusted: below the time that stake takes to unbond, so that who signed can still be slashed."""

HASH_BYTES: Final = 32
_ANY_AGE_HOURS: Final = 10**7
"""Who checks the file says how old a block may be, not who makes it."""
Command = Callable[..., None]


def proves(command: Command) -> Command:
    """The options of a command that writes a proof file: --rpc, --trust-height, --out."""
    for option in (
        click.option("--out", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The proof file."),
        click.option(
            "--trust-height",
            metavar="H",
            type=click.IntRange(1),
            help="The block that whoever checks the file trusts [the node's first].",
        ),
        click.option("--rpc", metavar="URL", default="127.0.0.1:26657", show_default=True, help="Of a node."),
    ):
        command = option(command)
    return command


def write_proof(call: Call, rpc: str, trust_height: int | None, out: Path, choose: Callable[[RpcNode], Any]) -> None:
    """Collect the proof of the keys that the coroutine `choose` names, check it, write it and say what it says."""
    import asyncio

    from chain_client.disk import replace_durably
    from chain_client.rpc import RpcNode
    from commands.proofs import ProofFile, collect_proof, encode_proof

    async def collect() -> ProofFile:
        async with RpcNode(rpc) as node:
            keys: Sequence[bytes] = await choose(node)
            return await collect_proof(node, keys, trust_height or 0)

    proof = asyncio.run(collect())
    report = check_proof(proof, proof.blocks[0].header.height, None, _ANY_AGE_HOURS)
    replace_durably(out, encode_proof(proof))
    emit_report(call, {"file": str(out), **report})


def check_proof(proof: Any, trust_height: int, trust_hash: str | None, trusting_hours: int) -> dict[str, Json]:
    """What a proof says; without a `trust_hash` the file's word is taken for its first block."""
    import time

    from chain_client.errors import PermanentError
    from chain_client.light import Trust
    from commands.proofs import verify_proof
    from wire.headers import hash_header

    try:
        block_hash = hash_header(proof.blocks[0].header) if trust_hash is None else bytes.fromhex(trust_hash)
    except (ValueError, IndexError):
        block_hash = b""
    if (
        len(block_hash) != HASH_BYTES
    ):  # an empty one, as of a variable that is not set, must not pass for the file's own
        raise PermanentError("config_invalid", f"{(trust_hash or '')[:80]!r} is no hash of 32 bytes in hex")
    trust = Trust(
        height=trust_height,
        block_hash=block_hash,
        period_ns=trusting_hours * 3600 * 10**9,
        now_ns=time.time_ns(),
    )
    statements = verify_proof(proof, trust)
    return {
        "chain_id": proof.chain_id,
        "height": proof.height,
        "time": proof.blocks[-1].header.time.ToJsonString(),
        "trust_height": trust_height,
        "trust_hash": block_hash.hex().upper(),
        "headers": len(proof.blocks),
        "statements": statements,
    }


def emit_report(call: Call, report: Mapping[str, Json]) -> None:
    """Print what a proof says: as values in JSON, as sentences for people."""
    statements = report["statements"]
    if not call.as_json and isinstance(statements, list):
        statements = [word_statement(statement) for statement in statements]
    call.emit({**report, "statements": statements})


def word_statement(statement: Mapping[str, Any]) -> str:
    """A statement of `chain.statements` as a sentence."""
    match statement["kind"]:
        case "balance":
            return f"{statement['account']} holds {format_gnk(statement['ngonka'])}"
        case "table in force":
            return f"the table in force is that of epoch {statement['epoch']}"
        case "weight":
            units, effective = statement["units"], statement["effective_units"]
            return f"{statement['host']} has {effective} effective units of {units} in table {statement['table_epoch']}"
        case "proposal":
            tally = ", ".join(f"{name} {units}" for name, units in statement.get("tally_units", {}).items())
            return f"proposal {statement['proposal']} is {statement['status']}: {tally}"
        case "vote":
            options = ", ".join(
                f"{name} {weight}" for name, weight in (statement["options"] or {"nothing": ""}).items()
            )
            return f"{statement['voter']} voted on proposal {statement['proposal']}: {options or 'nothing'}"
        case "ballot":
            units = "no" if statement["counted_units"] is None else statement["counted_units"]
            return f"{statement['voter']} was counted on proposal {statement['proposal']} with {units} units"
    return f"{statement['key']} holds {statement['value'] or 'nothing'}"
