"""`gnk gateway`: sell inference to applications, by API key and prepaid balance."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from commands.call import Call, ask, local, pays, reads
from commands.output import Json

if TYPE_CHECKING:
    import sqlite3

    from chain_client.keys.secret import Secret
    from gateway.keys import ApiKey

T = TypeVar("T")


@click.group()
def group() -> None:
    """Sell inference to applications: keys, balances, prices."""


@group.command()
@click.option("--listen", metavar="HOST:PORT", help="Serve the API there [127.0.0.1:8080].")
@click.option("--hosts", metavar="ADDRESSES", help="A private network: these hosts only, commas between.")
@click.option("--regions", metavar="CODES", help="Hosts of these countries only, such as DE,FR.")
@click.option("--allow-network", metavar="CIDRS", help="Private networks that hosts may be in, such as 10.0.0.0/8.")
@click.option("--deposit", metavar="GNK", help="What an escrow gets at a time [10].")
@click.option("--host-timeout", metavar="SECONDS", help="How long a host may be silent [60].")
@click.option("--most-requests", metavar="N", help="Requests under way at a time [1000].")
@click.option("--renderer", metavar="TARGET", help="A sidecar of yours that counts prompts: unix:PATH, or host:port.")
@click.option("--require-tokens", flag_value="true", help="With --renderer: only hosts that tell their tokens.")
@click.option("--metrics-port", metavar="PORT", help="Serve Prometheus metrics on 127.0.0.1:PORT [0: no].")
@click.option("--log-format", metavar="KIND", help="console or json [console].")
@pays
def start(call: Call, **flags: str | None) -> None:
    """Serve OpenAI's API until SIGTERM or Ctrl-C.

    Settings come from HOME/gateway.toml, then GNK_GATEWAY_* variables, then flags.  The key that is named opens and
    tops up escrows by itself; the ledger is HOME/gateway.sqlite.
    """
    from commands.gateway_process import run_gateway
    from commands.logs import configure_logs
    from gateway.config import read_config

    config = read_config(flags, os.environ, call.config.home)
    configure_logs(config.log_format)
    run_gateway(call, config)


@group.command(short_help="Add USD to a CUSTOMER's prepaid balance.")
@click.argument("customer")
@click.argument("usd")
@click.option("--note", default="", help="What is kept with the entry, such as a payment's number.")
@local
def credit(call: Call, customer: str, usd: str, note: str) -> None:
    """Add USD to a CUSTOMER's prepaid balance; a new name makes a customer."""
    from gateway.accounts import top_up
    from gateway.money import format_usd, parse_usd

    amount = parse_usd(usd)
    balance = _write(call, lambda connection: top_up(connection, customer, amount, note, _now_ms()))
    call.emit(
        {"customer": customer, "credited_usd": format_usd(amount), "balance_usd": format_usd(balance.balance_pusd)}
    )


@group.command(short_help="Prepaid balances; checks the ledger's sums.")
@click.argument("customer", required=False)
@local
def balance(call: Call, customer: str | None) -> None:
    """Prepaid balances of all customers, or of one; checks the ledger's sums."""
    from gateway.accounts import check_sums, get_balance, list_balances
    from gateway.money import format_usd

    def look(connection: sqlite3.Connection) -> list[Json]:
        check_sums(connection)
        found = [get_balance(connection, customer)] if customer else list_balances(connection)
        return [
            {
                "customer": item.customer,
                "balance_usd": format_usd(item.balance_pusd),
                "reserved_usd": format_usd(item.reserved_pusd),
            }
            for item in found
        ]

    call.emit(_write(call, look))


