"""Models, offers, escrows, and what vouchers settled.

The pool holds every escrow's deposit less what its vouchers took and what was refunded; only settling and closing move
it.  Numbers in keys are 8 bytes, big-endian, so that scans ascend.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from chain.store.kv import KV, Reader
from rules.addresses import decode_address, module_address
from rules.errors import RuleError
from rules.types import Host
from wire.gonka.inference.v1.inference_pb2 import Escrow, Model, Offer, Settled

POOL: Final = module_address("inference")

_MODEL = b"inference/model/"
_MODEL_NAME = b"inference/name/"
_VOLUME = b"inference/volume/"
_OFFER = b"inference/offer/"
_OFFERED = b"inference/offered/"
_SERVING_KEY = b"inference/serving_key/"
_ESCROW = b"inference/escrow/"
_LAST_ESCROW = b"inference/last_escrow"
_OF_DEVELOPER = b"inference/of_developer/"
_OF_HOST = b"inference/of_host/"
_CLOSING = b"inference/closing/"
_SETTLED = b"inference/settled/"
_PRESENT = b"\x01"


def get_model(store: Reader, model_id: bytes) -> Model | None:
    """The model with this id, None where there is none."""
    value = store.get(_MODEL + model_id)
    return None if value is None else Model.FromString(value)


def find_model(store: Reader, model_id: bytes) -> Model:
    """The model with this id.  Raises: RuleError `model_unknown`."""
    model = get_model(store, model_id)
    if model is None:
        raise RuleError("model_unknown", model_id[:32].hex() or "no model id")
    return model


def get_model_id(store: Reader, name: str) -> bytes | None:
    """The id of the model with this name, None where there is none."""
    return store.get(_MODEL_NAME + name.encode())


def set_model(store: KV, model: Model) -> None:
    """Write a model, by id and by name."""
    store.set(_MODEL + model.model_id, model.SerializeToString(deterministic=True))
    store.set(_MODEL_NAME + model.name.encode(), model.model_id)


def scan_models(store: Reader) -> Iterator[Model]:
    """Every model, by id."""
    for _, value in store.scan(_MODEL):
        yield Model.FromString(value)


def get_volume(store: Reader, model_id: bytes) -> int:
    """Units of the model that were settled since the last SETTLE."""
    return int.from_bytes(store.get(_VOLUME + model_id) or b"", "big")


def set_volume(store: KV, model_id: bytes, units: int) -> None:
    """Write how many units of the model were settled since the last SETTLE; 0 removes it."""
    if units:
        store.set(_VOLUME + model_id, units.to_bytes(16, "big"))
    else:
        store.delete(_VOLUME + model_id)


def get_offer(store: Reader, host: Host) -> Offer | None:
    """What a host offers and the key it serves with, None where it never named either."""
    value = store.get(_OFFER + host)
    return None if value is None else Offer.FromString(value)


def set_offer(store: KV, host: Host, offer: Offer) -> None:
    """Write a host's offer, and find it by its models and its serving key; what it had before is let go."""
    delete_offer(store, host)
    store.set(_OFFER + host, offer.SerializeToString(deterministic=True))
    for model_id in offer.model_ids:
        store.set(_OFFERED + model_id + host, _PRESENT)
    if offer.serving_pubkey:
        store.set(_SERVING_KEY + offer.serving_pubkey, host)


def delete_offer(store: KV, host: Host) -> None:
    """Forget a host's offer and its serving key."""
    before = get_offer(store, host)
    if before is None:
        return
    for model_id in before.model_ids:
        store.delete(_OFFERED + model_id + host)
    if before.serving_pubkey:
        store.delete(_SERVING_KEY + before.serving_pubkey)
    store.delete(_OFFER + host)


def scan_offers(store: Reader) -> Iterator[tuple[Host, Offer]]:
    """Every host's offer, in address order."""
    for key, value in store.scan(_OFFER):
        yield Host(key[len(_OFFER) :]), Offer.FromString(value)


def scan_offering(store: Reader, model_id: bytes) -> Iterator[Host]:
    """The hosts that offer a model, in address order."""
    prefix = _OFFERED + model_id
    for key, _ in store.scan(prefix):
        yield Host(key[len(prefix) :])


def get_serving_host(store: Reader, public_key: bytes) -> Host | None:
    """The host that serves with this key."""
    value = store.get(_SERVING_KEY + public_key)
    return None if value is None else Host(value)


def take_next_escrow_id(store: KV) -> int:
    """The number of a new escrow; the first is 1."""
    number = int.from_bytes(store.get(_LAST_ESCROW) or b"", "big") + 1
    store.set(_LAST_ESCROW, _number(number))
    return number


