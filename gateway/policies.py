"""What a key may do: a record that is empty where it narrows nothing, and the pure checks of a request against it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from rules.errors import RuleError
from rules.offers import check_policy
from wire.openai.errors import ApiError

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`models`, `regions` (ISO 3166-1 alpha-2) and `hosts` (bech32) that a key may use; None is any of them.

    `spend_pusd` and `day_pusd` cap what it spends in all and in a day of UTC, `per_minute` its requests; None: no cap.
    """

    models: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    hosts: tuple[str, ...] | None = None
    spend_pusd: int | None = None
    day_pusd: int | None = None
    per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """Where a request may be served, in order of text: `regions` and `hosts`, None for anywhere.

    It is what an escrow's policy says on chain, so requests of one territory share escrows.
    """

    regions: tuple[str, ...] | None = None
    hosts: tuple[str, ...] | None = None

    def admits(self, host: str, region: str) -> bool:
        """Whether a host lies within."""
        by_region = self.regions is None or region in self.regions
        return by_region and (self.hosts is None or host in self.hosts)

    @property
    def is_empty(self) -> bool:
        """Whether no host can lie within."""
        return self.regions == () or self.hosts == ()


ANYWHERE = Territory()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a reservation is judged by, in pico-dollars; `reserved` are the worst cases of requests under way."""

    balance: int
    reserved: int
    key_spent: int
    key_day: int
    key_reserved: int


def make_policy(
    *,
    models: tuple[str, ...] = (),
    regions: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
    spend_pusd: int | None = None,
    day_pusd: int | None = None,
    per_minute: int | None = None,
) -> Policy:
    """A policy from what was typed, where empty lists narrow nothing.

    Raises: RuleError `policy_invalid` for a region that is not two letters, a host that is no address, a rate of 0.
    """
    upper = tuple(sorted({region.upper() for region in regions}))
    check_policy(upper, hosts)
    if per_minute is not None and per_minute < 1:
        raise RuleError("policy_invalid", "a rate is at least one request a minute")
    return Policy(
        models=tuple(sorted(set(models))) or None,
        regions=upper or None,
        hosts=tuple(sorted(set(hosts))) or None,
        spend_pusd=spend_pusd,
        day_pusd=day_pusd,
        per_minute=per_minute,
    )


def encode_policy(policy: Policy) -> str:
    """As it is kept: JSON without what narrows nothing."""
    return json.dumps({name: value for name, value in asdict(policy).items() if value is not None})


def decode_policy(text: str) -> Policy:
    """What was kept."""
    known = {field.name for field in fields(Policy)}
    kept: dict[str, Any] = {name: value for name, value in json.loads(text).items() if name in known}
    arguments: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in kept.items()}
    return Policy(**arguments)


def combine(own: Territory, policy: Policy) -> Territory:
    """Where both the gateway's own territory and a key's policy allow; empty where they have nothing in common."""
    return Territory(regions=_meet(own.regions, policy.regions), hosts=_meet(own.hosts, policy.hosts))


def check_model(policy: Policy, model: str) -> None:
    """Raises ApiError `model_forbidden`."""
    if policy.models is not None and model not in policy.models:
        raise ApiError("model_forbidden", f"this key may not use {model[:80]!r}", param="model")


def check_funds(policy: Policy, standing: Standing, cost: int, now_ms: int) -> None:
    """Whether a worst case of `cost` pico-dollars may be reserved.

    Raises ApiError `insufficient_quota`, `spend_cap_reached`, `daily_cap_reached` (until midnight, UTC).
    """
    if standing.balance - standing.reserved < cost:
        raise ApiError("insufficient_quota")
    if policy.spend_pusd is not None and standing.key_spent + standing.key_reserved + cost > policy.spend_pusd:
        raise ApiError("spend_cap_reached")
    if policy.day_pusd is not None and standing.key_day + standing.key_reserved + cost > policy.day_pusd:
        raise ApiError("daily_cap_reached", retry_after_s=(DAY_MS - now_ms % DAY_MS) // 1000 + 1)


def _meet(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return one if other is None else other
    return tuple(item for item in one if item in other)
