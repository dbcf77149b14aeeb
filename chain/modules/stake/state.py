"""Hosts, the stake behind them, unbonding stake, consensus keys and the tables.

The stake pool holds every host's stake and unbonding stake; only `burn_stake` and the handlers move it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import takewhile
from typing import Final

from chain.modules.bank import state as bank
from chain.store.kv import KV, Reader
from rules.addresses import encode_address, module_address
from rules.errors import RuleError
from rules.params import MILLION
from rules.types import Host
from wire.gonka.stake.v1.stake_pb2 import Host as HostRecord
from wire.gonka.stake.v1.stake_pb2 import TableEntry, Unbonding

STAKE_POOL: Final = module_address("stake")

_HOST = b"stake/host/"
_UNBONDING = b"stake/unbonding/"
_KEY = b"stake/key/"
_ADDRESS = b"stake/address/"
_RETIRED = b"stake/retired/"
_SIGNED = b"stake/signed/"
_MISSED = b"stake/missed/"
_TABLE = b"stake/table/"
TABLE_EPOCH_KEY: Final = b"stake/table_epoch"
"""Where the state keeps the epoch of the table in force, big-endian; nothing for 0."""
_VALIDATOR = b"stake/validator/"


def new_host(host: Host, *, registered_epoch: int) -> HostRecord:
    """A host that has only just registered; it sprints from the epoch after."""
    return HostRecord(address=encode_address(host), registered_epoch=registered_epoch)


def get_host(store: Reader, host: Host) -> HostRecord | None:
    """The host of an account, None where the account is none."""
    value = store.get(_HOST + host)
    return None if value is None else HostRecord.FromString(value)


def find_host(store: Reader, host: Host) -> HostRecord:
    """The host of an account.  Raises: RuleError `host_unknown`."""
    record = get_host(store, host)
    if record is None:
        raise RuleError("host_unknown", f"{encode_address(host)} is no host")
    return record


def set_host(store: KV, host: Host, record: HostRecord) -> None:
    """Write a host."""
    store.set(_HOST + host, record.SerializeToString(deterministic=True))


def delete_host(store: KV, host: Host) -> None:
    """Forget a host that left; its consensus keys stay its own."""
    store.delete(_HOST + host)
    store.delete(_SIGNED + host)


def scan_hosts(store: Reader) -> Iterator[tuple[Host, HostRecord]]:
    """Every host, in address order."""
    for key, value in store.scan(_HOST):
        yield Host(key[len(_HOST) :]), HostRecord.FromString(value)


def count_hosts(store: Reader) -> int:
    """The number of hosts."""
    return sum(1 for _ in store.scan(_HOST))


def get_key_owner(store: Reader, public_key: bytes) -> Host | None:
    """The host that ever registered this consensus key."""
    value = store.get(_KEY + public_key)
    return None if value is None else Host(value)


def set_key_owner(store: KV, public_key: bytes, host: Host) -> None:
    """Bind a consensus key to a host, for ever."""
    store.set(_KEY + public_key, host)
    store.set(_ADDRESS + compute_consensus_address(public_key), public_key)


def compute_consensus_address(public_key: bytes) -> bytes:
    """The 20 bytes by which CometBFT names a validator."""
    return sha256(public_key).digest()[:20]


def find_key(store: Reader, address: bytes) -> bytes | None:
    """The consensus key with this 20-byte address, whether it ever signed or not; None where nobody registered it."""
    return store.get(_ADDRESS + address)


def is_retired(store: Reader, public_key: bytes) -> bool:
    """Whether this key signed two blocks of one height."""
    return store.get(_RETIRED + public_key) is not None


def retire_key(store: KV, public_key: bytes, height: int) -> None:
    """Let a key that signed two blocks of `height` sign no more, for ever."""
    store.set(_RETIRED + public_key, height.to_bytes(8, "big"))


def get_signed_epoch(store: Reader, host: Host) -> int:
    """The last epoch of which a host signed a block, -1 for none."""
    value = store.get(_SIGNED + host)
    return -1 if value is None else int.from_bytes(value, "big")


def set_signed_epoch(store: KV, host: Host, epoch: int) -> None:
    """Note that a host signed a block of `epoch`."""
    store.set(_SIGNED + host, epoch.to_bytes(8, "big"))


def get_missed(store: Reader, public_key: bytes, window: int) -> int:
    """Which of the last `window` blocks a validator did not sign: bit `height % window` is the last such height's.

    What was written for another window counts for nothing.
    """
    value = store.get(_MISSED + public_key) or bytes(4)
    return int.from_bytes(value[4:], "big") if int.from_bytes(value[:4], "big") == window else 0


def set_missed(store: KV, public_key: bytes, window: int, missed: int) -> None:
    """Write which of the last blocks a validator did not sign."""
    if missed:
        bits = missed.to_bytes(-(-missed.bit_length() // 8), "big")
        store.set(_MISSED + public_key, window.to_bytes(4, "big") + bits)
    else:
        store.delete(_MISSED + public_key)


def scan_unbonding(store: Reader, host: bytes = b"") -> Iterator[tuple[Host, Unbonding]]:
    """Unbonding stake of one host, or of all: by address, then by epoch of release."""
    for key, value in store.scan(_UNBONDING + host):
        yield Host(key[len(_UNBONDING) : -8]), Unbonding.FromString(value)


def set_unbonding(store: KV, host: Host, release_epoch: int, amount: int) -> None:
    """Write what a host gets back at the SETTLE of `release_epoch`, in ngonka; 0 removes it."""
    key = _UNBONDING + host + release_epoch.to_bytes(8, "big")
    if amount == 0:
        store.delete(key)
        return
    entry = Unbonding(host=encode_address(host), release_epoch=release_epoch, amount_ngonka=amount)
    store.set(key, entry.SerializeToString(deterministic=True))


def get_unbonding(store: Reader, host: Host, release_epoch: int) -> int:
    """What a host gets back at the SETTLE of `release_epoch`, in ngonka."""
    value = store.get(_UNBONDING + host + release_epoch.to_bytes(8, "big"))
    return 0 if value is None else Unbonding.FromString(value).amount_ngonka


def burn_stake(store: KV, host: Host, amount: int) -> int:
    """Burn up to `amount` ngonka of a host's stake, then of its unbonding stake, what is released first first.

    Returns what was burned: less than `amount` where there was less.
    """
    left = amount

    def take(held: int) -> int:
        nonlocal left
        taken = min(left, held)
        left -= taken
        return taken

    return _burn(store, host, take)


def slash_stake(store: KV, host: Host, part_ppm: int) -> int:
    """Burn a part of a host's stake and of each entry of its unbonding stake, each floored; returns what was burned."""
    return _burn(store, host, lambda held: held * part_ppm // MILLION)


def _burn(store: KV, host: Host, take: Callable[[int], int]) -> int:
    record = find_host(store, host)
    burned = take(record.stake_ngonka)
    record.stake_ngonka -= burned
    for _, entry in list(scan_unbonding(store, host)):
        taken = take(entry.amount_ngonka)
        set_unbonding(store, host, entry.release_epoch, entry.amount_ngonka - taken)
        burned += taken
    record.slashed_ngonka += burned
    set_host(store, host, record)
    bank.burn(store, STAKE_POOL, burned)
    return burned


def table_epoch(store: Reader) -> int:
    """The epoch whose SETTLE wrote the table in force; 0 is the genesis file's."""
    return int.from_bytes(store.get(TABLE_EPOCH_KEY) or b"", "big")


def get_table(store: Reader, epoch: int) -> dict[Host, TableEntry]:
    """The table written at the SETTLE of `epoch`, in address order; empty where none is kept."""
    prefix = _TABLE + epoch.to_bytes(8, "big")
    return {Host(key[len(prefix) :]): TableEntry.FromString(value) for key, value in store.scan(prefix)}


def get_weights(store: Reader, epoch: int) -> dict[Host, int]:
    """Effective units by host in the table of `epoch`, in address order."""
    return {host: entry.effective_units for host, entry in get_table(store, epoch).items()}


def table_key(epoch: int, host: bytes) -> bytes:
    """Where the state keeps a host's entry in the table of `epoch`."""
    return _TABLE + epoch.to_bytes(8, "big") + host


def get_units(store: Reader, epoch: int, host: Host) -> int:
    """Effective units of one host in the table of `epoch`, 0 where it has none."""
    value = store.get(table_key(epoch, host))
    return 0 if value is None else TableEntry.FromString(value).effective_units


def set_table(store: KV, epoch: int, entries: dict[Host, TableEntry]) -> None:
    """Write the table of `epoch` and put it in force."""
    prefix = _TABLE + epoch.to_bytes(8, "big")
    for host, entry in entries.items():
        store.set(prefix + host, entry.SerializeToString(deterministic=True))
    store.set(TABLE_EPOCH_KEY, epoch.to_bytes(8, "big"))


def delete_tables_before(store: KV, epoch: int) -> None:
    """Forget the tables of all epochs before `epoch`."""
    end = _TABLE + epoch.to_bytes(8, "big")
    for key in list(takewhile(lambda key: key < end, (key for key, _ in store.scan(_TABLE)))):
        store.delete(key)


def get_validators(store: Reader) -> dict[bytes, int]:
    """Consensus power by ed25519 key, as last handed to the engine."""
    return {key[len(_VALIDATOR) :]: int.from_bytes(value, "big") for key, value in store.scan(_VALIDATOR)}


def find_changes(before: Mapping[bytes, int], after: Mapping[bytes, int]) -> tuple[tuple[bytes, int], ...]:
    """What leads from one set to another: (ed25519 key, power) in the order of keys, 0 for who is out."""
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return tuple([(key, after.get(key, 0)) for key in changed])


def set_validator(store: KV, public_key: bytes, power: int) -> None:
    """Write a validator's power; 0 takes it out of the set, and what it missed is forgotten."""
    if power:
        store.set(_VALIDATOR + public_key, power.to_bytes(8, "big"))
    else:
        store.delete(_VALIDATOR + public_key)
        store.delete(_MISSED + public_key)


def drop_validator(store: KV, public_key: bytes) -> None:
    """Take a validator out of the set, unless it is the only one."""
    if get_validators(store).keys() != {public_key}:
        set_validator(store, public_key, 0)
