"""Tables of what Sprints proved."""

import pytest

from commands.call import Call
from commands.config import read_config
from commands.output import render
from commands.sprint import choose_columns, describe_outcome
from wire.gonka.sprint.v1.sprint_pb2 import Outcome, Verdict


def outcome(**fields: object) -> dict[str, object]:
    """An epoch in which all went well, but for `fields`."""
    well = {
        "host": "gonka1" + "q" * 38,
        "claimed": 501,
        "verdict": Verdict.VERDICT_ACCEPTED,
        "units": 50_100,
        "reward_ngonka": 96_346_153_846,
        "reward_pending_ngonka": 105_892_307_692,
    }
    return describe_outcome(Outcome(**well | fields))  # type: ignore[arg-type,return-value]


def call(*, as_json: bool) -> Call:
    return Call(config=read_config({"home": "/nowhere"}, {}), as_json=as_json)


def test_choose_columns__nothing_happened__the_table_has_room_for_whole_amounts() -> None:
    text = render({"hosts": choose_columns(call(as_json=False), [outcome(), outcome()])}, width=80)

    assert max(map(len, text.splitlines())) <= 80
    assert text.count("96.346153846 GNK  105.892307692 GNK") == 2


@pytest.mark.parametrize(
    ("fields", "column"),
    [({"mismatched": 1}, "mismatched"), ({"slashed_ngonka": 1}, "slashed"), ({"missed": ["claim"]}, "missed")],
)
def test_choose_columns__something_happened_to_one__is_shown_for_all(fields: dict[str, object], column: str) -> None:
    shown = choose_columns(call(as_json=False), [outcome(), outcome(**fields)])

    assert all(column in record for record in shown)  # type: ignore[operator]


def test_choose_columns__json__has_every_column() -> None:
    assert choose_columns(call(as_json=True), [outcome()]) == [outcome()]
