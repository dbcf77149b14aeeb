"""The host's daemon, put together from a call's settings."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from commands.call import Call
from commands.passphrases import call_keyring, call_passphrase
from commands.reading import await_chain_id
from commands.writing import acting_address

if TYPE_CHECKING:
    from chain_client.keys.secret import Secret
    from chain_client.keys.signing_key import SigningKey

BETWEEN_LOOKS_S = 0.15
AFTER_FAILURE_S = 0.5


def run_host(call: Call, *, metrics_port: int) -> None:
    """Does the host's duties until SIGTERM or SIGINT.

    Raises ClientError: what keys, journal and configuration are refused for; chain and sidecar may come and go.
    """
    key = call_keyring(call).unlock(call.config.key, call_passphrase(call))
    chain_id = await_chain_id(call)
    asyncio.run(_run(call, key, chain_id, metrics_port))


async def _run(call: Call, key: SigningKey, chain_id: str, metrics_port: int) -> None:
    from chain_client.config import DaemonConfig
    from chain_client.cosmos import CosmosLedger
    from chain_client.daemon import run_daemon, watch_signals
    from chain_client.journal import Journal
    from chain_client.perform import Ports
    from chain_client.sender import Sender
    from chain_client.sidecar_stub import SidecarStub
    from rules.addresses import decode_address
    from rules.types import Host
    from wire.notify import ServiceManager

    host = acting_address(call)
    beacon_secret = _read_beacon_secret(call.config.beacon_key) if call.config.beacon_key else None
    stop = asyncio.Event()
    watch_signals(stop)
    journal = Journal.open(call.config.home, chain_id=chain_id, host=Host(decode_address(host)))
    ledger = CosmosLedger.open(call.config.chain)
    try:
        async with SidecarStub.open(call.config.sidecar, _now_ms) as sidecar:
            sender = Sender(ledger=ledger, outbox=journal, signer=key, chain_id=chain_id, pause=_pause)
            ports = Ports(
                ledger=ledger,
                sidecar=sidecar,
                sender=sender,
                signer=key,
                journal=journal,
                entropy=secrets.token_bytes,
                now_ms=_now_ms,
                pause=_pause_after_failure,
                beacon_secret=beacon_secret,
            )
            config = DaemonConfig(host=host, metrics_port=metrics_port)
            manager = ServiceManager.read(os.environ)
            await run_daemon(config, ports, chain_id=chain_id, manager=manager, stop=stop)
    finally:
        await ledger.__aexit__(None, None, None)
        journal.close()


def _read_beacon_secret(path: Path) -> Secret:
    """A validator's beacon secret.  Raises PermanentError beacon_key_unreadable."""
    from chain_client.errors import PermanentError
    from chain_client.keys.secret import Secret
    from wire.threshold.keyfile import read_secret

    try:
        return Secret(read_secret(path).to_bytes(32))
    except (OSError, ValueError) as error:
        raise PermanentError("beacon_key_unreadable", f"{path}: {error}") from error


async def _pause_after_failure() -> None:
    await asyncio.sleep(AFTER_FAILURE_S)


async def _pause() -> None:
    await asyncio.sleep(BETWEEN_LOOKS_S)


def _now_ms() -> int:
    return time.time_ns() // 10**6
