from collections.abc import Callable

import pytest

from chain.modules.sprint import state
from rules.errors import RuleError
from rules.params import ENVELOPE_BYTES
from rules.presets import PRESETS
from rules.sampling import compute_rows_bytes, encode_rows
from rules.seeds import compute_rows_commitment
from rules.types import Host, Phase, Row
from rules.verdicts import STOPPED_DIGEST
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN, Person
from tests.chain.modules.beacon.test_messages import changed
from tests.chain.network import (
    SALT,
    Network,
    Player,
    commit_dispute,
    commit_rows,
    reveal_dispute,
    reveal_rows,
    write_row,
)
from tests.chain.test_sprint import Forger, networked
from wire.gonka.sprint.v1.tx_pb2 import MsgCommitDispute, MsgCommitRows, MsgRevealDispute, MsgRevealRows


def at(phase: Phase, *players: Player) -> Network:
    network = networked(*players)
    network.play(phase)
    return network


def test_commit_rows__twice_or_short_or_by_who_holds_no_seat_or_outside_its_window__is_refused() -> None:
    network = at(Phase.ROWS_COMMIT, Player(DAN))
    message = commit_rows(network, Player(ANN))
    assert message is not None
    for person in (DAN, Person(b"", b"", bytes(20), "gonka1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqkec9ux")):
        with pytest.raises(RuleError, match=r"rows_not_seated|address_invalid"):
            network.send(changed(message, host=person.text))
    with pytest.raises(RuleError, match="rows_malformed"):
        network.send(changed(message, commitment=b"short"))
    with pytest.raises(RuleError, match="epoch_wrong"):
        network.send(changed(message, epoch=2))
    network.send(message)
    with pytest.raises(RuleError, match="rows_twice"):
        network.send(message)
    network.goto(Phase.ROWS_REVEAL)
    with pytest.raises(RuleError, match="rows_window_closed"):
        network.send(changed(message, host=BOB.text))


Spoil = Callable[[MsgRevealRows], None]


def claim_own(message: MsgRevealRows) -> None:
    message.rows[0].claimant = ANN.text


def drop_one(message: MsgRevealRows) -> None:
    del message.rows[0]


def swap(message: MsgRevealRows) -> None:
    first, second = message.rows
    rows = [type(first)(), type(first)()]
    rows[0].CopyFrom(second)
    rows[1].CopyFrom(first)
    del message.rows[:]
    message.rows.extend(rows)


def nonsense(message: MsgRevealRows) -> None:
    message.rows[0].claimant = "nonsense"


def short_digest(message: MsgRevealRows) -> None:
    message.rows[0].sample_digest = b"short"


def not_sampled(message: MsgRevealRows) -> None:
    message.rows[0].mismatched_positions.append(10**6)


def descending(message: MsgRevealRows) -> None:
    message.rows[0].mismatched_positions.extend([5, 4])


def repeated(message: MsgRevealRows) -> None:
    message.rows[0].mismatched_positions.extend([5, 5])


def stopped_early(message: MsgRevealRows) -> None:
    message.rows[0].sample_digest = STOPPED_DIGEST


def went_on(message: MsgRevealRows) -> None:
    message.rows[0].mismatched_positions.extend([3, 4, 5])


def four(message: MsgRevealRows) -> None:
    message.rows[0].sample_digest = STOPPED_DIGEST
    message.rows[0].mismatched_positions.extend([3, 4, 5, 6])


def other_salt(message: MsgRevealRows) -> None:
    message.salt = bytes(32)


def short_salt(message: MsgRevealRows) -> None:
    message.salt = b""


def other_digest(message: MsgRevealRows) -> None:
    message.rows[0].sample_digest = b"anything"


SPOILT: list[tuple[Spoil, str]] = [
    (claim_own, "rows_not_seated"),
    (drop_one, "rows_not_seated"),
    (swap, "rows_not_seated"),
    (nonsense, "address_invalid"),
    (short_digest, "rows_malformed"),
    (not_sampled, "rows_malformed"),
    (descending, "rows_malformed"),
    (repeated, "rows_malformed"),
    (stopped_early, "rows_malformed"),
    (went_on, "rows_malformed"),
    (four, "rows_malformed"),
    (short_salt, "rows_malformed"),
    (other_salt, "rows_mismatch"),
    (other_digest, "rows_mismatch"),
]


