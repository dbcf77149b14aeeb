"""The genesis file, gonka.params.v1.Genesis as protobuf JSON: reading, checking, and the state it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf import json_format

from chain.context import Context
from chain.modules.auth import state as auth
from chain.modules.bank import state as bank
from chain.modules.bank.messages import MODULE_NAMES
from chain.modules.inference import genesis as inference
from chain.modules.params import state as params_state
from chain.modules.rewards import genesis as rewards
from chain.modules.sprint import genesis as sprint
from chain.modules.stake import genesis as stake
from rules.addresses import decode_address, encode_address, module_address
from rules.errors import RuleError
from rules.params import Params
from wire.codec import decode_params, encode_params
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.params.v1.genesis_pb2 import Genesis, GenesisAccount, GenesisHost

MAX_BYTES = 64 << 20
MAX_CHAIN_ID = 50
"""Bytes of a chain id, as CometBFT has it."""
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def build_genesis(
    *,
    chain_id: str,
    time_ms: int,
    params: Params,
    balances: Mapping[bytes, int],
    hosts: Sequence[GenesisHost],
    subsidy_ngonka: int,
) -> bytes:
    """The file of a new chain whose community pool is empty.  `time_ms` is Unix time, `balances` ngonka by account.

    Raises: RuleError `genesis_invalid`.
    """
    supply = sum(balances.values())
    if max(supply, subsidy_ngonka) > bank.MAX_SUPPLY:
        raise _invalid(f"balances of {supply} and a subsidy of {subsidy_ngonka}; the limit is {bank.MAX_SUPPLY} ngonka")
    genesis = Genesis(
        chain_id=chain_id,
        genesis_time_unix_ms=time_ms,
        accounts=[
            GenesisAccount(address=encode_address(address), balance_ngonka=amount)
            for address, amount in sorted(balances.items())
        ],
        hosts=hosts,
        params=encode_params(params),
        subsidy_ngonka=subsidy_ngonka,
        supply_ngonka=supply,
    )
    return _write_genesis(genesis)


def add_models(file: bytes, models: Sequence[Model]) -> bytes:
    """The file of a chain that begins with these models too.  Raises: RuleError `genesis_invalid`."""
    genesis = read_genesis(file)
    genesis.models.extend(models)
    return _write_genesis(genesis)


def _write_genesis(genesis: Genesis) -> bytes:
    check_genesis(genesis)
    text = json_format.MessageToJson(genesis, preserving_proto_field_name=True)
    return f"{text}\n".encode()


def read_genesis(file: bytes) -> Genesis:
    """The genesis that a file describes, checked.  Raises: RuleError `genesis_invalid`, which says why."""
    if len(file) > MAX_BYTES:
        raise _invalid(f"{len(file)} bytes, the limit is {MAX_BYTES}")
    try:
        genesis = json_format.Parse(file.decode(), Genesis())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise _invalid(str(error)[:500]) from error
    check_genesis(genesis)
    return genesis


def check_genesis(genesis: Genesis) -> None:
    """Raises RuleError `genesis_invalid` for the first thing that cannot be."""
    for check in CHECKS:
        check(genesis)


def init_state(ctx: Context, genesis: Genesis) -> None:
    """Write the state before block 1, module by module.  Raises: RuleError of a module, such as a bad consensus key."""
    params_state.init_params(ctx.store, decode_params(genesis.params))
    for name in MODULE_NAMES:
        auth.create_account(ctx.store, module_address(name))
    for account in genesis.accounts:
        address = decode_address(account.address)
        auth.create_account(ctx.store, address)
        bank.mint(ctx.store, address, account.balance_ngonka)
    bank.mint(ctx.store, module_address("pool"), genesis.community_pool_ngonka)
    for module in (stake, sprint, rewards, inference):
        module.init(ctx, genesis)


def _check_chain(genesis: Genesis) -> None:
    name = genesis.chain_id
    if not 1 <= len(name) <= MAX_CHAIN_ID or not _LETTERS.issuperset(name):
        raise _invalid(f"chain_id {name[:80]!r} is not 1 to {MAX_CHAIN_ID} letters, digits, '-', '_', '.'")
    if not 0 < genesis.genesis_time_unix_ms < 2**43:
        raise _invalid("genesis_time_unix_ms is not set, or far in the future")


def _check_params(genesis: Genesis) -> None:
    try:
        decode_params(genesis.params)
    except RuleError as error:
        raise _invalid(f"params: {error.detail}") from error


def _check_accounts(genesis: Genesis) -> None:
    addresses = _read_addresses("accounts", [account.address for account in genesis.accounts])
    for name in MODULE_NAMES:
        if module_address(name) in addresses:
            raise _invalid(f"accounts: {encode_address(module_address(name))} belongs to module {name}")


def _check_supply(genesis: Genesis) -> None:
    total = sum(account.balance_ngonka for account in genesis.accounts) + genesis.community_pool_ngonka
    if total != genesis.supply_ngonka:
        raise _invalid(f"supply_ngonka is {genesis.supply_ngonka}, the balances and the pool sum to {total}")
    if total > bank.MAX_SUPPLY:
        raise _invalid(f"supply_ngonka is {total}, the limit is {bank.MAX_SUPPLY}")


def _check_hosts(genesis: Genesis) -> None:
    s = genesis.params.sprint
    if not genesis.hosts:
        raise _invalid("hosts: a chain needs at least one")
    if len(genesis.hosts) > s.max_hosts:
        raise _invalid(f"hosts: {len(genesis.hosts)}, the limit is {s.max_hosts}")
    hosts = _read_addresses("hosts", [host.address for host in genesis.hosts])
    accounts = {decode_address(account.address) for account in genesis.accounts}
    for host in hosts:
        if host not in accounts:
            raise _invalid(f"hosts: {encode_address(host)} is not among the accounts")
    most = s.max_count * s.threshold.one_in * s.unit_scale
    for entry in genesis.hosts:
        if not 1 <= entry.units <= most:
            raise _invalid(f"hosts: {entry.address} has {entry.units} units, not 1 to {most}")


def _check_models(genesis: Genesis) -> None:
    try:
        inference.check_models(genesis)
    except RuleError as error:
        raise _invalid(f"models: {error}") from error


def _read_addresses(what: str, texts: Sequence[str]) -> dict[bytes, None]:
    """The accounts in the order given, each of them once."""
    addresses: dict[bytes, None] = {}
    for text in texts:
        try:
            address = decode_address(text)
        except RuleError as error:
            raise _invalid(f"{what}: {text[:100]!r}: {error.detail}") from error
        if text != encode_address(address):
            raise _invalid(f"{what}: {text} is not in lower case")
        if address in addresses:
            raise _invalid(f"{what}: {text} is there twice")
        addresses[address] = None
    return addresses


def _invalid(detail: str) -> RuleError:
    return RuleError("genesis_invalid", detail)


CHECKS = (_check_chain, _check_params, _check_accounts, _check_supply, _check_hosts, _check_models)
