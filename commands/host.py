"""`gnk host`: join, run, check and leave as a host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.amounts import format_gnk, parse_amount
from commands.call import Call, serves, writes
from commands.conduct import conduct
from commands.logs import FORMATS, configure_logs
from commands.offers import offer, serving_key
from commands.reading import find_host, format_wait, read_chain_id, read_epoch
from commands.serving import serve
from commands.writing import Draft, acting_address, submit

if TYPE_CHECKING:
    from google.protobuf.message import Message


@click.group()
def group() -> None:
    """Join, run, check and leave as a host."""


group.add_command(offer)
group.add_command(serving_key)
group.add_command(serve)
group.add_command(conduct)


@group.command()
@click.option("--stake", "amount", metavar="AMOUNT", help="Stake in the same transaction, such as 100GNK.")
@click.option(
    "--consensus-key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CometBFT's priv_validator_key.json, to sign blocks with [none: no power].",
)
@writes
def join(call: Call, amount: str | None, key_file: Path | None) -> None:
    """Register as a host; you sprint from the next epoch on.

    Joining again changes the consensus key, and brings back a validator that was down.
    """
    from wire.gonka.stake.v1.tx_pb2 import MsgRegisterHost, MsgStake

    address = acting_address(call)
    status = read_epoch(call)
    register = MsgRegisterHost(host=address)
    if key_file is not None:
        from chain_client.consensus_key import prove_consensus_key

        proof = prove_consensus_key(key_file, read_chain_id(call), address)
        register.consensus_pubkey, register.consensus_signature = proof.public_key, proof.signature
    messages: list[Message] = [register]
    known = find_host(call, address)
    epoch = status.epoch
    if known is None:
        effects = [f"{address} sprints from epoch {epoch + 1}, and verifies and votes from epoch {epoch + 2}"]
    else:
        effects = [f"{address}, a host since epoch {known.host.registered_epoch}, is registered anew"]
    warnings = []
    if amount is not None:
        ngonka = parse_amount(amount)
        messages.append(MsgStake(host=address, amount_ngonka=ngonka))
        effects.append(f"{format_gnk(ngonka)} moves from its balance to its stake")
    elif known is None or not known.host.stake_ngonka:
        ratio = status.stake_params.base_ratio_ppm // 10_000
        warnings.append(f"without stake only {ratio} % of your units count; add --stake, or `gnk stake add` later")
    effects.append(
        f"epoch {status.epoch + 1} starts in {format_wait(status.last_height - status.height, status.block_ms)}"
    )
    draft = Draft(what="join as a host", messages=tuple(messages), effects=tuple(effects), warnings=tuple(warnings))
    submit(call, draft)


@group.command(short_help="No Sprint from the next epoch on; stake unbonds.")
@writes
def leave(call: Call) -> None:
    """Leave: no Sprint from the next epoch on, and all stake unbonds.

    The duties of the running epoch remain: keep the client running until it ends.
    """
    from wire.gonka.stake.v1.tx_pb2 import MsgLeave

    address = acting_address(call)
    status = read_epoch(call)
    wait = format_wait(status.last_height - status.height, status.block_ms)
    draft = Draft(
        what="leave the network",
        messages=(MsgLeave(host=address),),
        effects=(
            f"{address} no longer sprints from epoch {status.epoch + 1}",
            f"its stake is released {status.stake_params.unbonding_epochs} epochs from now",
        ),
        warnings=(f"keep the client running until epoch {status.epoch} ends, in {wait}: its duties remain",),
    )
    submit(call, draft)


@group.command()
@click.option(
    "--beacon-key",
    metavar="FILE",
    help="A validator's: beacon_key in the home of its chain, to deal the beacon's keys.",
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), default=0, help="Prometheus metrics on 127.0.0.1.")
@click.option("--log-format", type=click.Choice(FORMATS), default="console", show_default=True, help="How to log.")
@serves
def run(call: Call, metrics_port: int, log_format: str) -> None:
    """Do the host's duties until SIGTERM or Ctrl-C.

    Everything it means to do is on disk before it is done: it may be killed and started again at any time.
    """
    from commands.running import run_host

    configure_logs(log_format)
    run_host(call, metrics_port=metrics_port)


@group.command(short_help="Where the host stands, and what is due next.")
@serves
def status(call: Call) -> None:
    """Where the host stands, what is due next, and whether it may be restarted now."""
    from commands.standing import describe_standing

    call.emit(describe_standing(call))


@group.command(short_help="Rehearse: will this machine pass the next Sprint?")
@click.option("--seconds", type=click.IntRange(1, 600), default=10, show_default=True, help="How long to rehearse.")
@serves
def check(call: Call, seconds: int) -> None:
    """Rehearse: will this machine pass the next Sprint, and what will that bring?

    Runs the real proof job on the sidecar.  Exits non-zero when something that the Sprint needs is missing.
    """
    from chain_client.errors import PermanentError
    from commands.rehearsal import rehearse

    told, failed = rehearse(call, seconds)
    call.emit(told)
    if failed:
        raise PermanentError("rehearsal_failed", f"not ready: {', '.join(failed)}")