@pytest.mark.parametrize(("spoil", "code"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
def test_reveal_rows__one_thing_wrong__is_refused__and_the_right_ones_still_pass(spoil: Spoil, code: str) -> None:
    small = [Player(person, count=60) for person in (ANN, BOB, CAT)]
    network = at(Phase.ROWS_COMMIT, *small)
    network.act()
    network.goto(Phase.ROWS_REVEAL)
    right = reveal_rows(network, Player(ANN))
    bad = changed(right)
    assert isinstance(bad, MsgRevealRows)
    spoil(bad)
    with pytest.raises(RuleError, match=code):
        network.send(bad)
    record = state.get_rows(network.store, 1, Host(ANN.address))
    assert record is not None
    assert not record.revealed
    network.send(changed(right))
    with pytest.raises(RuleError, match="rows_twice"):
        network.send(changed(right))


def test_reveal_rows__from_a_stranger_or_without_a_commitment_or_outside_its_window__is_refused() -> None:
    network = at(Phase.ROWS_COMMIT)
    network.goto(Phase.ROWS_REVEAL)
    message = MsgRevealRows(host=ANN.text, epoch=1, salt=SALT)
    for person in (ANN, DAN):
        with pytest.raises(RuleError, match="commitment_missing"):
            network.send(changed(message, host=person.text))
    with pytest.raises(RuleError, match="epoch_wrong"):
        network.send(changed(message, epoch=2))
    network.goto(Phase.DISPUTE_COMMIT)
    with pytest.raises(RuleError, match="rows_window_closed"):
        network.send(message)


def test_reveal_rows__that_another_committed__are_refused() -> None:
    """The verifier is hashed into its commitment."""
    network = at(Phase.ROWS_COMMIT)
    theirs = compute_rows_commitment(CHAIN_ID, 1, Host(BOB.address), SALT, encode_rows(()))
    network.send(MsgCommitRows(host=ANN.text, epoch=1, commitment=theirs))
    network.goto(Phase.ROWS_REVEAL)
    right = reveal_rows(network, Player(ANN))
    with pytest.raises(RuleError, match="rows_mismatch"):
        network.send(changed(right))


def test_commit_dispute__by_who_may_not_judge__is_refused() -> None:
    network = at(Phase.DISPUTE_COMMIT, Forger(BOB), Player(DAN))
    message = MsgCommitDispute(epoch=1, commitment=bytes(32))
    for person, words in ((BOB, "the claimant"), (DAN, "no weight yet")):
        with pytest.raises(RuleError, match="dispute_not_juror"):
            network.send(changed(message, host=person.text))
        assert state.get_vote(network.store, 1, Host(person.address)) is None, words


def test_commit_dispute__where_none_is_open__is_refused() -> None:
    network = at(Phase.DISPUTE_COMMIT)
    with pytest.raises(RuleError, match="dispute_not_juror"):
        network.send(MsgCommitDispute(host=ANN.text, epoch=1, commitment=bytes(32)))


def test_commit_dispute__twice_or_short_or_outside_its_window__is_refused() -> None:
    network = at(Phase.DISPUTE_COMMIT, Forger(BOB))
    message = commit_dispute(network, Player(ANN))
    assert message is not None
    with pytest.raises(RuleError, match="dispute_malformed"):
        network.send(changed(message, commitment=b"short"))
    network.send(message)
    with pytest.raises(RuleError, match="dispute_twice"):
        network.send(message)
    network.goto(Phase.DISPUTE_REVEAL)
    with pytest.raises(RuleError, match="dispute_window_closed"):
        network.send(changed(message, host=CAT.text))


BITS = [
    ({"bits": b""}, "dispute_malformed", "no bit"),
    ({"bits": b"\x01\x01"}, "dispute_malformed", "a bit too many"),
    ({"bits": b"\x02"}, "dispute_malformed", "no bit at all"),
    ({"bits": b"\x00"}, "dispute_mismatch", "the other bit"),
    ({"salt": bytes(32)}, "dispute_mismatch", "another salt"),
    ({"salt": b""}, "dispute_malformed", "a short salt"),
    ({"epoch": 2}, "epoch_wrong", "another epoch"),
    ({"host": BOB.text}, "commitment_missing", "the claimant"),
    ({"host": DAN.text}, "commitment_missing", "a stranger"),
]


@pytest.mark.parametrize(("changes", "code", "words"), BITS, ids=[words for *_, words in BITS])
def test_reveal_dispute__one_thing_wrong__is_refused__and_the_right_one_still_passes(
    changes: dict[str, object], code: str, words: str
) -> None:
    network = at(Phase.DISPUTE_COMMIT, Forger(BOB))
    network.act()
    network.goto(Phase.DISPUTE_REVEAL)
    right = reveal_dispute(network, Player(ANN))
    assert isinstance(right, MsgRevealDispute)
    with pytest.raises(RuleError, match=code):
        network.send(changed(right, **changes))
    network.send(right)
    with pytest.raises(RuleError, match="dispute_twice"):
        network.send(right)


def test_disputes__one_for_equal_rows__with_the_tag_that_was_revealed() -> None:
    network = at(Phase.DISPUTE_COMMIT, Forger(BOB))
    (dispute,) = state.get_disputes(network.store, 1)
    assert dispute.claimant == BOB.text
    assert dispute.tag == bytes(8)
    assert [event["nonce"] for event in network.named("dispute_opened")] == [str(dispute.nonce)]


@pytest.mark.parametrize("name", PRESETS)
def test_the_rows_of_who_sits_on_every_claim_fit_into_a_transaction_even_where_all_claims_are_cheats(name: str) -> None:
    params = PRESETS[name]
    s, stops_at = params.sprint, params.sprint.slash_mismatches
    row = write_row(
        Row(claimant=Host(bytes(20)), sample_digest=bytes(8), mismatched_positions=(s.max_count,) * stops_at)
    )
    message = MsgRevealRows(host=ANN.text, epoch=2**32, salt=SALT, rows=[row] * s.max_hosts)
    most = compute_rows_bytes(s.max_hosts, stops_at, s.max_count)
    assert message.ByteSize() - MsgRevealRows(host=ANN.text, epoch=2**32, salt=SALT).ByteSize() <= most
    assert most + ENVELOPE_BYTES <= params.auth.max_tx_bytes
