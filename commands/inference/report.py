"""What the inference demo saw, whether it is what had to happen, and how it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.amounts import format_gnk
from commands.homes import BALANCE_NGONKA
from commands.inference.books import find_gaps
from commands.inference.show import CREDIT_USD, compute_genesis_supply
from commands.output import Json, render

if TYPE_CHECKING:
    from commands.inference.show import Facts

EXPECTED = "Paris"


def find_failures(facts: Facts) -> list[str]:
    """Every expectation that does not hold, in words; none when all is well."""
    checks = [
        (EXPECTED in facts.answer, f"the answer does not say {EXPECTED}: {facts.answer!r}"),
        (facts.chunks > 1, "the answer did not come as a stream"),
        (facts.usage.get("out", 0) > 0, "no usage was told"),
        (facts.books.settled > 0, "no voucher was settled"),
        (facts.books.flows.burned > 0, "nothing was burned"),
        (not facts.unsettled, f"unsettled vouchers: {'; '.join(facts.unsettled)}"),
        (_adds_up(facts), f"{facts.charged_usd} charged and {facts.balance_usd} left are not {CREDIT_USD} USD"),
    ]
    return [words for holds, words in checks if not holds] + list_gaps(facts)


def list_gaps(facts: Facts) -> list[str]:
    """The sums that do not agree."""
    developer = next(escrow.developer for escrow in facts.books.escrows) if facts.books.escrows else ""
    return find_gaps(facts.books, compute_genesis_supply(facts.hosts), BALANCE_NGONKA, developer)


def describe(facts: Facts) -> dict[str, Json]:
    """All of it as one JSON value."""
    flows = facts.books.flows
    return {
        "answer": facts.answer,
        "chunks": facts.chunks,
        "usage": facts.usage,
        "charged_usd": facts.charged_usd,
        "balance_usd": facts.balance_usd,
        "height": facts.books.height,
        "balances_ngonka": facts.books.balances,
        "supply_ngonka": facts.books.supply,
        "deposited_ngonka": facts.books.deposited,
        "settled_ngonka": facts.books.settled,
        "paid_to_hosts_ngonka": sum(flows.paid.values()),
        "burned_ngonka": flows.burned,
        "minted_ngonka": flows.minted,
        "settlements": flows.settlements,
        "gaps": list_gaps(facts),
        "failures": find_failures(facts),
        "duration_s": round(facts.duration_s, 1),
    }


def render_report(facts: Facts) -> str:
    """The tables that the demo ends with, in 80 columns."""
    books, flows = facts.books, facts.books.flows
    balances: list[Json] = [{"account": name, "balance": format_gnk(n)} for name, n in books.balances.items() if n]
    sums: dict[str, Json] = {
        "all balances": format_gnk(sum(books.balances.values())),
        "supply": format_gnk(books.supply),
        "in the beginning": format_gnk(compute_genesis_supply(facts.hosts)),
        "minted": format_gnk(flows.minted),
        "burned with vouchers": format_gnk(flows.burned),
        "slashed": format_gnk(flows.slashed),
        "deposited in escrows": format_gnk(books.deposited),
        "settled by vouchers": format_gnk(books.settled),
        "of it to hosts": format_gnk(sum(flows.paid.values())),
        "community pool": format_gnk(books.balances["module pool"]),
        "tokens in, out": f"{facts.usage.get('in', 0)}, {facts.usage.get('out', 0)}",
        "charged to the customer": f"{facts.charged_usd} USD of {CREDIT_USD}",
    }
    gaps = list_gaps(facts)
    verdict = "every sum agrees to the last ngonka" if not gaps else "\n".join(gaps)
    return "\n\n".join([render(balances, width=80), render(sums, width=80), verdict])


def _adds_up(facts: Facts) -> bool:
    from gateway.money import parse_usd

    return parse_usd(facts.charged_usd) + parse_usd(facts.balance_usd) == parse_usd(CREDIT_USD)
