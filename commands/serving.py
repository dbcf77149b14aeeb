"""`gnk host serve`: the serving process, put together from a call's settings."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from commands.call import Call, serves
from commands.logs import FORMATS, configure_logs

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import ClientSession

    from chain_client.inference_stub import InferenceStub
    from chain_client.keys.signing_key import SigningKey
    from serving.application import Listen
    from serving.config import ServingConfig
    from serving.paid import Desk
    from serving.process import Checks, Surroundings
    from serving.settling import Settler

BETWEEN_LOOKS_S: Final = 0.15
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
DRAIN_S: Final = 15.0
"""Less than what systemd waits before it kills."""


@click.command(short_help="Answer OpenAI's API with the sidecar's models.")
@click.option("--listen", "address", metavar="HOST:PORT", default="127.0.0.1:8080", show_default=True, help="Where.")
@click.option("--serving-key", "key_name", metavar="NAME", default="serving", show_default=True, help="The hot key.")
@click.option("--open-access", is_flag=True, help="Ask nobody for tickets; on loopback only, for yourself.")
@click.option("--queue", type=click.IntRange(0, 100_000), default=64, show_default=True, help="Answers that may wait.")
@click.option("--settle-every", type=click.IntRange(1, 86_400), default=600, show_default=True, help="Seconds between.")
@click.option("--allow-network", metavar="CIDR", multiple=True, help="Verify hosts in this private network too.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), default=0, help="Prometheus metrics on 127.0.0.1.")
@click.option("--log-format", type=click.Choice(FORMATS), default="console", show_default=True, help="How to log.")
@serves
def serve(
    call: Call,
    *,
    address: str,
    key_name: str,
    open_access: bool,
    queue: int,
    settle_every: int,
    allow_network: tuple[str, ...],
    metrics_port: int,
    log_format: str,
) -> None:
    """Answer OpenAI's API with the sidecar's models, until SIGTERM or Ctrl-C.

    Escrows pay with vouchers, which are on disk before they count and settle by
    themselves.  The hot key is one of the keyring's, named on chain by
    `gnk host serving-key`; the account's own key need not be on this machine:
    the chain knows whose serving key it is.
    """
    from serving.config import ServingConfig

    configure_logs(log_format)
    config = ServingConfig(
        listen=read_listen(address, open_access=open_access),
        queue=queue,
        metrics_port=metrics_port,
        settle_s=float(settle_every),
        drain_s=DRAIN_S,
    )
    if open_access:
        asyncio.run(_serve_open(call, config))
        return
    from commands.passphrases import call_keyring, call_passphrase
    from commands.reading import await_chain_id, keep_asking

    key = call_keyring(call).unlock(key_name, call_passphrase(call))
    chain_id = await_chain_id(call)
    address = keep_asking(lambda: find_host(call, key.public_key))
    asyncio.run(_serve_paid(call, config, key, _Place(chain_id=chain_id, address=address, networks=allow_network)))


async def _serve_open(call: Call, config: ServingConfig) -> None:
    from chain_client.daemon import watch_signals
    from chain_client.inference_stub import InferenceStub
    from serving.process import run_open

    stop = asyncio.Event()
    watch_signals(stop)
    async with InferenceStub.open(call.config.sidecar) as sidecar:
        await run_open(config, _look_around(sidecar), stop)


def find_host(call: Call, public_key: bytes) -> str:
    """The account that is served for, bech32: the one named, the one whose key is here, or the one that named this
    serving key on chain.  Raises host_unnamed.
    """
    from chain_client.errors import PermanentError
    from commands.market import find_offer
    from commands.passphrases import call_keyring
    from commands.writing import acting_address

    is_here = call.config.key in call_keyring(call).names()
    if call.consent.on_behalf_of or is_here:
        return acting_address(call)
    offer = find_offer(call, serving_pubkey=public_key)
    if offer is None:
        raise PermanentError("host_unnamed", f"no host has named {public_key.hex()}")
    return str(offer.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The chain, the account that is served for, and private networks whose hosts may be verified."""

    chain_id: str
    address: str
    networks: tuple[str, ...]


