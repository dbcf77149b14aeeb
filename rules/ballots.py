"""Votes and compute units -> outcome of a proposal: cosmos.gov.v1's tally, in integers.

A ballot weighs the smaller of the effective units its voter had when voting began and has when it ends.  Weights of
options are integers of WEIGHT_ONE parts.  Source: docs/protocol.md, "Governance"; Cosmos SDK, x/gov tally.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rules.errors import RuleError
from rules.params import MILLION, GovParams
from rules.types import Host, Table, VoteOption

WEIGHT_DIGITS: Final = 18
WEIGHT_ONE: Final = 10**WEIGHT_DIGITS

Options = Mapping[VoteOption, int]
"""Parts of WEIGHT_ONE by option, which sum to it."""


class Outcome(Enum):
    """How a vote ended; the values are shown to people."""

    PASSED = "passed"
    NO_QUORUM = "no quorum"
    NOT_ENOUGH_YES = "not enough yes"
    VETOED = "vetoed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Units behind each option in parts of 1/WEIGHT_ONE, and `total_units`, the smaller table's."""

    parts: Mapping[VoteOption, int]
    total_units: int

    def units(self, option: VoteOption) -> int:
        """Units behind an option, rounded down."""
        return self.parts[option] // WEIGHT_ONE


def parse_weight(text: str) -> int:
    """Parts of WEIGHT_ONE in a decimal such as "1", "0.5" or "0.333333333333333334".

    Raises: RuleError `vote_weights_invalid` for anything else, such as a sign, an exponent, or more than 18 decimals.
    """
    whole, point, decimals = text.partition(".")
    digits = whole + decimals
    plain = digits.isascii() and digits.isdigit() and whole and (decimals or not point)
    if not plain or len(whole) > 1 or len(decimals) > WEIGHT_DIGITS:
        raise RuleError("vote_weights_invalid", f"{text[:40]!r} is no weight from 0 to 1 with at most 18 decimals")
    return int(whole) * WEIGHT_ONE + int(decimals.ljust(WEIGHT_DIGITS, "0"))


def format_weight(parts: int) -> str:
    """The decimal with 18 places of some parts of WEIGHT_ONE."""
    whole, rest = divmod(parts, WEIGHT_ONE)
    return f"{whole}.{rest:0{WEIGHT_DIGITS}d}"


def check_options(options: Iterable[tuple[VoteOption, int]]) -> Options:
    """The options of a ballot, each once, with positive parts that sum to WEIGHT_ONE exactly.

    Raises: RuleError `vote_weights_invalid`.
    """
    checked: dict[VoteOption, int] = {}
    for option, parts in options:
        if option in checked:
            raise RuleError("vote_weights_invalid", f"{option.name.lower()} is named twice")
        if parts <= 0:
            raise RuleError("vote_weights_invalid", f"the weight of {option.name.lower()} is not positive")
        checked[option] = parts
    total = sum(checked.values())
    if total != WEIGHT_ONE:
        raise RuleError("vote_weights_invalid", f"the weights sum to {format_weight(total)}")
    return checked


def compute_units(voter: Host, began: Table, ended: Table) -> int:
    """The units that a ballot weighs."""
    return min(began.get(voter, 0), ended.get(voter, 0))


def compute_tally(ballots: Iterable[tuple[Host, Options]], began: Table, ended: Table) -> Tally:
    """What each option has behind it, given the tables when voting began and when it ended."""
    parts = dict.fromkeys(VoteOption, 0)
    for voter, options in ballots:
        units = compute_units(voter, began, ended)
        for option, share in options.items():
            parts[option] += units * share
    return Tally(parts=parts, total_units=min(sum(began.values()), sum(ended.values())))


def decide(tally: Tally, params: GovParams, *, expedited: bool) -> Outcome:
    """The outcome: quorum of the total, then veto over all votes, then yes over all but the abstaining.

    Quorum must be reached; the veto and the threshold must be exceeded.
    """
    voted = sum(tally.parts.values())
    yes, abstain = tally.parts[VoteOption.YES], tally.parts[VoteOption.ABSTAIN]
    veto = tally.parts[VoteOption.NO_WITH_VETO]
    threshold = params.expedited_threshold_ppm if expedited else params.threshold_ppm
    if voted == 0 or voted * MILLION < params.quorum_ppm * tally.total_units * WEIGHT_ONE:
        return Outcome.NO_QUORUM
    if veto * MILLION > params.veto_ppm * voted:
        return Outcome.VETOED
    if yes * MILLION > threshold * (voted - abstain):
        return Outcome.PASSED
    return Outcome.NOT_ENOUGH_YES
