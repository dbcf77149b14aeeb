"""What a wallet is told of a chain, and proofs of what an account holds and a host weighs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from chain_client.errors import PermanentError
from commands.call import Call, ask, local, reads
from commands.output import Json
from commands.proving import proves, write_proof

if TYPE_CHECKING:
    from chain_client.ledger import GasPrice, Ledger
    from chain_client.rpc import RpcNode

COIN_TYPES: Final = ("1200", "118")
_DECIMALS: Final = 9


@click.command(name="add-to-wallet", short_help="Print the chain description that wallets take.")
@click.option(
    "--rpc", metavar="URL", default="http://127.0.0.1:26657", show_default=True, help="As the wallet sees it."
)
@click.option(
    "--rest", metavar="URL", default="http://127.0.0.1:1317", show_default=True, help="As the wallet sees it."
)
@click.option("--name", metavar="NAME", default="Gonka", show_default=True, help="What the wallet calls the chain.")
@click.option(
    "--coin-type",
    type=click.Choice(COIN_TYPES),
    default=COIN_TYPES[0],
    show_default=True,
    help="118 for keys that were made with it.",
)
@reads
def add_to_wallet(call: Call, rpc: str, rest: str, name: str, coin_type: str) -> None:
    """Print the JSON that wallets such as Keplr take to know the chain.

    A web page hands it over by window.keplr.experimentalSuggestChain(...).
    """
    chain_id, price = ask(call, _read_chain)
    described: dict[str, Json] = {"chainId": chain_id, "chainName": name, "rpc": rpc, "rest": rest}
    click.echo(json.dumps(described | describe_money(price, int(coin_type)), indent=2))


async def _read_chain(ledger: Ledger) -> tuple[str, GasPrice]:
    """Chain id, and the least gas price."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path

    from cosmos.base.tendermint.v1beta1.query_pb2 import GetNodeInfoRequest, GetNodeInfoResponse

    path = "/cosmos.base.tendermint.v1beta1.Service/GetNodeInfo"
    info = await ledger.query(path, GetNodeInfoRequest(), GetNodeInfoResponse)
    return info.default_node_info.network, await ledger.gas_price()


def describe_money(price: GasPrice, coin_type: int) -> dict[str, Json]:
    """The part of Keplr's chain description that says how keys, addresses and fees look."""
    from rules.addresses import PREFIX

    suffixes = {
        "AccAddr": "",
        "AccPub": "pub",
        "ValAddr": "valoper",
        "ValPub": "valoperpub",
        "ConsAddr": "valcons",
        "ConsPub": "valconspub",
    }
    coin: dict[str, Json] = {"coinDenom": "GNK", "coinMinimalDenom": price.denom, "coinDecimals": _DECIMALS}
    least = price.numerator / price.denominator
    steps: dict[str, Json] = {"low": least, "average": least, "high": 2 * least}
    return {
        "bip44": {"coinType": coin_type},
        "bech32Config": {f"bech32Prefix{name}": f"{PREFIX}{suffix}" for name, suffix in suffixes.items()},
        "currencies": [coin],
        "feeCurrencies": [coin | {"gasPriceStep": steps}],
        "stakeCurrency": coin,
        "features": [],
    }


@click.command(short_help="Write a file that proves balances or weights.")
@click.option("--balance", "accounts", metavar="ADDRESS", multiple=True, help="What the account holds.")
@click.option("--weight", "hosts", metavar="ADDRESS", multiple=True, help="What the host weighs in the table.")
@click.option("--epoch", metavar="N", type=click.IntRange(0), help="Whose table [the one in force].")
@proves
@local
def prove(  # noqa: PLR0917  # a command's parameters are its flags
    call: Call,
    accounts: tuple[str, ...],
    hosts: tuple[str, ...],
    epoch: int | None,
    rpc: str,
    trust_height: int | None,
    out: Path,
) -> None:
    """Write a file that shows balances and weights as the chain has them now.

    `gnk verify` checks it without asking any node.
    """
    from chain.modules.bank.state import balance_key
    from chain.modules.stake.state import TABLE_EPOCH_KEY, table_key
    from rules.addresses import decode_address

    balances = [balance_key(decode_address(account)) for account in accounts]
    weighed = [decode_address(host) for host in hosts]
    if not balances and not weighed:
        raise PermanentError("config_invalid", "name what to prove with --balance or --weight")

    async def choose(node: RpcNode) -> list[bytes]:
        if not weighed or epoch is not None:
            return balances + [table_key(epoch or 0, host) for host in weighed]
        in_force = int.from_bytes((await node.read_pair(TABLE_EPOCH_KEY, 0))[1], "big")
        return [*balances, TABLE_EPOCH_KEY, *(table_key(in_force, host) for host in weighed)]

    write_proof(call, rpc, trust_height, out, choose)
