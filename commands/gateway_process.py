"""The gateway's process, put together from a call's settings."""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import version
from typing import TYPE_CHECKING

from commands.passphrases import call_keyring, call_passphrase
from commands.reading import await_chain_id

if TYPE_CHECKING:
    from chain_client.keys.signing_key import SigningKey
    from commands.call import Call
    from gateway.config import GatewayConfig

ADDRESS_FILE = "gateway-address"


def run_gateway(call: Call, config: GatewayConfig) -> None:
    """Serves until SIGTERM or SIGINT; HOME/gateway-address holds the URL while it does.

    Raises ClientError: what keys, ledger and configuration are refused for; chain and hosts may come and go.
    """
    signer = call_keyring(call).unlock(call.config.key, call_passphrase(call))
    asyncio.run(_run(call, config, signer, await_chain_id(call)))


async def _run(call: Call, config: GatewayConfig, signer: SigningKey, chain_id: str) -> None:
    from chain_client.cosmos import CosmosLedger
    from chain_client.daemon import watch_signals
    from chain_client.disk import replace_durably
    from gateway.keeper import Purse
    from gateway.server import Surroundings, serve
    from wire.notify import ServiceManager

    home = call.config.home
    stop = asyncio.Event()
    watch_signals(stop)
    ledger = CosmosLedger.open(call.config.chain)
    try:
        around = Surroundings(
            ledger=ledger,
            chain_id=chain_id,
            purse=Purse(signer=signer, home=home, deposit_ngonka=config.deposit_ngonka),
            manager=ServiceManager.read(os.environ),
            version=version("gonka"),
        )
        await serve(
            config, around, stop=stop, ready=lambda url: replace_durably(home / ADDRESS_FILE, f"{url}\n".encode())
        )
    finally:
        (home / ADDRESS_FILE).unlink(missing_ok=True)
        await ledger.__aexit__(None, None, None)
