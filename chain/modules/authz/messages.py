"""Letting another account act: a warm key that does the duties, while the cold one stays in its drawer."""

from __future__ import annotations

from chain.context import LAST_SECOND, Context
from chain.modules.authz import state
from chain.modules.bank.coins import make_coin, read_amount
from chain.modules.handler import Handler, Order, pack_any, read_any, read_order
from rules.addresses import decode_address, encode_address
from rules.errors import RuleError

from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
from cosmos.authz.v1beta1.tx_pb2 import (
    MsgExec,
    MsgExecResponse,
    MsgGrant,
    MsgGrantResponse,
    MsgRevoke,
    MsgRevokeResponse,
)
from cosmos.bank.v1beta1.authz_pb2 import SendAuthorization
from cosmos.bank.v1beta1.tx_pb2 import MsgSend

_SEND_URL = f"/{MsgSend.DESCRIPTOR.full_name}"


def apply_grant(ctx: Context, message: MsgGrant) -> MsgGrantResponse:
    """Grant one kind of message to one account, for ever or until a time; it replaces an earlier grant of the kind.

    Raises: RuleError `grant_invalid` for a grant to oneself, in the past, or of a message that the chain does not
    take; `tx_malformed` for another authorization than GenericAuthorization and SendAuthorization.
    """
    granter, grantee = decode_address(message.granter), decode_address(message.grantee)
    if granter == grantee:
        raise RuleError("grant_invalid", "a grant to oneself")
    if _has_expired(ctx, message.grant):
        raise RuleError("grant_invalid", "it would have expired already")
    if not (message.grant.expiration.seconds <= LAST_SECOND and 0 <= message.grant.expiration.nanos < 10**9):
        raise RuleError("grant_invalid", "its expiration is no time before the year 10000")
    authorization = read_any(message.grant.authorization, GenericAuthorization, SendAuthorization)
    type_url = _SEND_URL
    if isinstance(authorization, GenericAuthorization):
        type_url = authorization.msg
    elif isinstance(authorization, SendAuthorization):
        read_amount(authorization.spend_limit)
    if type_url[1:] not in ctx.handlers or not type_url.startswith("/"):
        raise RuleError("grant_invalid", f"the chain takes no message {type_url[:80]!r}")
    state.set_grant(ctx.store, granter, grantee, type_url, message.grant)
    ctx.emit("grant", msg_type_url=type_url, granter=message.granter, grantee=message.grantee)
    return MsgGrantResponse()


def apply_revoke(ctx: Context, message: MsgRevoke) -> MsgRevokeResponse:
    """Take a grant back.  Raises: RuleError `grant_missing`."""
    granter, grantee = decode_address(message.granter), decode_address(message.grantee)
    if state.get_grant(ctx.store, granter, grantee, message.msg_type_url) is None:
        raise RuleError("grant_missing", f"{message.granter} has granted no {message.msg_type_url[:80]!r}")
    state.delete_grant(ctx.store, granter, grantee, message.msg_type_url)
    ctx.emit("revoke", msg_type_url=message.msg_type_url, granter=message.granter, grantee=message.grantee)
    return MsgRevokeResponse()


def apply_exec(ctx: Context, message: MsgExec) -> MsgExecResponse:
    """Apply messages of accounts that have granted them, all of them or none.

    Raises: RuleError `request_invalid` for none, `grant_missing`, and what the messages raise.
    """
    if not message.msgs:
        raise RuleError("request_invalid", "there is no message to execute")
    grantee = decode_address(message.grantee)
    results = []
    for packed in message.msgs:
        order = read_order(packed, ctx.handlers)
        if len(order.signers) != 1:
            raise RuleError("request_invalid", f"{order.handler.name} has {len(order.signers)} signers, not one")
        granter = order.signers[0]
        if granter != grantee:
            _use_grant(ctx, granter, grantee, order)
        ctx.emit("message", action=packed.type_url, sender=encode_address(granter))
        results.append(pack_any(order.apply(ctx)).value)
    return MsgExecResponse(results=results)


def _use_grant(ctx: Context, granter: bytes, grantee: bytes, order: Order) -> None:
    type_url = f"/{order.handler.name}"
    grant = state.get_grant(ctx.store, granter, grantee, type_url)
    if grant is None or _has_expired(ctx, grant):
        detail = f"{encode_address(granter)} grants {encode_address(grantee)} no {type_url}"
        raise RuleError("grant_missing", detail)
    authorization = read_any(grant.authorization, GenericAuthorization, SendAuthorization)
    if isinstance(authorization, SendAuthorization) and isinstance(order.message, MsgSend):
        left = _spend(authorization, order.message)
        if left:
            del authorization.spend_limit[:]
            authorization.spend_limit.append(make_coin(left))
            grant.authorization.CopyFrom(pack_any(authorization))
            state.set_grant(ctx.store, granter, grantee, type_url, grant)
        else:
            state.delete_grant(ctx.store, granter, grantee, type_url)


def _spend(authorization: SendAuthorization, message: MsgSend) -> int:
    """What is left of the limit in ngonka."""
    if authorization.allow_list and message.to_address not in authorization.allow_list:
        raise RuleError("grant_missing", f"the grant does not allow sends to {message.to_address}")
    limit, amount = read_amount(authorization.spend_limit), read_amount(message.amount)
    if amount > limit:
        raise RuleError("grant_missing", f"the grant allows {limit} more, not {amount}", limit=limit)
    return limit - amount


def _has_expired(ctx: Context, grant: Grant) -> bool:
    """By the block's time; a grant without expiration never does."""
    expiration = grant.expiration
    return bool(grant.HasField("expiration") and expiration.seconds * 10**9 + expiration.nanos <= ctx.time_ns)


HANDLERS = (
    Handler(message=MsgGrant, apply=apply_grant, gas=40_000),
    Handler(message=MsgRevoke, apply=apply_revoke, gas=30_000),
    Handler(message=MsgExec, apply=apply_exec, gas=10_000, duty=True, inner="msgs"),
)
