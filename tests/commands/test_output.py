"""What is printed: text in 80 columns, JSON, coded errors and exit statuses."""

import errno
import json
from pathlib import Path

import pytest

from chain_client.errors import PermanentError, TransientError
from commands.output import coded_errors, emit, render
from rules.errors import RuleError

ADDRESS = "gonka1" + "q" * 38


def test_render__a_mapping__aligns_names_and_nests() -> None:
    text = render({"name": "ann", "applied": True, "memo": None, "events": [], "fee": {"gas": 5}}, width=80)

    assert text.splitlines() == ["name     ann", "applied  yes", "memo     -", "events   (none)", "fee:", "  gas  5"]


def test_render__mappings_in_a_list__are_a_table() -> None:
    text = render([{"host": "ann", "units": 5}, {"host": "bob", "units": 10}], width=80)

    assert text.splitlines() == ["host  units", "ann   5", "bob   10"]


def test_render__a_wide_table__fits_and_keeps_both_ends() -> None:
    rows = [{"host": ADDRESS, "grantee": ADDRESS, "message": "MsgRevealDispute", "units": 5_000}] * 2

    lines = render(rows, width=80).splitlines()

    assert max(map(len, lines)) <= 80
    assert "gonka1" in lines[1]
    assert "…" in lines[1]
    assert lines[1].endswith("5000")


def test_render__more_columns_than_fit__shows_one_record_after_the_other() -> None:
    records = [{f"column_{i}": 1000 * row + i for i in range(12)} for row in (1, 2)]
    first, second = render(records, width=80).split("\n\n")
    assert first.splitlines()[0] == "column_0   1000"
    assert second.splitlines()[-1] == "column_11  2011"


def test_render__a_long_sentence__is_cut_between_words_and_a_hash_is_not() -> None:
    sentence, digest = " ".join(["word"] * 40), "f" * 100
    shown = render({"a": sentence, "list": [sentence], "hash": digest}, width=60)
    assert all(len(line) <= 60 for line in shown.splitlines() if digest not in line)
    assert digest in shown
    assert shown.split() == ["a", *sentence.split(), "list:", *sentence.split(), "hash", digest]


def test_render__one_record_too_wide_for_a_table__is_a_mapping_with_all_of_it() -> None:
    record = {"host": ADDRESS, "grantee": ADDRESS, "message": "MsgRevealDispute"}

    text = render([record], width=80)

    assert text.splitlines() == [f"host     {ADDRESS}", f"grantee  {ADDRESS}", "message  MsgRevealDispute"]


def test_render__a_hash_beside_a_long_name__begins_below_it_and_fits() -> None:
    text = render({"phase_last_height": 5, "sprint_seed": "f" * 64}, width=80)

    assert text.splitlines() == ["phase_last_height  5", "sprint_seed", f"  {'f' * 64}"]


def test_render__a_long_item_of_a_list__fits_with_its_indent() -> None:
    item = f"message: action=/gonka.stake.v1.MsgStake, sender={ADDRESS}, module=stake, msg_index=0"

    assert max(map(len, render({"events": [item]}, width=80).splitlines())) <= 80


def test_render__missing_cells__are_empty() -> None:
    assert render([{"a": 1}, {"b": 2}], width=80).splitlines() == ["a  b", "1", "   2"]


@pytest.mark.parametrize(("value", "expected"), [([], "(none)"), ("word", "word"), (["a", "b"], "a\nb"), (False, "no")])
def test_render__anything_else__is_itself(value: object, expected: str) -> None:
    assert render(value) == expected  # type: ignore[arg-type]


def test_emit__as_json__is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"name": "änn", "list": [1, None]}, as_json=True)

    assert json.loads(capsys.readouterr().out) == {"name": "änn", "list": [1, None]}


ERRORS = [
    (PermanentError("key_not_found", "there is no key x", name="x"), 1),
    (TransientError("chain_unreachable", "refused"), 3),
    (RuleError("insufficient_funds", "has 1, needs 2", needed=2), 1),
    (RuleError("insufficient_funds"), 1),
]


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_coded_errors__text__has_code_what_happened_and_next_step(
    error: PermanentError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught, coded_errors(as_json=False):
        raise error

    first, *details, last = capsys.readouterr().err.splitlines()
    assert caught.value.code == status
    assert first == f"error[{error.code}]: {error.fault.title}"
    assert details == ([f"  {error.detail}"] if error.detail else [])
    assert last == f"next: {error.fault.next_step}"


@pytest.mark.parametrize(("error", "status"), ERRORS)
def test_coded_errors__json__is_one_object(
    error: PermanentError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), coded_errors(as_json=True):
        raise error

    printed = capsys.readouterr()
    assert printed.out == ""
    assert set(json.loads(printed.err)["error"]) == {"code", "message", "next_step", "details"}
    assert json.loads(printed.err)["error"]["details"] == error.fields


def test_coded_errors__a_long_reason__fits_a_terminal_and_keeps_the_lines_of_a_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = "chain did not start:\n  port 9090 is taken\n" + " ".join(["word"] * 40)

    with pytest.raises(SystemExit), coded_errors(as_json=False):
        raise PermanentError("process_ended", log)

    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1:3] == ["  chain did not start:", "    port 9090 is taken"]


def test_coded_errors__a_file_that_the_system_refuses__is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught, coded_errors(as_json=False):
        (tmp_path / "missing" / "file").write_text("x")

    assert caught.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error[file_unusable]: ")
    assert f"{tmp_path}/missing/file: No such file or directory" in " ".join(printed.split())


def test_coded_errors__the_reader_of_our_output_has_gone__is_for_click_to_end() -> None:
    with pytest.raises(BrokenPipeError), coded_errors(as_json=False):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_coded_errors__a_mistake_of_ours__passes_through() -> None:
    with pytest.raises(ZeroDivisionError), coded_errors(as_json=True):
        raise ZeroDivisionError
