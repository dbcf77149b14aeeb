"""`gnk explain`: every code of every process."""

import json

import pytest
from click.testing import CliRunner, Result

from commands.explain import CATALOGUES, command
from rules.errors import CATALOGUE

CODES = sorted({(code, who) for who, catalogue in CATALOGUES.items() for code in catalogue})


def explain(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


@pytest.mark.parametrize(("code", "who"), CODES)
def test_explain__a_code_of_any_catalogue__says_what_it_means_what_to_do_and_who_says_it(code: str, who: str) -> None:
    shown = explain(code, "--json")
    assert shown.exit_code == 0
    answer = json.loads(shown.output)
    fault = CATALOGUES[who][code]
    assert (answer["code"], answer["means"], answer["next"]) == (code, fault.title, fault.next_step)
    assert who in answer["said_by"].split(", ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("claim_bond_missing", "claim_bond_missing"),
        ("CLAIM-BOND-MISSING", "claim_bond_missing"),
        (str(CATALOGUE["claim_bond_missing"].number), "claim_bond_missing"),
        ("profile_unknown", "profile_unknown"),
        ("store_locked", "store_locked"),
    ],
)
def test_explain__a_code_as_people_write_it__is_found(typed: str, meant: str) -> None:
    assert explain(typed).output.split()[:2] == ["code", meant]


def test_explain__a_rule__gives_its_abci_code() -> None:
    assert json.loads(explain("tx_malformed", "--json").output)["abci_code"] == 2


def test_explain__a_code_that_no_rule_has__gives_no_abci_code() -> None:
    assert "abci_code" not in json.loads(explain("wrong_passphrase", "--json").output)


def test_explain__no_code__lists_all_of_them_once() -> None:
    listed = [row["code"] for row in json.loads(explain("--json").output)]
    assert listed == sorted({code for code, _ in CODES})
    assert len(listed) > 120


@pytest.mark.parametrize("typed", ["wrong_pasphrase", "wrong-passphrases", "journal_unread"])
def test_explain__a_mistyped_code__is_refused_with_the_nearest(typed: str) -> None:
    shown = explain(typed)
    assert shown.exit_code == 1
    assert "error[code_unknown]" in shown.output
    assert "wrong_passphrase" in shown.output or "journal_unreadable" in shown.output


def test_explain__a_code_like_nothing__is_refused_without_a_guess() -> None:
    shown = explain("zzzzzzzz")
    assert shown.exit_code == 1
    assert "near" not in shown.output