@group.command()
@click.option("--period", metavar="PERIOD", help="A month or a day of UTC, as 2026-11 or 2026-11-23 [this month].")
@click.option("--customer", help="Of one customer only.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@local
def usage(call: Call, period: str | None, customer: str | None, *, as_csv: bool) -> None:
    """Requests and tokens by customer, key, model and price."""
    from gateway.accounts import get_balance
    from gateway.reports import Line, describe_line, list_usage, parse_period, write_csv

    span = parse_period(period or _this_month())

    def look(connection: sqlite3.Connection) -> list[Line]:
        if customer is not None:
            get_balance(connection, customer)
        return list_usage(connection, span, customer)

    lines = [describe_line(line) for line in _write(call, look)]
    if as_csv:
        click.echo(write_csv(lines), nl=False)
        return
    call.emit(lines)


@group.command(short_help="A CUSTOMER's invoice for a month or a day.")
@click.argument("customer")
@click.option("--period", metavar="PERIOD", help="A month or a day of UTC, as 2026-11 or 2026-11-23 [this month].")
@click.option("--csv", "as_csv", is_flag=True, help="Print the lines as CSV.")
@local
def invoice(call: Call, customer: str, period: str | None, *, as_csv: bool) -> None:
    """A CUSTOMER's invoice: lines, balances, and the rate of GNK that was in force."""
    from gateway.reports import build_invoice, describe_invoice, describe_line, parse_period, render_invoice, write_csv

    span = parse_period(period or _this_month())
    built = _write(call, lambda connection: build_invoice(connection, customer, span))
    if as_csv:
        click.echo(write_csv([describe_line(line) for line in built.lines]), nl=False)
    elif call.as_json:
        call.emit(describe_invoice(built))  # type: ignore[arg-type]  # JSON all through
    else:
        click.echo(render_invoice(built, issued_ms=_now_ms()))


@group.command()
@click.option("--model", help="Those that serve this model only.")
@reads
def hosts(call: Call, model: str | None) -> None:
    """Hosts that offer models, as the chain has them."""
    from chain_client.errors import PermanentError
    from gateway.market import read_market

    market = ask(call, lambda ledger: read_market(ledger, ""))
    if model is not None and model not in market.models:
        raise PermanentError("model_name_invalid", f"the chain has no model {model[:80]!r}")
    names = {found.model_id: name for name, found in market.models.items()}
    call.emit(
        [
            {
                "host": offer.host,
                "weight": offer.weight,
                "region": offer.region or None,
                "endpoint": offer.endpoint,
                "models": ", ".join(sorted(names.get(model_id, "?") for model_id in offer.model_ids)),
            }
            for _, offer in sorted(market.offers.items())
            if model is None or market.models[model].model_id in offer.model_ids
        ]
    )


@group.command(short_help="Receipts that hosts signed, and what became of them.")
@local
def receipts(call: Call) -> None:
    """Receipts that hosts signed: kept here now, and what became of those asked for."""
    from dataclasses import asdict

    from gateway.receipts import list_tallies

    call.emit([asdict(tally) for tally in _write(call, list_tallies)])


@group.group()
def key() -> None:
    """API keys of customers."""


@key.command()
@click.argument("customer")
@click.option("--model", "models", multiple=True, help="Only this model; may be given again.")
@click.option("--region", "regions", multiple=True, metavar="CODE", help="Only hosts of this country; again for more.")
@click.option("--host", "allowed", multiple=True, metavar="ADDRESS", help="Only this host; may be given again.")
@click.option("--spend", metavar="USD", help="The most it may spend in all.")
@click.option("--spend-day", metavar="USD", help="The most it may spend in a day of UTC.")
@click.option("--per-minute", type=click.IntRange(1, 1_000_000), help="The most requests in a minute.")
@click.option("--new-customer", is_flag=True, help="The customer is new, and has no money yet.")
@local
def create(
    call: Call,
    customer: str,
    *,
    models: tuple[str, ...],
    regions: tuple[str, ...],
    allowed: tuple[str, ...],
    spend: str | None,
    spend_day: str | None,
    per_minute: int | None,
    new_customer: bool,
) -> None:
    """Make an API key for a CUSTOMER.  Its text is shown once, now."""
    from gateway.accounts import add_customer
    from gateway.keys import create_key
    from gateway.money import parse_usd
    from gateway.policies import make_policy

    policy = make_policy(
        models=models,
        regions=regions,
        hosts=allowed,
        spend_pusd=parse_usd(spend) if spend is not None else None,
        day_pusd=parse_usd(spend_day) if spend_day is not None else None,
        per_minute=per_minute,
    )

    def make(connection: sqlite3.Connection) -> tuple[ApiKey, Secret]:
        if new_customer:
            add_customer(connection, customer, _now_ms())
        return create_key(connection, customer, policy, entropy=secrets.token_bytes, now_ms=_now_ms())

    made, text = _write(call, make)
    call.emit({"key": text.reveal().decode(), **describe_key(made)})


@key.command("list")
@click.argument("customer", required=False)
@local
def list_(call: Call, customer: str | None) -> None:
    """All keys, or a CUSTOMER's; with --json their policies too."""
    from gateway.accounts import get_balance
    from gateway.keys import list_keys

    def look(connection: sqlite3.Connection) -> list[ApiKey]:
        if customer is not None:
            get_balance(connection, customer)
        return list_keys(connection, customer)

    found = [describe_key(item) for item in _write(call, look)]
    shown = ("key_id", "customer", "begins_with", "spent_usd", "revoked")
    call.emit(found if call.as_json else [{name: item[name] for name in shown} for item in found])


@key.command()
@click.argument("key_id")
@local
def revoke(call: Call, key_id: str) -> None:
    """Make a key useless from its next request on."""
    from gateway.keys import revoke_key

    call.emit(describe_key(_write(call, lambda connection: revoke_key(connection, key_id, _now_ms()))))


@group.group()
def price() -> None:
    """What models cost, and what a GNK is worth to you."""


@price.command("set", short_help="Sell MODEL at USD for 10^6 tokens, in and out.")
@click.argument("model")
@click.argument("usd_in")
@click.argument("usd_out")
@local
def set_(call: Call, model: str, usd_in: str, usd_out: str) -> None:
    """Sell MODEL at USD for 10^6 tokens, read (USD_IN) and written (USD_OUT)."""
    from gateway.money import UsdPrice, parse_musd
    from gateway.prices import set_price

    asked = UsdPrice(in_musd=parse_musd(usd_in), out_musd=parse_musd(usd_out))
    _write(call, lambda connection: set_price(connection, model, asked, _now_ms()))
    call.emit(_list_prices(call))


@price.command()
@click.argument("model")
@local
def remove(call: Call, model: str) -> None:
    """Sell MODEL no more."""
    from gateway.prices import remove_price

    _write(call, lambda connection: remove_price(connection, model))
    call.emit(_list_prices(call))


@price.command("list")
@local
def list_prices_(call: Call) -> None:
    """The price list: USD for 10^6 tokens, read (in) and written (out)."""
    call.emit(_list_prices(call))


@price.command("gnk-usd", short_help="Take one GNK for so many USD from now on.")
@click.argument("usd", required=False)
@local
def gnk_usd(call: Call, usd: str | None) -> None:
    """Take one GNK for so many USD from now on; invoices show it with its date.

    Without USD, every rate that was set.  The chain knows nothing of it.
    """
    from gateway.money import format_musd, parse_musd
    from gateway.prices import list_rates, set_rate
    from gateway.reports import format_time

    if usd is not None:
        musd = parse_musd(usd)
        _write(call, lambda connection: set_rate(connection, musd, _now_ms()))
    rates = _write(call, list_rates)
    call.emit([{"since": format_time(rate.set_ms), "gnk_usd": format_musd(rate.gnk_musd)} for rate in rates])


def describe_key(found: ApiKey) -> dict[str, Json]:
    """A key without its secret."""
    from dataclasses import asdict

    from gateway.money import format_usd
    from gateway.reports import format_time

    policy = {name: value for name, value in asdict(found.policy).items() if value is not None}
    for name in ("spend_pusd", "day_pusd"):
        if name in policy:
            policy[name.replace("pusd", "usd")] = format_usd(policy.pop(name))
    return {
        "key_id": found.key_id,
        "customer": found.customer,
        "begins_with": found.prefix,
        "policy": policy,
        "spent_usd": format_usd(found.spent_pusd),
        "created": format_time(found.created_ms),
        "revoked": format_time(found.revoked_ms) if found.revoked_ms is not None else None,
    }


def _list_prices(call: Call) -> list[Json]:
    from gateway.money import format_musd
    from gateway.prices import list_prices
    from gateway.reports import format_time

    return [
        {
            "model": model,
            "usd_in": format_musd(found.in_musd),
            "usd_out": format_musd(found.out_musd),
            "since": format_time(set_ms),
        }
        for model, (found, set_ms) in _write(call, list_prices).items()
    ]


def _write(call: Call, action: Callable[[sqlite3.Connection], T]) -> T:
    from gateway.store import Store

    with Store.open(Path(call.config.home)) as store:
        return store.write_now(action)


def _now_ms() -> int:
    return time.time_ns() // 10**6


def _this_month() -> str:
    return time.strftime("%Y-%m", time.gmtime())
