"""The parameters: live (what governance last set), frozen (what the running epoch reads), and the profile in between.

A change acts from the next epoch's first block; `sprint.profile` and `sprint.threshold` one epoch later, so that hosts
learn of another proof function a whole epoch before they need it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from chain.store.kv import KV, Reader
from rules.params import Params
from wire.codec import decode_params, encode_params
from wire.gonka.params.v1.params_pb2 import Params as ParamsMessage

_LIVE = b"params/live"
_FROZEN = b"params/frozen"
_ANNOUNCED = b"params/announced"  # live as it stood at the last freeze: the next epoch's profile and threshold


def get_live(store: Reader) -> Params:
    """What governance last set."""
    return _get(store, _LIVE)


def get_frozen(store: Reader) -> Params:
    """What the running epoch reads."""
    return _get(store, _FROZEN)


def set_live(store: KV, params: Params) -> None:
    """Set what the next freeze will take.

    Raises: RuleError `params_invalid` when it would break an invariant together with the announced profile.
    """
    _with_profile_of(params, _get(store, _ANNOUNCED))
    _set(store, _LIVE, params)


def init_params(store: KV, params: Params) -> None:
    """Set genesis's parameters as live, announced and frozen."""
    for key in (_LIVE, _ANNOUNCED, _FROZEN):
        _set(store, key, params)


def freeze(store: KV) -> Params:
    """Take the live values for the epoch that begins; called once, in its first block.

    The invariants are checked again; `set_live` saw to it that they hold.
    """
    live = get_live(store)
    frozen = _with_profile_of(live, _get(store, _ANNOUNCED))
    _set(store, _FROZEN, frozen)
    _set(store, _ANNOUNCED, live)
    return frozen


def _with_profile_of(params: Params, announced: Params) -> Params:
    sprint = replace(params.sprint, profile=announced.sprint.profile, threshold=announced.sprint.threshold)
    return replace(params, sprint=sprint)


def _get(store: Reader, key: bytes) -> Params:
    value = store.get(key)
    if value is None:
        raise AssertionError("the state has no parameters: genesis was not read")
    return _decode(value)


def _set(store: KV, key: bytes, params: Params) -> None:
    store.set(key, encode_params(params).SerializeToString(deterministic=True))


@lru_cache(maxsize=16)
def _decode(value: bytes) -> Params:
    return decode_params(ParamsMessage.FromString(value))
