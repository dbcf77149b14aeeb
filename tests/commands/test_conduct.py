"""What is told of a host's answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.conduct import describe_lots, describe_reports, describe_standing
from commands.host import group
from rules.evidence import ONE
from rules.presets import MINIMAL
from tests.chain.ledger import ANN, BOB, CAT
from tests.commands.models import run_market
from tests.commands.people import error_of, furnish, run, run_json
from wire.gonka.inference.v1.check_pb2 import (
    CheckSeat,
    Conduct,
    Lot,
    QueryLotsResponse,
    Report,
    RevealedReport,
    Sample,
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_market(tmp_path_factory.mktemp("chain")) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(tmp_path)
    (tmp_path / "config.toml").write_text(f'chain = "{target}"\n')
    monkeypatch.setenv("GNK_HOME", str(tmp_path))


@pytest.mark.usefixtures("home")
def test_conduct__a_host_that_was_never_checked__has_none() -> None:
    told = run_json(group, "conduct", ANN.text)
    assert isinstance(told.pop("epoch"), int)  # the chain goes on meanwhile
    assert told == {
        "host": ANN.text,
        "null_ppm": MINIMAL.inference.answer_null_ppm,
        "models": [],
        "lots": [],
        "reports": [],
        "receipts_shown": [],
    }


@pytest.mark.usefixtures("home")
def test_conduct__no_address__is_refused() -> None:
    assert error_of(run(group, "conduct", "gonka1nobody")) == "address_invalid"


def drawn(*reports: tuple[str, int, int]) -> QueryLotsResponse:
    """Ann's lot for escrow 7, five seats; `reports` are verifier, tokens and distance."""
    seats = [CheckSeat(verifier=BOB.text, count=3), CheckSeat(verifier=CAT.text, count=2)]
    samples = [Sample(serial=1, count=9, positions=[0, 4]), Sample(serial=2, count=1, positions=[0])]
    lot = Lot(escrow_id=7, host=ANN.text, samples=samples, seats=seats)
    revealed = [
        RevealedReport(
            verifier=verifier, report=Report(escrow_id=7, host=ANN.text, tokens=tokens, distance_ppm=distance)
        )
        for verifier, tokens, distance in reports
    ]
    return QueryLotsResponse(epoch=2, lots=[lot], revealed=revealed)


@pytest.mark.parametrize(
    ("reports", "reported", "distance", "why"),
    [
        ((), "0/5", None, "nothing is revealed"),
        (((BOB.text, 90, 300_000),), "3/5", 300_000, "who holds most seats decides"),
        (((CAT.text, 90, 300_000),), "2/5", 0, "silent seats say nothing against a host"),
        (((BOB.text, 90, 5), (CAT.text, 90, 300_000)), "5/5", 5, "most seats found no more"),
    ],
)
def test_describe_lots__as_reports_come__says_what_settle_would_make_of_them(
    reports: tuple[tuple[str, int, int], ...], reported: str, distance: int | None, why: str
) -> None:
    (lot,) = describe_lots(drawn(*reports))
    assert lot == {"escrow_id": 7, "opened": 3, "reported": reported, "distance_ppm": distance}, why


def test_describe_reports__one_of_two_verifiers_has_revealed__the_other_has_found_nothing_yet() -> None:
    assert describe_reports(drawn((CAT.text, 90, 1234))) == [
        {"escrow_id": 7, "verifier": BOB.text, "seats": 3, "tokens": None, "distance_ppm": None},
        {"escrow_id": 7, "verifier": CAT.text, "seats": 2, "tokens": 90, "distance_ppm": 1234},
    ]


def test_describe_standing__of_a_host_with_a_verdict__says_when_it_was() -> None:
    wealth = (ONE * 5 // 2).to_bytes(16, "big")
    found = Conduct(host=ANN.text, model_id=bytes(32), reputation=8, wealth=wealth, rounds=9, rate_ppm=500_000)
    told = {"model_id": "00" * 32, "reputation": 8, "checked_percent": "50", "bet": "2.5", "lots_judged": 9}
    assert describe_standing(found) == told | {"verdict_epoch": None}
    found.verdict_epoch = 4
    assert describe_standing(found)["verdict_epoch"] == 4
