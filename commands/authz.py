"""`gnk authz`: a warm key that does the duties, while the cold one stays away."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from commands.call import Call, ask, reads, writes
from commands.output import Json
from commands.writing import Draft, acting_address, submit
from rules.addresses import decode_address
from rules.errors import RuleError

if TYPE_CHECKING:
    from cosmos.authz.v1beta1.authz_pb2 import Grant, GrantAuthorization
    from cosmos.authz.v1beta1.tx_pb2 import MsgGrant

DUTIES: Final = (
    "/gonka.beacon.v1.MsgCommitSeeds",
    "/gonka.beacon.v1.MsgDeal",
    "/gonka.beacon.v1.MsgComplain",
    "/gonka.beacon.v1.MsgRevealSeed",
    "/gonka.sprint.v1.MsgClaim",
    "/gonka.sprint.v1.MsgRevealLeaves",
    "/gonka.sprint.v1.MsgCommitRows",
    "/gonka.sprint.v1.MsgRevealRows",
    "/gonka.sprint.v1.MsgCommitDispute",
    "/gonka.sprint.v1.MsgRevealDispute",
)
VOTES: Final = ("/cosmos.gov.v1.MsgVote", "/cosmos.gov.v1.MsgVoteWeighted")

_DURATION: Final = re.compile(r"(\d{1,5})([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


@click.group()
def group() -> None:
    """Let a warm key do the duties, or vote, for you."""


@group.command()
@click.argument("grantee")
@click.option("--vote", is_flag=True, help="Let it vote on proposals too.")
@click.option("--expires", metavar="WHEN", default="", help="12h, 90d, 8w, or a date as 2027-01-31 [never].")
@writes
def grant(call: Call, grantee: str, vote: bool, expires: str) -> None:
    """Let GRANTEE's key send your duty messages; it can move no money."""
    decode_address(grantee)
    granter = acting_address(call)
    until = _read_expiry(call, expires) if expires else None
    kinds = DUTIES + VOTES if vote else DUTIES
    draft = Draft(
        what=f"let {grantee} do the duties{' and vote' if vote else ''} for {granter}",
        messages=tuple(_build_grant(granter, grantee, kind, until) for kind in kinds),
        effects=(
            "it may send commitments, claims, reveals, rows and dispute votes in your name, and nothing else"
            + (" but votes" if vote else ""),
            f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until you revoke it",
        ),
        warnings=(
            "a wrong claim or a missed duty of this key costs your stake",
            *(("it decides your vote on every proposal",) if vote else ()),
        ),
    )
    submit(call, draft)


@group.command()
@click.argument("grantee")
@click.option("--vote", is_flag=True, help="Revoke the votes only.")
@writes
def revoke(call: Call, grantee: str, vote: bool) -> None:
    """Take back what GRANTEE's key may do for you."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.authz.v1beta1.tx_pb2 import MsgRevoke

    decode_address(grantee)
    granter = acting_address(call)
    held = [_granted_kind(item) for item in _read_grants_between(call, granter, grantee)]
    kinds = [kind for kind in held if kind in VOTES] if vote else held
    if not kinds:
        raise RuleError("grant_missing", f"{grantee} holds no {'vote' if vote else 'grant'} of {granter}")
    draft = Draft(
        what=f"revoke what {grantee} may do for {granter}",
        messages=tuple(MsgRevoke(granter=granter, grantee=grantee, msg_type_url=kind) for kind in kinds),
        effects=(f"it may no longer send: {', '.join(kind.rpartition('.')[2] for kind in kinds)}",),
        warnings=("a client that runs with this key stops doing its duties",),
    )
    submit(call, draft)


@group.command("list")
@click.argument("address", required=False)
@reads
def list_grants(call: Call, address: str | None) -> None:
    """What an account granted and was granted; yours without ADDRESS."""
    account = address or acting_address(call)
    decode_address(account)
    given, received = _read_grants(call, account)
    call.emit(
        {
            "address": account,
            "given": [{"grantee": item.grantee, **_describe_grant(item)} for item in given],
            "received": [{"granter": item.granter, **_describe_grant(item)} for item in received],
        }
    )


def _build_grant(granter: str, grantee: str, kind: str, until: datetime | None) -> MsgGrant:
    from google.protobuf.any_pb2 import Any

    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
    from cosmos.authz.v1beta1.tx_pb2 import MsgGrant

    authorization = Any()
    authorization.Pack(GenericAuthorization(msg=kind), type_url_prefix="/")
    granted = Grant(authorization=authorization)
    if until is not None:
        granted.expiration.FromDatetime(until)
    return MsgGrant(granter=granter, grantee=grantee, grant=granted)


def _read_expiry(call: Call, text: str) -> datetime:
    """The end of a grant, counted from the chain's latest block.  Raises grant_invalid."""
    now = datetime.fromtimestamp(ask(call, lambda ledger: ledger.latest()).time_s, tz=UTC)
    try:
        if match := _DURATION.fullmatch(text):
            return now + timedelta(**{_UNITS[match[2]]: int(match[1])})
        until = datetime.fromisoformat(text)
    except OverflowError as error:
        raise RuleError("grant_invalid", f"{text[:40]} ends after the year 9999; leave --expires out") from error
    except ValueError as error:
        raise RuleError("grant_invalid", f"{text!r} is neither 12h, 90d, 8w nor a date") from error
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    if until <= now:
        raise RuleError("grant_invalid", f"{text} is not after the latest block, {now:%Y-%m-%d %H:%M} UTC")
    return until


def _read_grants_between(call: Call, granter: str, grantee: str) -> list[Grant]:
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.authz.v1beta1.query_pb2 import QueryGrantsRequest, QueryGrantsResponse

    request = QueryGrantsRequest(granter=granter, grantee=grantee)
    answer = ask(call, lambda ledger: ledger.query("/cosmos.authz.v1beta1.Query/Grants", request, QueryGrantsResponse))
    return list(answer.grants)


def _read_grants(call: Call, account: str) -> tuple[list[GrantAuthorization], list[GrantAuthorization]]:
    """Grants given by the account, and received by it."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.authz.v1beta1 import query_pb2 as authz

    given = ask(
        call,
        lambda ledger: ledger.query(
            "/cosmos.authz.v1beta1.Query/GranterGrants",
            authz.QueryGranterGrantsRequest(granter=account),
            authz.QueryGranterGrantsResponse,
        ),
    )
    received = ask(
        call,
        lambda ledger: ledger.query(
            "/cosmos.authz.v1beta1.Query/GranteeGrants",
            authz.QueryGranteeGrantsRequest(grantee=account),
            authz.QueryGranteeGrantsResponse,
        ),
    )
    return list(given.grants), list(received.grants)


def _granted_kind(item: Grant | GrantAuthorization) -> str:
    """The type URL of the message that a grant allows; another kind of grant names itself."""
    from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization

    authorization = GenericAuthorization()
    return authorization.msg if item.authorization.Unpack(authorization) else str(item.authorization.type_url)


def _describe_grant(item: GrantAuthorization) -> dict[str, Json]:
    until = item.expiration.ToJsonString() if item.HasField("expiration") else "(no end)"
    return {"message": _granted_kind(item).rpartition(".")[2], "until": until}
