"""The upgrade that is planned, and those that were made."""

from __future__ import annotations

from typing import Final

from chain.store.kv import KV, Reader

from cosmos.upgrade.v1beta1.upgrade_pb2 import Plan

_PLAN: Final = b"upgrade/plan"
_DONE: Final = b"upgrade/done/"


def get_plan(store: Reader) -> Plan | None:
    """The planned upgrade."""
    value = store.get(_PLAN)
    return None if value is None else Plan.FromString(value)


def set_plan(store: KV, plan: Plan) -> None:
    """Plan an upgrade, in place of one that was planned."""
    store.set(_PLAN, plan.SerializeToString(deterministic=True))


def clear_plan(store: KV) -> None:
    """No upgrade is planned any more."""
    store.delete(_PLAN)


def get_done_height(store: Reader, name: str) -> int:
    """The block that began with this upgrade, 0 when none did."""
    return int.from_bytes(store.get(_DONE + name.encode()) or b"", "big")


def set_done_height(store: KV, name: str, height: int) -> None:
    """The block of `height` began with this upgrade."""
    store.set(_DONE + name.encode(), height.to_bytes(8, "big"))
