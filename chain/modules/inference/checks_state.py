"""Lots of answers, the reports on them, and what a host's answers have come to.

Lots and reports are those of the running epoch; keys hold numbers in 8 big-endian bytes, so that lots ascend by escrow
and host.  A verifier finds its lots by keys of its own: there may be very many, and anybody can settle more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain.store.kv import KV, Reader
from rules.addresses import decode_address, encode_address
from rules.evidence import Wealth
from rules.types import Host
from wire.gonka.inference.v1.check_pb2 import Conduct, Lot, ReportSet

_LOT: Final = b"inference/lot/"
_SEATED: Final = b"inference/seated/"
_REPORTS: Final = b"inference/reports/"
_CONDUCT: Final = b"inference/conduct/"
_PRESENT: Final = b"\x01"
WEALTH_BYTES: Final = 16
"""Wealth ends with an alarm: it stays below 4 * ALARM * ONE, 80 bits."""


def set_lot(store: KV, lot: Lot) -> None:
    """Write a lot of the running epoch, and find it by its verifiers."""
    place = lot.escrow_id.to_bytes(8, "big") + decode_address(lot.host)
    store.set(_LOT + place, lot.SerializeToString(deterministic=True))
    for seat in lot.seats:
        store.set(_SEATED + decode_address(seat.verifier) + place, _PRESENT)


def scan_lots(store: Reader) -> Iterator[Lot]:
    """The lots of the running epoch, by escrow and host."""
    for _, value in store.scan(_LOT):
        yield Lot.FromString(value)


def scan_seated(store: Reader, verifier: Host) -> Iterator[Lot]:
    """The lots in which a verifier holds seats, by escrow and host."""
    prefix = _SEATED + verifier
    for key, _ in store.scan(prefix):
        value = store.get(_LOT + key[len(prefix) :])
        if value is None:
            raise AssertionError("a seat in a lot that is not there")
        yield Lot.FromString(value)


def get_reports(store: Reader, verifier: Host) -> ReportSet | None:
    """A verifier's reports, or only their commitment."""
    value = store.get(_REPORTS + verifier)
    return None if value is None else ReportSet.FromString(value)


def scan_reports(store: Reader) -> Iterator[tuple[str, ReportSet]]:
    """What every verifier (bech32) sent, in address order."""
    for key, value in store.scan(_REPORTS):
        yield encode_address(key[len(_REPORTS) :]), ReportSet.FromString(value)


def set_reports(store: KV, verifier: Host, reports: ReportSet) -> None:
    """Write a verifier's reports or their commitment."""
    store.set(_REPORTS + verifier, reports.SerializeToString(deterministic=True))


def delete_checks(store: KV) -> None:
    """Forget the lots of an epoch and the reports on them."""
    for prefix in (_LOT, _SEATED, _REPORTS):
        for key in [key for key, _ in store.scan(prefix)]:
            store.delete(key)


def get_conduct(store: Reader, host: Host, model_id: bytes) -> Conduct:
    """A host's standing with a model: a new host's where it never answered."""
    value = store.get(_CONDUCT + host + model_id)
    return Conduct(host=encode_address(host), model_id=model_id) if value is None else Conduct.FromString(value)


def set_conduct(store: KV, host: Host, conduct: Conduct) -> None:
    """Write a host's standing with a model."""
    store.set(_CONDUCT + host + conduct.model_id, conduct.SerializeToString(deterministic=True))


def scan_conduct(store: Reader, host: Host) -> Iterator[Conduct]:
    """A host's standing with every model that it answered with."""
    for _, value in store.scan(_CONDUCT + host):
        yield Conduct.FromString(value)


def read_wealth(conduct: Conduct) -> Wealth:
    """The bet against the host."""
    return Wealth(amount=int.from_bytes(conduct.wealth, "big"), rounds=conduct.rounds)


def fill_wealth(conduct: Conduct, wealth: Wealth) -> None:
    """Put the bet against the host into its record."""
    conduct.wealth, conduct.rounds = wealth.amount.to_bytes(WEALTH_BYTES, "big"), wealth.rounds
