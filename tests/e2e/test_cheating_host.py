"""A host that serves a smaller model than it is paid for is found out: real model, real processes, real epochs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import pytest

from chain_client.ledger import Ledger
from commands.homes import BALANCE_NGONKA
from commands.inference.books import find_gaps, read_books
from commands.inference.market import STAKE_NGONKA
from commands.inference.show import compute_genesis_supply, list_people, wait_for_settlement
from rules.evidence import ALARM
from rules.params import MILLION
from tests.e2e.cheating import (
    MODEL,
    PARAMS,
    ROOT,
    Sheet,
    Trial,
    describe_checking,
    open_trial,
    read_sheets,
    render_sheet,
)
from wire.gonka.inference.v1.query_pb2 import QueryOfferRequest, QueryOfferResponse

Say = Callable[[str], None]
MOST_EPOCHS = 12
"""Of checks until the verdict: three are the fewest; on a machine so busy that verifiers are late it takes more."""
MORE_ANSWERS = 4
TIMEOUT_S = 3_600


@pytest.mark.e2e
@pytest.mark.model
@pytest.mark.timeout(TIMEOUT_S)
def test_a_host_that_serves_four_bit_weights_is_condemned_and_no_honest_host_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (ROOT / ".models" / MODEL / "manifest.json").exists():
        subprocess.run(["make", "model"], cwd=ROOT, check=True, timeout=600)
    began = time.monotonic()

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"[{time.monotonic() - began:6.1f} s] {line}", flush=True)

    say(f"three honest hosts, one with 4-bit weights, a gateway; homes and logs in {tmp_path}")
    asyncio.run(find_out(tmp_path, say))


async def find_out(directory: Path, say: Say) -> None:
    async with open_trial(directory, ROOT / ".models", "int4") as trial:
        say("all hosts offer the model, and three customers ask")
        sheets = await watch_until_verdict(trial, say)
        say(describe_checking(trial))
        check_verdict(trial, sheets)
        await check_loss(trial)
        await check_customers_go_on(trial)
        await trial.stop_asking()
        say("the cheat is asked no more, the others answer")
        await check_money(trial, say)


async def watch_until_verdict(trial: Trial, say: Say) -> list[Sheet]:
    """Every epoch up to the first verdict on anybody."""
    sheets: list[Sheet] = []
    async with aclosing(read_sheets(trial)) as found:
        async for sheet in found:
            say(render_sheet(sheet, trial.addresses))
            sheets.append(sheet)
            if sheet.list_events("answers_condemned"):
                return sheets
            checked = sum(any(line.lots for line in one.lines) for one in sheets)
            assert checked < MOST_EPOCHS, f"no verdict in {checked} epochs; logs in {trial.network.directory}"
    raise AssertionError("sheets come for ever")


def check_verdict(trial: Trial, sheets: list[Sheet]) -> None:
    """It is on the cheat alone, for its distances; the honest hosts gained what it lost."""
    last = sheets[-1]
    assert [event["host"] for event in last.list_events("answers_condemned")] == [trial.cheat]
    (slashed,) = last.list_events("slashed")
    burned = STAKE_NGONKA * PARAMS.inference.answer_slash_ppm // MILLION
    assert (slashed["host"], slashed["cause"], int(slashed["amount_ngonka"])) == (trial.cheat, "answers", burned)
    *honest, cheat = last.lines
    assert (cheat.verdict_epoch, cheat.reputation, cheat.bet) == (last.epoch, 0, 0)
    for line in honest:
        assert line.verdict_epoch is None
        assert line.reputation > 0, f"{line.name} answered by the model, and gained nothing by it"
        assert line.bet < ALARM / 100, f"{line.name} answered by the model, and is nearly condemned"
    for before, after in pairwise(sheets):
        gains = [now.reputation - then.reputation for now, then in zip(after.lines, before.lines, strict=True)][:-1]
        assert min(gains) >= 0


async def check_loss(trial: Trial) -> None:
    """Stake and offer as the chain has them."""
    burned = STAKE_NGONKA * PARAMS.inference.answer_slash_ppm // MILLION
    for address in trial.addresses.values():
        found = await trial.watch.host(address)
        assert found.host.stake_ngonka == STAKE_NGONKA - burned * (address == trial.cheat)
        assert bool(await read_models(trial.ledger, address)) == (address != trial.cheat)


async def read_models(ledger: Ledger, address: str) -> list[bytes]:
    """What a host offers."""
    answer = await ledger.query("/gonka.inference.v1.Query/Offer", QueryOfferRequest(host=address), QueryOfferResponse)
    return list(answer.offer.model_ids)


async def check_customers_go_on(trial: Trial) -> None:
    """The gateway has other hosts, and asks them."""
    served = {found["host"] for found in json.loads(trial.network.operate("hosts", "--model", MODEL))}
    assert served == {*trial.addresses.values()} - {trial.cheat}
    before = sum(buyer.answers for buyer in trial.buyers)
    async with asyncio.timeout(TIMEOUT_S / 4):
        while sum(buyer.answers for buyer in trial.buyers) < before + MORE_ANSWERS:
            trial.network.check_running()
            await asyncio.sleep(0.5)


async def check_money(trial: Trial, say: Say) -> None:
    """All vouchers are paid, the condemned host's too, and every ngonka is accounted for."""
    network, ledger = trial.network, trial.ledger
    assert await wait_for_settlement(network, ledger) == ()
    now = (await trial.watch.epoch()).epoch
    status = await trial.watch.until(
        lambda s: s.epoch > now and s.height >= s.first_height, timeout_s=TIMEOUT_S // 4, guard=network.check_running
    )
    developer = network.developer.address
    books = await read_books(ledger, list_people(network), developer, height=int(status.first_height))
    assert find_gaps(books, compute_genesis_supply(len(network.sellers)), BALANCE_NGONKA, developer) == []
    assert books.flows.slashed >= STAKE_NGONKA * PARAMS.inference.answer_slash_ppm // MILLION
    flows = books.flows
    say(f"{flows.settlements} settlements, {books.settled} ngonka; {flows.slashed} slashed; all sums agree")
    network.operate("balance")  # checks the gateway's own sums
