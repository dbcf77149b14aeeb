"""What an epoch meant for the host, from the chain's summary; and why something was missed, from the journal.  Pure
but for reading the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from chain_client.duties import HOST_WAS_DOWN
from chain_client.effects import Duty
from rules.addresses import encode_address
from rules.types import Host
from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary, Outcome

if TYPE_CHECKING:
    from chain_client.journal import Journal
    from chain_client.view import View

BEHIND: Final[Sequence[tuple[str, tuple[Duty, ...]]]] = (
    ("secret for the Sprint's seed", (Duty.REVEAL_SPRINT_SEED,)),
    ("secret for the sample's seed", (Duty.REVEAL_SAMPLE_SEED,)),
    ("leaves of the claim", (Duty.REVEAL_LEAVES,)),
    ("no row on the claim", (Duty.COMMIT_ROWS, Duty.REVEAL_ROWS)),
    ("no vote on the open disputes", (Duty.COMMIT_DISPUTE, Duty.REVEAL_DISPUTE)),
)
"""How the chain's words about what was missed begin, and the duties behind them."""
NO_CLAIM: Final = "no claim"
NO_COMMITMENT: Final = "secrets for the seeds not committed"
NO_DEAL: Final = "no part of the beacon's key dealt"


def find_outcome(summary: EpochSummary, me: Host) -> Outcome:
    """The host's outcome in a summary, an empty one where it has none."""
    address = encode_address(me)
    return next((outcome for outcome in summary.outcomes if outcome.host == address), Outcome(host=address))


def list_misses(epoch: int, outcome: Outcome, view: View, journal: Journal) -> dict[str, str]:
    """What was missed in an epoch, in words, with its cause: the last obstacle kept, else that the host was down."""
    noted = journal.read_obstacles(epoch)
    obstacles = {duty: words for duty, words in noted.items() if not journal.has_applied(epoch, duty)}
    host = view.registration
    misses = {words: _find_cause(words, obstacles) for words in outcome.missed}
    if host is not None and host.registered_epoch < epoch and not outcome.claimed and not host.left_epoch:
        misses[NO_CLAIM] = obstacles.get(Duty.CLAIM, HOST_WAS_DOWN)
    if Duty.COMMIT_SEEDS in obstacles:
        misses[NO_COMMITMENT] = obstacles[Duty.COMMIT_SEEDS]
    if Duty.DEAL in obstacles:
        misses[NO_DEAL] = obstacles[Duty.DEAL]
    return misses


def _find_cause(words: str, obstacles: dict[Duty, str]) -> str:
    duties = next((duties for start, duties in BEHIND if words.startswith(start)), ())
    return next((obstacles[duty] for duty in duties if duty in obstacles), HOST_WAS_DOWN)
