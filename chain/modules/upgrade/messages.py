"""Planning an upgrade, and taking it back, by the messages of cosmos.upgrade.v1beta1; both are governance's."""

from __future__ import annotations

import re
from typing import Final

from chain.context import Context
from chain.modules.handler import Handler
from chain.modules.upgrade.state import clear_plan, get_done_height, get_plan, set_plan
from rules.addresses import decode_address, encode_address, module_address
from rules.errors import RuleError

from cosmos.upgrade.v1beta1 import tx_pb2 as pb

AUTHORITY: Final = module_address("gov")
MAX_INFO_BYTES: Final = 10_000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def apply_upgrade(ctx: Context, message: pb.MsgSoftwareUpgrade) -> pb.MsgSoftwareUpgradeResponse:
    """Plan an upgrade for the first block of SERVE at the plan's height or after it.

    Raises: RuleError `unauthorized`, `upgrade_invalid`.
    """
    _check_authority(message.authority)
    plan = message.plan
    if not _NAME.fullmatch(plan.name):
        raise RuleError("upgrade_invalid", f"{plan.name[:80]!r} is no name: [a-z0-9._-], at most 64")
    if plan.HasField("time") or plan.HasField("upgraded_client_state") or len(plan.info) > MAX_INFO_BYTES:
        raise RuleError("upgrade_invalid", "a plan has a name, a height and at most 10,000 bytes of info")
    if plan.height <= ctx.height:
        raise RuleError("upgrade_invalid", f"height {plan.height} is not after {ctx.height}", height=plan.height)
    done = get_done_height(ctx.store, plan.name)
    if done:
        raise RuleError("upgrade_invalid", f"{plan.name} was made at height {done}", height=done)
    set_plan(ctx.store, plan)
    ctx.emit("upgrade_planned", name=plan.name, height=plan.height)
    return pb.MsgSoftwareUpgradeResponse()


def apply_cancel(ctx: Context, message: pb.MsgCancelUpgrade) -> pb.MsgCancelUpgradeResponse:
    """Drop the planned upgrade.  Raises: RuleError `unauthorized`, `upgrade_invalid`."""
    _check_authority(message.authority)
    plan = get_plan(ctx.store)
    if plan is None:
        raise RuleError("upgrade_invalid", "no upgrade is planned")
    clear_plan(ctx.store)
    ctx.emit("upgrade_cancelled", name=plan.name, height=plan.height)
    return pb.MsgCancelUpgradeResponse()


def _check_authority(authority: str) -> None:
    if decode_address(authority) != AUTHORITY:
        raise RuleError("unauthorized", f"only {encode_address(AUTHORITY)}, by a proposal, plans upgrades")


HANDLERS = (
    Handler(message=pb.MsgSoftwareUpgrade, apply=apply_upgrade, gas=50_000),
    Handler(message=pb.MsgCancelUpgrade, apply=apply_cancel, gas=50_000),
)
"""What cosmos.upgrade.v1beta1 takes."""
