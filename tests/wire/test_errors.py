from grpc import StatusCode

from rules.errors import CATALOGUE, RuleError
from wire.errors import _STATUS_OF, CODES, read_error, status_of


def test_every_rule_code_has_a_number_of_its_own() -> None:
    assert sorted(CODES.values()) == sorted(CATALOGUE)
    assert 0 not in CODES


def test_the_table_names_only_codes_of_the_catalogue() -> None:
    assert set(_STATUS_OF) <= set(CATALOGUE)


def test_status_of__a_code_without_an_entry__is_failed_precondition() -> None:
    assert status_of("claim_window_closed") is StatusCode.FAILED_PRECONDITION
    assert status_of("account_unknown") is StatusCode.NOT_FOUND


def test_read_error__the_text_of_a_refusal__gives_it_back() -> None:
    refusal = RuleError("sequence_mismatch", "expected 3: got 2", expected=3)
    found = read_error(str(refusal))
    assert found is not None
    assert (found.code, found.detail) == ("sequence_mismatch", "expected 3: got 2")


def test_read_error__other_text__is_none() -> None:
    assert read_error("Connection refused") is None
    assert read_error("") is None