async def _serve_paid(call: Call, config: ServingConfig, key: SigningKey, place: _Place) -> None:
    from chain_client.cosmos import CosmosLedger
    from chain_client.daemon import watch_signals
    from chain_client.inference_stub import InferenceStub
    from chain_client.sender import Sender
    from gateway.guard import open_session, parse_networks
    from rules.addresses import decode_address
    from rules.types import Host
    from serving.chain_view import ChainView
    from serving.database import Database
    from serving.journal import Journal
    from serving.metrics import Metrics
    from serving.paid import Desk
    from serving.process import run_paid
    from serving.settling import Settler

    stop = asyncio.Event()
    watch_signals(stop)
    address, chain_id = place.address, place.chain_id
    host = Host(decode_address(address))
    database = Database.open(call.config.home, chain_id=chain_id, host=host)
    ledger = CosmosLedger.open(call.config.chain)
    try:
        async with InferenceStub.open(call.config.sidecar) as sidecar:
            around = _look_around(sidecar)
            journal = Journal(database, chain_id=chain_id, host=host)
            view = ChainView(ledger, chain_id=chain_id, host=address, now_s=around.monotonic_s)
            sender = Sender(ledger=ledger, outbox=journal, signer=key, chain_id=chain_id, pause=_pause)
            desk = Desk(
                view=view,
                journal=journal,
                key=key,
                metrics=Metrics(),
                entropy=around.entropy,
                now_s=around.monotonic_s,
            )
            settler = Settler(journal=journal, view=view, ledger=ledger, orders=sender, address=key.address)
            async with open_session(parse_networks(place.networks), connections=8) as session:
                checks = _build_checks(desk, settler, session, sidecar, call.config.home)
                await run_paid(config, around, stop, desk, settler, checks)
    finally:
        await ledger.__aexit__(None, None, None)
        database.close()


def _build_checks(desk: Desk, settler: Settler, session: ClientSession, sidecar: InferenceStub, home: Path) -> Checks:
    from serving.check_view import CheckView
    from serving.opening import Opener
    from serving.placing import Placer, Trees
    from serving.process import Checks
    from serving.verifying import Verifier, fetch_url

    view, chain_id = CheckView(ledger=settler.ledger), desk.view.chain_id
    verifier = Verifier(
        view=view,
        sidecar=sidecar,
        orders=settler.orders,
        fetch=partial(fetch_url, session),
        key=desk.key,
        home=home,
        chain_id=chain_id,
        host=desk.view.host,
        entropy=desk.entropy,
    )
    trees = Trees(desk.journal)
    opener = Opener(
        book=desk.journal,
        source=view,
        trees=trees,
        chain_id=chain_id,
        host=desk.host,
        entropy=desk.entropy,
        now_s=desk.now_s,
    )
    placer = Placer(
        view=view,
        book=desk.journal,
        trees=trees,
        orders=settler.orders,
        metrics=desk.metrics,
        host=desk.view.host,
        address=desk.key.address,
    )
    return Checks(opener=opener, placer=placer, verifier=verifier)


def _look_around(sidecar: InferenceStub) -> Surroundings:
    from serving.process import Surroundings
    from wire.notify import ServiceManager

    return Surroundings(
        sidecar=sidecar,
        manager=ServiceManager.read(os.environ),
        now_s=time.time,
        monotonic_s=time.monotonic,
        entropy=secrets.token_bytes,
    )


def read_listen(address: str, *, open_access: bool) -> Listen:
    """Where to listen.  Raises config_invalid, also for open access beyond loopback."""
    from chain_client.errors import PermanentError
    from serving.application import Listen

    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise PermanentError("config_invalid", f"--listen {address} is no HOST:PORT")
    if open_access and host not in LOOPBACK:
        raise PermanentError("config_invalid", f"--open-access listens on loopback only, not on {host}")
    return Listen(host=host, port=int(port))


async def _pause() -> None:
    await asyncio.sleep(BETWEEN_LOOKS_S)
