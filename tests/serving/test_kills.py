"""The serving process is killed at random moments under load; what it said before must still be so."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from google.protobuf.message import Message

from chain_client.keys.keyring import open_keyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from commands.ports import find_free_port
from rules.addresses import decode_address
from rules.answers import build_receipt_tree
from rules.types import Host
from serving.database import Database
from serving.journal import Journal
from tests.chain.ledger import BOB, CHAIN_ID
from tests.serving.market import (
    SERVING,
    Developer,
    Market,
    Stream,
    connect,
    key_of,
    open_escrow,
    poll,
    read_escrow,
    run_market,
)
from tests.serving.stack import GNK, settle_once
from wire.openai.notes import PROTOBUF, VOUCHERS_PATH

CREDIT = 256
PASSPHRASE = "kill me gently"
UP_S = 60.0


@pytest.fixture(scope="module")
def market(sidecar: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with run_market(Path(tmp_path_factory.mktemp("market")), sidecar) as market:
        yield market


@dataclass
class Said:
    """What the server said before it died: the greatest serial it took, requests it began, receipts it gave."""

    serial: int = 0
    requests: set[int] = field(default_factory=set)
    receipts: dict[int, bytes] = field(default_factory=dict)


class Witness(Developer):
    """A developer that remembers what the server said."""

    def __init__(self, url: str, market: Market, escrow: object) -> None:
        super().__init__(url, market.terms_of(escrow))  # type: ignore[arg-type]
        self.said = Said()
        self.first_token = asyncio.Event()

    async def post(self, session: aiohttp.ClientSession, voucher: Message) -> tuple[int, str]:
        if self.delivered.tokens_out:
            self.first_token.set()
        status, code = await super().post(session, voucher)  # type: ignore[arg-type]
        if status == 204:
            self.said.serial = max(self.said.serial, voucher.serial)  # type: ignore[attr-defined]
        return status, code

    async def try_once(self, session: aiohttp.ClientSession) -> Stream | None:
        with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
            got = await self.ask(session, max_tokens=60)
            if got.note is not None:
                self.said.receipts[got.note.request] = got.note.receipt
                self.said.requests.add(got.note.request)
            return got
        return None


@contextmanager
def run_process(market: Market, home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    words = [
        *(GNK, "host", "serve", "--home", home, "--chain", market.chain, "--sidecar", market.sidecar),
        *("--chain-id", CHAIN_ID, "--listen", f"127.0.0.1:{port}", "--settle-every", "1"),
    ]
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"GNK_PASSPHRASE": PASSPHRASE}
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(30)


def wait_until_up(url: str, process: subprocess.Popen[bytes], home: Path) -> None:
    async def is_up() -> bool:
        async with connect() as session:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{url}/health") as answer:
                    return answer.status == 200
        return False

    def check() -> bool:
        assert process.poll() is None, (home / "log").read_text()[-2_000:]
        return asyncio.run(is_up())

    poll(check, UP_S)


def read_journal(home: Path) -> Journal:
    return Journal(Database.peek(home), chain_id=CHAIN_ID, host=Host(decode_address(BOB.text)))


def check_journal(home: Path, witness: Witness) -> None:
    """Nothing that was said is lost, nothing is counted that was not signed."""
    escrow_id, journal = witness.terms.escrow_id, read_journal(home)
    state = journal.read_escrow(escrow_id)
    serial = state.voucher.serial if state.voucher else 0
    assert witness.said.serial <= serial <= witness.serial
    signed = witness.signed
    assert state.done.beyond(signed) <= CREDIT
    kept = dict(Database.peek(home).all("SELECT request, receipt FROM answers WHERE escrow_id = ?", escrow_id))
    assert witness.said.receipts.items() <= {int.from_bytes(n): digest for n, digest in kept.items()}.items()


def make_home(folder: Path) -> Path:
    """A home whose keyring holds the serving key."""
    home, key = folder / "bob", key_of(SERVING)
    home.mkdir()
    open_keyring("file", home).add(key.describe("serving", 0), key, PassphraseSource(given=Secret(PASSPHRASE)))
    return home


def run_kills(market: Market, home: Path, kills: int) -> None:
    chance = random.Random(kills)
    escrow = asyncio.run(open_escrow(market.chain, home / "dan", market.model.model_id))
    port = find_free_port()
    witness = Witness(f"http://127.0.0.1:{port}", market, escrow)

    async def load_until_killed(process: subprocess.Popen[bytes]) -> None:
        async def keep_asking() -> None:
            while process.poll() is None:
                await witness.try_once(session)

        async with connect() as session:
            askers = [asyncio.create_task(keep_asking()) for _ in range(3)]
            await asyncio.sleep(chance.uniform(0.05, 2.5))
            process.send_signal(signal.SIGKILL)
            await asyncio.gather(*askers)

    for _ in range(kills):
        with run_process(market, home, port) as process:
            wait_until_up(witness.url, process, home)
            asyncio.run(load_until_killed(process))
        check_journal(home, witness)
    with run_process(market, home, port) as process:
        wait_until_up(witness.url, process, home)
        asyncio.run(check_replays(witness))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    check_journal(home, witness)
    asyncio.run(check_settled(market, home, witness))


async def check_replays(witness: Witness) -> None:
    """Numbers that were used stay used, the newest voucher stays the newest, and work goes on."""
    async with connect() as session:
        numbers, witness.requests = witness.requests, min(witness.said.requests) - 1
        assert (await witness.ask(session, max_tokens=4)).error == "ticket_used"
        witness.requests = numbers
        assert witness.newest is not None
        headers = {"Content-Type": PROTOBUF}
        data = witness.newest.SerializeToString()
        for status in ((204, 409), (409,)):  # it may not have arrived before the kill
            async with session.post(witness.url + VOUCHERS_PATH, data=data, headers=headers) as answer:
                assert answer.status in status
        got = await witness.try_once(session)
        assert got is not None
        assert got.done


async def check_settled(market: Market, home: Path, witness: Witness) -> None:
    """The chain paid the newest voucher once, and every answer hangs in one batch of those that it took."""
    while await settle_once(market, home):  # first what was under way when the process was killed
        pass
    (reserve,) = (await read_escrow(market.chain, witness.terms.escrow_id)).reserves
    state = read_journal(home).read_escrow(witness.terms.escrow_id)
    assert state.voucher is not None
    assert (reserve.serial, reserve.paid_ngonka) == (state.voucher.serial, state.voucher.amount_ngonka)
    database, journal = Database.peek(home), read_journal(home)
    hung = []
    for serial, root in database.all("SELECT serial, root FROM batches WHERE fate = 'applied' AND count > 0"):
        answers = journal.read_answers(witness.terms.escrow_id, int.from_bytes(serial))
        assert build_receipt_tree([(answer.receipt.request, answer.digest) for answer in answers]).root == root
        hung += [answer.receipt.request for answer in answers]
    assert sorted(hung) == sorted(set(hung))
    assert set(witness.said.receipts) <= set(hung)


def test_a_few_kills_under_load__no_voucher_lost_none_counted_twice(market: Market, tmp_path: Path) -> None:
    run_kills(market, make_home(tmp_path), 4)


@pytest.mark.e2e
def test_many_kills_under_load__no_voucher_lost_none_counted_twice(market: Market, tmp_path: Path) -> None:
    run_kills(market, make_home(tmp_path), int(os.environ.get("GNK_E2E_KILLS", "20")) // 2)


def test_a_stop_lets_the_running_answers_end(market: Market, tmp_path: Path) -> None:
    home, port = make_home(tmp_path), find_free_port()
    escrow = asyncio.run(open_escrow(market.chain, home / "dan", market.model.model_id))
    witness = Witness(f"http://127.0.0.1:{port}", market, escrow)

    async def ask_and_stop(process: subprocess.Popen[bytes]) -> tuple[Stream | None, int]:
        async with connect() as session:
            asking = asyncio.create_task(witness.ask(session, max_tokens=80, logit_bias={"258": -100}))
            await witness.first_token.wait()
            process.send_signal(signal.SIGTERM)
            got = await asking
            await asyncio.to_thread(process.wait, 30)
            return got, process.returncode

    with run_process(market, home, port) as process:
        wait_until_up(witness.url, process, home)
        got, status = asyncio.run(ask_and_stop(process))
    assert status == 0
    assert got is not None
    assert got.done
    assert got.note is not None
    kept = Database.peek(home).all("SELECT receipt FROM answers WHERE escrow_id = ?", witness.terms.escrow_id)
    assert kept == [(got.note.receipt,)]