def get_escrow(store: Reader, escrow_id: int) -> Escrow | None:
    """An escrow, closed or not; None for one that never was or is no longer kept."""
    value = store.get(_ESCROW + _number(escrow_id))
    return None if value is None else Escrow.FromString(value)


def find_escrow(store: Reader, escrow_id: int) -> Escrow:
    """An escrow.  Raises: RuleError `escrow_unknown`."""
    escrow = get_escrow(store, escrow_id)
    if escrow is None:
        raise RuleError("escrow_unknown", f"escrow {escrow_id}", escrow_id=escrow_id)
    return escrow


def add_escrow(store: KV, escrow: Escrow) -> None:
    """Write a new escrow, and find it by its developer and its hosts."""
    for key in (_developer_key(escrow), *_host_keys(escrow)):
        store.set(key, _PRESENT)
    set_escrow(store, escrow)


def set_escrow(store: KV, escrow: Escrow) -> None:
    """Write an escrow that is there."""
    store.set(_ESCROW + _number(escrow.escrow_id), escrow.SerializeToString(deterministic=True))


def close_escrow(store: KV, escrow: Escrow) -> None:
    """Write an escrow that closed; its hosts, to whom it is worth nothing any more, no longer find it."""
    for key in _host_keys(escrow):
        store.delete(key)
    set_escrow(store, escrow)


def delete_escrow(store: KV, escrow: Escrow) -> None:
    """Forget an escrow that closed."""
    store.delete(_developer_key(escrow))
    store.delete(_ESCROW + _number(escrow.escrow_id))


def scan_escrows(store: Reader, *, developer: bytes = b"", host: bytes = b"") -> Iterator[Escrow]:
    """The escrows of a developer, or else those not closed whose group has a host, or else all; oldest first."""
    prefix = _OF_DEVELOPER + developer if developer else _OF_HOST + host if host else _ESCROW
    for key, _ in store.scan(prefix):
        yield find_escrow(store, int.from_bytes(key[-8:], "big"))


def set_closing(store: KV, epoch: int, escrow_id: int) -> None:
    """Have an escrow's rest returned at the SETTLE of `epoch`."""
    store.set(_CLOSING + _number(epoch) + _number(escrow_id), _PRESENT)


def list_closing(store: Reader, epoch: int) -> list[int]:
    """The escrows whose rest returns, or returned, at the SETTLE of `epoch`."""
    return [int.from_bytes(key[-8:], "big") for key, _ in store.scan(_CLOSING + _number(epoch))]


def delete_closing(store: KV, epoch: int, escrow_id: int) -> None:
    """Forget when an escrow closed."""
    store.delete(_CLOSING + _number(epoch) + _number(escrow_id))


def set_settled(store: KV, settled: Settled) -> None:
    """Write what a voucher settled."""
    key = _settled_key(settled.epoch, settled.escrow_id, Host(decode_address(settled.host)))
    store.set(key + _number(settled.serial), settled.SerializeToString(deterministic=True))


def scan_settled(store: Reader, epoch: int) -> Iterator[Settled]:
    """What vouchers settled in an epoch: by escrow, host and serial."""
    for _, value in store.scan(_SETTLED + _number(epoch)):
        yield Settled.FromString(value)


def list_settled(store: Reader, epoch: int, escrow_id: int, host: Host) -> list[Settled]:
    """What a host's vouchers settled for an escrow in an epoch, by serial."""
    return [Settled.FromString(value) for _, value in store.scan(_settled_key(epoch, escrow_id, host))]


def count_settled(store: Reader, epoch: int, escrow_id: int, host: Host) -> int:
    """How many vouchers a host settled for an escrow in an epoch."""
    return sum(1 for _ in store.scan(_settled_key(epoch, escrow_id, host)))


def delete_settled_before(store: KV, epoch: int) -> None:
    """Forget what was settled in all epochs before `epoch`."""
    end = _SETTLED + _number(epoch)
    for key in list(takewhile(lambda key: key < end, (key for key, _ in store.scan(_SETTLED)))):
        store.delete(key)


def _settled_key(epoch: int, escrow_id: int, host: Host) -> bytes:
    return _SETTLED + _number(epoch) + _number(escrow_id) + host


def _developer_key(escrow: Escrow) -> bytes:
    return _OF_DEVELOPER + decode_address(escrow.developer) + _number(escrow.escrow_id)


def _host_keys(escrow: Escrow) -> list[bytes]:
    number = _number(escrow.escrow_id)
    return [_OF_HOST + decode_address(reserve.host) + number for reserve in escrow.reserves]


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")
