"""`gnk gov propose`: parameters, upgrades and words put to the vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from commands.amounts import format_gnk, parse_amount
from commands.call import Call, writes
from commands.changes import build_updates, parse_changes
from commands.reading import format_wait, read_params
from commands.writing import Draft, acting_address, submit

if TYPE_CHECKING:
    from google.protobuf.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a proposal says of itself, and how it comes to the vote."""

    title: str
    summary: str
    deposit: str | None
    expedited: bool


@click.group()
def propose() -> None:
    """Put a proposal to the vote."""


TITLE = click.option("--title", required=True, help="What voters read first.")
SUMMARY = click.option("--summary", default="", help="Why; the title when left out.")
DEPOSIT = click.option("--deposit", metavar="AMOUNT", help="Deposit, such as 10GNK [what voting needs].")
EXPEDITED = click.option("--expedited", is_flag=True, help="Shorter vote, higher threshold, larger deposit.")


@propose.command(name="params", short_help="Change parameters.")
@click.argument("changes", nargs=-1, required=True, metavar="MODULE.FIELD=VALUE...")
@TITLE
@SUMMARY
@DEPOSIT
@EXPEDITED
@writes
def propose_params(
    call: Call, changes: tuple[str, ...], title: str, summary: str, deposit: str | None, expedited: bool
) -> None:
    """Change parameters: gnk gov propose params stake.unbonding_epochs=3 --title "Unbond in 3"."""
    from rules.addresses import encode_address, module_address

    live = read_params(call).params
    parsed = parse_changes(changes, live)
    updates = build_updates(parsed, live, encode_address(module_address("gov")))
    effects = tuple(c.line for c in parsed)
    submit_proposal(
        call, Text(title=title, summary=summary or title, deposit=deposit, expedited=expedited), updates, effects
    )


@propose.command(name="text")
@TITLE
@SUMMARY
@DEPOSIT
@EXPEDITED
@writes
def propose_text(call: Call, title: str, summary: str, deposit: str | None, expedited: bool) -> None:
    """Put a text to the vote; nothing acts when it passes."""
    submit_proposal(
        call,
        Text(title=title, summary=summary or title, deposit=deposit, expedited=expedited),
        (),
        ("nothing acts when it passes",),
    )


@propose.command(name="upgrade", short_help="Plan an upgrade of every node's program.")
@click.argument("name", metavar="NAME")
@click.option("--height", type=click.IntRange(1), required=True, help="In SERVE; else the next SERVE's first block.")
@click.option("--info", default="", help="Where the new version is, for those who meet the halt.")
@TITLE
@SUMMARY
@DEPOSIT
@EXPEDITED
@writes
def propose_upgrade(  # noqa: PLR0917  # a command's parameters are its flags
    call: Call, name: str, height: int, info: str, title: str, summary: str, deposit: str | None, expedited: bool
) -> None:
    """Plan an upgrade of every node's program: the state is migrated with the block of --height."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path
    from rules.addresses import encode_address, module_address

    from cosmos.upgrade.v1beta1.tx_pb2 import MsgSoftwareUpgrade
    from cosmos.upgrade.v1beta1.upgrade_pb2 import Plan

    authority = encode_address(module_address("gov"))
    message = MsgSoftwareUpgrade(authority=authority, plan=Plan(name=name, height=height, info=info))
    submit_proposal(
        call,
        Text(title=title, summary=summary or title, deposit=deposit, expedited=expedited),
        (message,),
        (f"upgrade {name} with block {height}, or the first of SERVE after it; older programs stop before it",),
    )


@propose.command(name="cancel-upgrade")
@TITLE
@SUMMARY
@DEPOSIT
@EXPEDITED
@writes
def propose_cancel_upgrade(call: Call, title: str, summary: str, deposit: str | None, expedited: bool) -> None:
    """Drop the upgrade that is planned."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path
    from rules.addresses import encode_address, module_address

    from cosmos.upgrade.v1beta1.tx_pb2 import MsgCancelUpgrade

    submit_proposal(
        call,
        Text(title=title, summary=summary or title, deposit=deposit, expedited=expedited),
        (MsgCancelUpgrade(authority=encode_address(module_address("gov"))),),
        ("the planned upgrade is dropped",),
    )


def submit_proposal(call: Call, text: Text, messages: tuple[Message, ...], effects: tuple[str, ...]) -> None:
    """Propose `messages`, which come to `effects` when it passes; the deposit is what voting needs unless given."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.base.v1beta1.coin_pb2 import Coin
    from cosmos.gov.v1.tx_pb2 import MsgSubmitProposal

    params = read_params(call).params
    needed = params.gov.expedited_min_deposit_ngonka if text.expedited else params.gov.min_deposit_ngonka
    ngonka = parse_amount(text.deposit) if text.deposit else needed
    voting = params.gov.expedited_voting_blocks if text.expedited else params.gov.voting_blocks
    proposal = MsgSubmitProposal(
        proposer=acting_address(call),
        title=text.title,
        summary=text.summary,
        expedited=text.expedited,
        initial_deposit=[Coin(denom="ngonka", amount=str(ngonka))],
    )
    for message in messages:
        proposal.messages.add().Pack(message, type_url_prefix="/")
    wait = format_wait(voting, params.auth.block_ms)
    starts = f"voting starts at once and takes {wait}, or as many epochs as the least allows"
    missing = f"voting starts when {format_gnk(max(0, needed - ngonka))} more is deposited"
    draft = Draft(
        what=f"propose: {text.title}",
        messages=(proposal,),
        effects=(*effects, f"deposit {format_gnk(ngonka)}", starts if ngonka >= needed else missing),
        warnings=("the deposit is burned if the proposal is vetoed",),
    )
    submit(call, draft, describe=lambda result: {"proposal_id": _find_proposal_id(result.events)})


def _find_proposal_id(events: tuple[object, ...]) -> int | None:
    for event in events:
        for name, value in getattr(event, "attributes", ()):
            if name == "proposal_id":
                return int(value)
    return None
